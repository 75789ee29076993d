#include "datasets/builtin/korean_number.h"

#include <algorithm>
#include <array>

namespace pennyweight {
namespace {

constexpr std::array kDigits = {"", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"};
constexpr std::array kSmallUnits = {"", "십", "백", "천"};
constexpr std::array kBigUnits = {"", "만", "억", "조"};

// Where 일 is said before a unit: not at all, before a leading 만, also before 천, before
// everything.
enum class Ones { usual, leading, thousands, all };

std::string read_group(std::uint64_t group, Ones ones) {
  std::string out;
  const std::string digits = std::to_string(group);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const auto digit = static_cast<std::size_t>(digits[i] - '0');
    const std::size_t power = digits.size() - 1 - i;
    if (digit == 0) continue;
    const bool silent =
        digit == 1 && power > 0 && ones != Ones::all && !(power == 3 && ones == Ones::thousands);
    if (!silent) out += kDigits[digit];
    out += kSmallUnits[power];
  }
  return out;
}

std::string read_number(std::uint64_t number, Ones ones) {
  std::string out;
  for (std::size_t unit = 0; number > 0; ++unit, number /= 10'000) {
    const std::uint64_t group = number % 10'000;
    if (group == 0) continue;
    const bool leading_ten_thousand = unit == 1 && group == 1 && number < 10'000;
    const bool silent = leading_ten_thousand && ones == Ones::usual;
    out = (silent ? "" : read_group(group, ones)) + kBigUnits[unit] + out;
  }
  return out.empty() ? "영" : out;
}

}  // namespace

std::vector<std::string> korean_readings(std::uint64_t number) {
  std::vector<std::string> out;
  for (const Ones ones : {Ones::usual, Ones::leading, Ones::thousands, Ones::all}) {
    std::string reading = read_number(number, ones);
    if (std::find(out.begin(), out.end(), reading) == out.end()) out.push_back(std::move(reading));
  }
  return out;
}

std::string mixed_form(std::uint64_t number) {
  std::string out;
  for (std::size_t unit = 0; number > 0; ++unit, number /= 10'000) {
    const std::uint64_t group = number % 10'000;
    if (group == 0) continue;
    out = std::to_string(group) + kBigUnits[unit] + (out.empty() ? "" : " ") + out;
  }
  return out.empty() ? "0" : out;
}

std::string with_commas(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, 1, ',');
  }
  return out;
}

}  // namespace pennyweight
