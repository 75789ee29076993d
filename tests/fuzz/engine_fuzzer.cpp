// Any bytes are a model or an error; one that opens answers a prompt or says why it cannot, is
// described, and can be quantized into a file that is again a GGUF file.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "local_backend/engine.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/model_facts.h"
#include "local_backend/quantization/block_formats.h"
#include "tests/fuzz/memory_file.h"

namespace {

using namespace pennyweight::llm;

constexpr std::uint64_t kMostMemory = 64u << 20;

void check(bool fact) {
  if (!fact) std::abort();
}

class Sink final : public StepSink {
 public:
  void on_prefill(SequenceId, int, int) override {}
  void on_token(SequenceId, const GeneratedToken& token) override {
    check(token.logprob <= 0);
    ++tokens;
  }
  void on_finished(SequenceId, FinishReason reason, std::string_view,
                   const pennyweight::Error* error) override {
    check((reason == FinishReason::error) == (error != nullptr));
    finished = true;
  }
  int tokens = 0;
  bool finished = false;
};

void answer(const std::filesystem::path& path) {
  EngineOptions options;
  options.threads = 1;
  options.parallel = 1;
  const auto engine = Engine::open(path, options);
  if (!engine) return check(!engine.error().what.empty());
  check((*engine)->info().chat_template.size() > 0);
  SequenceSpec spec;
  auto prompt = (*engine)->encode(PromptText{"Hi\xff <s>"});
  spec.prompt = prompt && !prompt->empty() ? *prompt : std::vector<Token>{0};
  spec.max_tokens = 3;
  if (!(*engine)->submit(std::move(spec))) return;
  Sink sink;
  while ((*engine)->step(sink)) {
  }
  check(sink.finished && sink.tokens <= 3);
}

// Rows of every type are widened, and those of the first rounded again.
void convert(const GgufFile& file) {
  for (const TensorInfo& tensor : file.tensors()) {
    const BlockFormat& format = *block_format(tensor.type);
    if (!format.supported || tensor.bytes > 1u << 16) continue;
    std::vector<std::byte> bytes(tensor.bytes);
    check(file.read_tensor(tensor, bytes).has_value());
    std::vector<float> values(tensor.elements());
    check(dequantize(tensor.type, bytes, values).has_value());
    for (const TensorType to : {TensorType::q4_k, TensorType::q6_k, TensorType::q3_k,
                                TensorType::iq4_xs, TensorType::mxfp4, TensorType::f16}) {
      const auto size = row_bytes(to, values.size());
      if (!size) continue;
      std::vector<std::byte> out(*size);
      static_cast<void>(quantize(to, values, out));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile memory(data, size);
  const auto file = GgufFile::open(memory.path());
  if (!file) return 0;
  const auto facts = read_model_facts(memory.path());
  check(facts.has_value());
  convert(*file);
  if (!facts->refusal && facts->memory(facts->info.context_limit) <= kMostMemory) {
    answer(memory.path());
  }
  return 0;
}
