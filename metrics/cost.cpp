#include "metrics/cost.h"

#include <cmath>

namespace pennyweight {
namespace {

__extension__ typedef __int128 Wide;

// Above any real usage, and low enough that no sum below overflows 128 bits.
constexpr std::int64_t kMostTokens = 1'000'000'000'000'000;

// Adds tokens * price to `sum`. False when the price is unknown or of another currency.
bool add_term(Wide& sum, std::int64_t tokens, const std::optional<Money>& price,
              Currency currency) {
  if (tokens == 0) return true;
  if (!price || !(price->currency == currency)) return false;
  sum += Wide{tokens} * price->pico;
  return true;
}

}  // namespace

std::optional<Money> token_cost(const Usage& usage, const PriceRow& price) {
  if (!usage.input_tokens || !usage.output_tokens) return std::nullopt;
  if (!price.input_per_1m && !price.output_per_1m) return std::nullopt;
  const std::int64_t cached = usage.cached_tokens.value_or(0);
  const std::int64_t input = *usage.input_tokens - cached;
  const std::int64_t output = *usage.output_tokens;
  if (cached < 0 || input < 0 || output < 0) return std::nullopt;
  if (*usage.input_tokens > kMostTokens || output > kMostTokens) return std::nullopt;
  const Currency currency =
      (price.input_per_1m ? price.input_per_1m : price.output_per_1m)->currency;
  const auto& cached_price =
      price.cached_input_per_1m ? price.cached_input_per_1m : price.input_per_1m;
  Wide sum = 0;
  if (!add_term(sum, input, price.input_per_1m, currency) ||
      !add_term(sum, cached, cached_price, currency) ||
      !add_term(sum, output, price.output_per_1m, currency)) {
    return std::nullopt;
  }
  // Prices are not negative, so half to even is this simple.
  constexpr std::int64_t kMillion = 1'000'000;
  Wide pico = sum / kMillion;
  const Wide twice_rest = sum % kMillion * 2;
  if (twice_rest > kMillion || (twice_rest == kMillion && pico % 2 != 0)) ++pico;
  if (pico > INT64_MAX) return std::nullopt;
  return Money{static_cast<std::int64_t>(pico), currency};
}

MachineCost machine_cost(const MachineRate& rate, Duration busy, std::optional<Joules> energy) {
  MachineCost out;
  if (rate.per_hour && busy.count() >= 0) {
    out.machine = scale(*rate.per_hour, busy.count(), Duration(std::chrono::hours(1)).count());
  }
  constexpr double kMicro = 1e6;
  if (rate.electricity_per_kwh && energy && energy->value >= 0 && energy->value < 1e12) {
    const auto microjoules = static_cast<std::int64_t>(std::llround(energy->value * kMicro));
    out.electricity = scale(*rate.electricity_per_kwh, microjoules, 3'600'000'000'000);
  }
  if (out.machine && out.electricity) {
    out.total = add(*out.machine, *out.electricity);
  } else {
    out.total = out.machine ? out.machine : out.electricity;
  }
  return out;
}

}  // namespace pennyweight
