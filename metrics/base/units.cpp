#include "metrics/base/units.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace pennyweight {
namespace {

__extension__ typedef __int128 Wide;

constexpr int kMoneyDecimals = 12;

std::optional<Money> narrow(Wide pico, Currency currency) {
  if (pico > std::numeric_limits<std::int64_t>::max() ||
      pico < std::numeric_limits<std::int64_t>::min()) {
    return std::nullopt;
  }
  return Money{static_cast<std::int64_t>(pico), currency};
}

// A decimal text as digits * 10^exponent, without leading or trailing zeros.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal out;
  std::size_t i = 0;
  if (i < text.size() && text[i] == '-') {
    out.negative = true;
    ++i;
  }
  bool any = false;
  bool after_point = false;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    const char c = text[i];
    if (c == '.' && !after_point) {
      after_point = true;
    } else if (c >= '0' && c <= '9') {
      any = true;
      if (!out.digits.empty() || c != '0') out.digits += c;
      if (after_point) --out.exponent;
    } else {
      return std::nullopt;
    }
  }
  if (!any) return std::nullopt;
  if (i < text.size()) {
    std::string_view tail = text.substr(i + 1);
    if (!tail.empty() && tail[0] == '+') tail.remove_prefix(1);
    int exponent = 0;
    const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), exponent);
    if (error != std::errc{} || end != tail.data() + tail.size()) return std::nullopt;
    if (exponent < -1000 || exponent > 1000) return std::nullopt;
    out.exponent += exponent;
  }
  while (!out.digits.empty() && out.digits.back() == '0') {
    out.digits.pop_back();
    ++out.exponent;
  }
  return out;
}

}  // namespace

std::optional<Currency> parse_currency(std::string_view code) {
  if (code.size() != 3) return std::nullopt;
  Currency out;
  for (std::size_t i = 0; i < 3; ++i) {
    if (code[i] < 'A' || code[i] > 'Z') return std::nullopt;
    out.code[i] = code[i];
  }
  return out;
}

std::optional<Money> add(Money a, Money b) {
  if (!(a.currency == b.currency)) return std::nullopt;
  return narrow(Wide{a.pico} + b.pico, a.currency);
}

std::optional<Money> scale(Money a, std::int64_t n, std::int64_t d) {
  if (d <= 0) return std::nullopt;
  const Wide product = Wide{a.pico} * n;
  Wide quotient = product / d;
  Wide rest = product % d;
  const int sign = product < 0 ? -1 : 1;
  if (rest < 0) rest = -rest;
  if (2 * rest > d || (2 * rest == d && quotient % 2 != 0)) quotient += sign;
  return narrow(quotient, a.currency);
}

std::optional<Money> parse_money(std::string_view decimal, Currency currency) {
  const std::optional<Decimal> parsed = parse_decimal(decimal);
  if (!parsed) return std::nullopt;
  if (parsed->digits.empty()) return Money{0, currency};
  const int zeros = parsed->exponent + kMoneyDecimals;
  if (zeros < 0 || zeros > 19 || parsed->digits.size() > 19) return std::nullopt;
  Wide pico = 0;
  for (const char c : parsed->digits) pico = pico * 10 + (c - '0');
  for (int i = 0; i < zeros; ++i) pico *= 10;
  return narrow(parsed->negative ? -pico : pico, currency);
}

std::string money_text(Money m) {
  constexpr std::uint64_t kOne = 1'000'000'000'000;
  const bool negative = m.pico < 0;
  const std::uint64_t size =
      negative ? 0 - static_cast<std::uint64_t>(m.pico) : static_cast<std::uint64_t>(m.pico);
  std::string out = negative ? "-" : "";
  out += std::to_string(size / kOne);
  if (size % kOne == 0) return out;
  std::string fraction = std::to_string(size % kOne);
  fraction.insert(0, kMoneyDecimals - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return out + "." + fraction;
}

std::optional<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  static constexpr Unit kUnits[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                    {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  double number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0) || std::signbit(number)) return std::nullopt;
  const std::string_view name(end, static_cast<std::size_t>(last - end));
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    const double nanoseconds = std::round(number * unit.nanoseconds);
    if (!(nanoseconds < 9.2e18)) return std::nullopt;
    return Duration(static_cast<std::int64_t>(nanoseconds));
  }
  return std::nullopt;
}

}  // namespace pennyweight
