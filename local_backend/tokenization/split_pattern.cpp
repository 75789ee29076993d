#include "local_backend/tokenization/split_pattern.h"

#include <array>
#include <string>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace pennyweight::llm {
namespace {

constexpr std::uint32_t kMatchLimit = 10'000'000;

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

// PCRE2's own \s counts U+180E, which is no white space since Unicode 6.3.
std::string with_white_space(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const bool escape = source[i] == '\\' && i + 1 < source.size();
    if (!escape) {
      out += source[i];
      continue;
    }
    ++i;
    if (source[i] == 's') {
      out += "\\p{White_Space}";
    } else if (source[i] == 'S') {
      out += "\\P{White_Space}";
    } else {
      out += {'\\', source[i]};
    }
  }
  return out;
}

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* t) const { Free(t); }
};
using MatchData =
    std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data, pcre2_match_data_free>>;

}  // namespace

struct SplitPattern::Code {
  std::unique_ptr<pcre2_code, Deleter<pcre2_code, pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context, pcre2_match_context_free>>
      limits;
};

SplitPattern::SplitPattern(std::unique_ptr<const Code> code) : code_(std::move(code)) {}
SplitPattern::SplitPattern(SplitPattern&&) noexcept = default;
SplitPattern& SplitPattern::operator=(SplitPattern&&) noexcept = default;
SplitPattern::~SplitPattern() = default;

Result<SplitPattern> SplitPattern::compile(std::string_view source) {
  const std::string pattern = with_white_space(source);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_unique<Code>();
  code->code.reset(pcre2_compile(units(pattern), pattern.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY, &error, &offset,
                                 nullptr));
  code->limits.reset(pcre2_match_context_create(nullptr));
  if (!code->code || !code->limits) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return fail(ErrorKind::internal, "a pre-tokenizer pattern does not compile: " + pattern,
                reinterpret_cast<const char*>(message.data()));
  }
  pcre2_set_match_limit(code->limits.get(), kMatchLimit);
  // Where a system's PCRE2 has no compiler to machine code, it interprets.
  static_cast<void>(pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE));
  return SplitPattern(std::move(code));
}

void SplitPattern::append_pieces(std::string_view text, std::size_t offset,
                                 std::vector<std::size_t>& ends) const {
  const pcre2_code* code = code_->code.get();
  const MatchData data(pcre2_match_data_create_from_pattern(code, nullptr));
  std::size_t at = 0;
  while (data && at < text.size()) {
    const int count = pcre2_match(code, units(text), text.size(), at, PCRE2_NO_UTF_CHECK,
                                  data.get(), code_->limits.get());
    if (count < 0) break;
    const PCRE2_SIZE* match = pcre2_get_ovector_pointer(data.get());
    if (match[1] <= at) break;
    if (match[0] > at) ends.push_back(offset + match[0]);
    if (match[1] > match[0]) ends.push_back(offset + match[1]);
    at = match[1];
  }
  if (at < text.size()) ends.push_back(offset + text.size());
}

}  // namespace pennyweight::llm
