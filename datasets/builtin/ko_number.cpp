// ko_number: Sino-Korean readings to digits and back. The level is the number's length.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "datasets/builtin/generator.h"
#include "datasets/builtin/korean_number.h"

namespace pennyweight {
namespace {

enum class Kind { write, read, read_mixed };

struct Length {
  std::size_t least, most;  // digits
  std::size_t most_nonzero;
};
constexpr std::array<Length, kLevels> kLengths = {{{2, 3, 3}, {5, 6, 5}, {8, 11, 6}, {13, 16, 6}}};

// Fifteen syllables: a byte-level tokenizer then needs 45 of the manifest's 48 tokens.
constexpr std::size_t kMostBytes = 45;

std::uint64_t draw_number(Random& random, const Length& length) {
  const std::size_t size = length.least + random.below(length.most - length.least + 1);
  std::string digits(size, '0');
  digits[0] = static_cast<char>('1' + random.below(9));
  for (std::size_t i = 1; i < length.most_nonzero; ++i) {
    digits[random.below(size)] = static_cast<char>('1' + random.below(9));
  }
  std::uint64_t out = 0;
  for (const char c : digits) out = out * 10 + static_cast<std::uint64_t>(c - '0');
  return out;
}

// Whether usage agrees on how to read it: 1억 1만 is 일억일만 to some and 일억만 to others, and a
// round number has nothing to get wrong.
bool is_sound(std::uint64_t number, const std::vector<std::string>& readings) {
  if (number % 10 == 0 || number == 12 || number == 30'025) return false;  // the prompts' examples
  for (std::uint64_t rest = number / 10'000; rest >= 10'000; rest /= 10'000) {
    if (rest % 10'000 == 1) return false;
  }
  return std::all_of(readings.begin(), readings.end(),
                     [](const std::string& r) { return r.size() <= kMostBytes; });
}

std::string question_text(Kind kind, std::uint64_t number, const std::string& reading) {
  switch (kind) {
    case Kind::write:
      return fmt::format(
          "숫자 {}을(를) 한글로만 띄어쓰기 없이 쓰세요 (예: 12 -> 십이, 1,215 -> 천이백십오).",
          with_commas(number));
    case Kind::read:
      return fmt::format("\"{}\"을(를) 아라비아 숫자로만 쓰세요 (예: 천이백십오 -> 1215).",
                         reading);
    case Kind::read_mixed:
      return fmt::format("\"{}\"을(를) 아라비아 숫자로만 쓰세요 (예: 3만 25 -> 30025).",
                         mixed_form(number));
  }
  return {};
}

// Every spelling must read back as the number.
Result<void> verify(std::uint64_t number, std::vector<std::string> forms) {
  forms.push_back(mixed_form(number));
  forms.push_back(with_commas(number));
  for (const std::string& form : forms) {
    if (read_korean_number(form) == number) continue;
    return fail(ErrorKind::internal, "ko_number: two computations disagree",
                fmt::format("{} does not read as {}", form, number));
  }
  return {};
}

Value scorer_of_kind(Kind kind) {
  Value scorer;
  if (kind == Kind::write) {
    scorer.set("name", "exact_match");
    scorer.set("ignore_punctuation", true);
    scorer.set("strip_all_space", true);
  } else {
    scorer.set("name", "numeric_close");
    scorer.set("abs_tol", 0);
  }
  return scorer;
}

}  // namespace

Result<Value> make_ko_number_row(std::uint64_t seed, std::uint64_t row, Questions& asked) {
  Random random = row_stream(seed, 2, row);
  const std::uint64_t level = row % kLevels + 1;
  // Level 1 has no 만, so no mixed form.
  const std::uint64_t kinds = level == 1 ? 2 : 3;
  const auto kind = static_cast<Kind>(row / kLevels % kinds);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint64_t number = draw_number(random, kLengths[level - 1]);
    const std::vector<std::string> readings = korean_readings(number);
    if (!is_sound(number, readings)) continue;
    const std::string question = question_text(kind, number, readings.front());
    if (!asked.insert(question).second) continue;
    if (auto verified = verify(number, readings); !verified) {
      return fail(std::move(verified).error());
    }
    Value out = generated_row("ko_number", row, level);
    Value vars;
    vars.set("question", question);
    out.set("vars", std::move(vars));
    if (kind == Kind::write) {
      out.set("target", Value::List(readings.begin(), readings.end()));
    } else {
      out.set("target", std::to_string(number));
    }
    out.set("scorer", scorer_of_kind(kind));
    return out;
  }
  return fail(ErrorKind::internal, fmt::format("ko_number row {}: no sound number", row));
}

}  // namespace pennyweight
