#include "local_backend/synthetic_features.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

namespace pennyweight::llm {
namespace {

void replace_key(SyntheticSpec& spec, std::string_view key, GgufValue value) {
  std::erase_if(spec.keys, [&](const auto& entry) { return entry.first == key; });
  spec.keys.emplace_back(key, std::move(value));
}

}  // namespace

void set_key(SyntheticSpec& spec, std::string_view key, int value) {
  replace_key(spec, key, static_cast<std::uint64_t>(value));
}

void set_key(SyntheticSpec& spec, std::string_view key, double value) {
  replace_key(spec, key, value);
}

void set_key(SyntheticSpec& spec, std::string_view key, std::string value) {
  replace_key(spec, key, std::move(value));
}

void set_rope_scaling(SyntheticSpec& spec, std::string_view type, double factor,
                      int original_context) {
  set_key(spec, "rope.scaling.type", std::string(type));
  set_key(spec, "rope.scaling.factor", factor);
  if (original_context > 0) set_key(spec, "rope.scaling.original_context_length", original_context);
}

std::vector<float> rising_divisors(int pairs, double least, double most) {
  std::vector<float> out;
  for (int i = 0; i < pairs; ++i)
    out.push_back(static_cast<float>(least + (most - least) * i / pairs));
  return out;
}

std::vector<float> llama3_divisors(int head_length, double rope_base, double factor,
                                   double original_context) {
  constexpr double kLow = 1, kHigh = 4;
  std::vector<float> out;
  for (int pair = 0; pair < head_length / 2; ++pair) {
    const double wave = 2 * std::numbers::pi * std::pow(rope_base, 2.0 * pair / head_length);
    const double blend = std::clamp((original_context / wave - kLow) / (kHigh - kLow), 0.0, 1.0);
    out.push_back(static_cast<float>(1 / ((1 - blend) / factor + blend)));
  }
  return out;
}

}  // namespace pennyweight::llm
