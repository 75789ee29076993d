// Money and energy that cannot be mixed up with each other or with plain numbers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "metrics/base/clock.h"

namespace pennyweight {

// ISO 4217 code. Two moneys of different currency never add.
struct Currency {
  std::array<char, 3> code{'U', 'S', 'D'};
  std::string_view text() const { return {code.data(), code.size()}; }
  friend bool operator==(const Currency&, const Currency&) = default;
};
inline constexpr Currency kUsd{{'U', 'S', 'D'}};
inline constexpr Currency kKrw{{'K', 'R', 'W'}};
std::optional<Currency> parse_currency(std::string_view code);  // three capital letters

// An amount in 1e-12 of its currency: $1 per 1M tokens is 1'000'000 a token, so every published
// price is exact. int64 reaches 9.2 million units of currency.
struct Money {
  std::int64_t pico = 0;
  Currency currency = kUsd;
  friend bool operator==(const Money&, const Money&) = default;
};
// Empty when the currencies differ or the sum overflows.
std::optional<Money> add(Money a, Money b);
// a * n / d in 128 bits, rounded half to even. Empty on overflow; d > 0.
std::optional<Money> scale(Money a, std::int64_t n, std::int64_t d = 1);
// "0.15", "1e-3": a decimal text becomes money exactly, or is refused. No locale.
std::optional<Money> parse_money(std::string_view decimal, Currency currency);
// Fixed notation, as many decimals as it needs, at most 12: "0.000036".
std::string money_text(Money m);
// For statistics and display only; never back.
inline double to_double(Money m) {
  return static_cast<double>(m.pico) * 1e-12;
}

struct Joules {
  double value = 0;
  friend Joules operator+(Joules a, Joules b) { return {a.value + b.value}; }
  friend Joules operator-(Joules a, Joules b) { return {a.value - b.value}; }
  friend auto operator<=>(const Joules&, const Joules&) = default;
};
struct Watts {
  double value = 0;
  friend auto operator<=>(const Watts&, const Watts&) = default;
};
inline Joules operator*(Watts p, Duration t) {
  return {p.value * static_cast<double>(t.count()) * 1e-9};
}

inline double to_seconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-9;
}
inline double to_milliseconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-6;
}
// "800ms", "2s", "5m", "1.5h", "250us", "10ns". Empty when it is none of them.
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace pennyweight
