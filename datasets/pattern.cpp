#include "datasets/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <array>

#include <fmt/format.h>
#include <pcre2.h>

namespace pennyweight {
namespace {

constexpr std::size_t kMaxSource = 10'000;
// About a tenth of a second. PCRE2's own limit starts anew at each position of the text, so a
// callout before every item of the pattern counts the whole search.
constexpr std::int64_t kMaxSteps = 2'000'000;
constexpr std::uint32_t kMatchLimit = 1'000'000;
constexpr std::uint32_t kDepthLimit = 50'000;
constexpr std::uint32_t kHeapLimitKib = 64 * 1024;

int count_step(pcre2_callout_block*, void* steps_left) {
  return --*static_cast<std::int64_t*>(steps_left) >= 0 ? 0 : PCRE2_ERROR_MATCHLIMIT;
}

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* t) const { Free(t); }
};
using MatchData =
    std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data, pcre2_match_data_free>>;
using MatchContext =
    std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context, pcre2_match_context_free>>;

Pattern::Match read_match(std::string_view text, pcre2_match_data* data, int count) {
  const PCRE2_SIZE* ovector = pcre2_get_ovector_pointer(data);
  Pattern::Match match;
  match.begin = ovector[0];
  match.end = ovector[1];
  for (std::uint32_t i = 0; i < pcre2_get_ovector_count(data); ++i) {
    const bool set = i < static_cast<std::uint32_t>(count) && ovector[2 * i] != PCRE2_UNSET &&
                     ovector[2 * i] <= ovector[2 * i + 1];  // \K may reverse them
    match.groups.push_back(set ? std::optional(std::string(text.substr(
                                     ovector[2 * i], ovector[2 * i + 1] - ovector[2 * i])))
                               : std::nullopt);
  }
  return match;
}

}  // namespace

struct Pattern::Code {
  std::unique_ptr<pcre2_code, Deleter<pcre2_code, pcre2_code_free>> code;
};

Result<Pattern> Pattern::compile(std::string_view source, Options options) {
  if (source.size() > kMaxSource) {
    return fail(ErrorKind::invalid_input,
                fmt::format("a pattern of {} bytes is too long", source.size()), "",
                fmt::format("at most {} bytes", kMaxSource));
  }
  // \C could cut a character in two.
  std::uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
  if (options.ignore_case) flags |= PCRE2_CASELESS;
  if (options.dotall) flags |= PCRE2_DOTALL;
  if (options.multiline) flags |= PCRE2_MULTILINE;
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->code.reset(pcre2_compile(units(source), source.size(), flags, &error, &offset, nullptr));
  if (!code->code) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return fail(ErrorKind::invalid_input, fmt::format("malformed pattern at byte {}", offset),
                reinterpret_cast<const char*>(message.data()));
  }
  return Pattern(std::move(code));
}

std::vector<Pattern::Match> Pattern::matches(std::string_view text, std::size_t limit) const {
  std::vector<Match> out;
  const pcre2_code* code = code_->code.get();
  MatchData data(pcre2_match_data_create_from_pattern(code, nullptr));
  MatchContext context(pcre2_match_context_create(nullptr));
  if (!data || !context) return out;
  std::int64_t steps_left = kMaxSteps;
  pcre2_set_callout(context.get(), count_step, &steps_left);
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_depth_limit(context.get(), kDepthLimit);
  pcre2_set_heap_limit(context.get(), kHeapLimitKib);
  std::uint32_t flags = 0;  // the first search checks the text's UTF-8
  for (std::size_t at = 0; out.size() < limit && at <= text.size();) {
    const int count =
        pcre2_match(code, units(text), text.size(), at, flags, data.get(), context.get());
    if (count < 0 && (flags & PCRE2_ANCHORED) == 0) break;
    if (count >= 0) {
      out.push_back(read_match(text, data.get(), count));
      if (out.back().end < at || out.back().begin > out.back().end) break;
      at = out.back().end;
      // After an empty match look for one that is not, here, before moving on.
      flags = PCRE2_NO_UTF_CHECK;
      if (out.back().begin == at) flags |= PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED;
      continue;
    }
    if (count != PCRE2_ERROR_NOMATCH) break;
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    flags = PCRE2_NO_UTF_CHECK;
  }
  return out;
}

std::optional<Pattern::Match> Pattern::search(std::string_view text) const {
  auto found = matches(text, 1);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<Pattern::Match> Pattern::last(std::string_view text) const {
  auto found = matches(text, text.size() + 1);
  if (found.empty()) return std::nullopt;
  return std::move(found.back());
}

std::string Pattern::remove_all(std::string_view text) const {
  std::string out;
  std::size_t kept = 0;
  for (const Match& match : matches(text, text.size() + 1)) {
    if (match.begin < kept) continue;
    out += text.substr(kept, match.begin - kept);
    kept = match.end;
  }
  out += text.substr(kept);
  return out;
}

}  // namespace pennyweight
