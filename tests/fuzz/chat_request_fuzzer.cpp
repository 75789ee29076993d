// Any bytes are a request to the server or an error that is for its sender; what is read lies
// within the bounds that the engine is promised.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "local_backend/openai_protocol.h"

namespace {

void check(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pennyweight;
  using namespace pennyweight::llm;
  const auto request = parse_chat_request({reinterpret_cast<const char*>(data), size});
  if (!request) {
    const Error& error = request.error();
    check(!error.what.empty());
    check(error.kind == ErrorKind::invalid_input || error.kind == ErrorKind::unsupported);
    return 0;
  }
  const auto& generate = request->generate;
  check(generate.top >= 0 && generate.top <= kMaxTop && generate.max_tokens >= 0);
  check(generate.sampling.repeat_penalty > 0 && generate.sampling.temperature >= 0);
  for (const auto& stop : generate.stop) check(!stop.empty());
  for (const auto& [token, bias] : generate.sampling.logit_bias)
    check(token >= 0 && bias >= -100 && bias <= 100);
  return 0;
}
