// Features that a synthetic model takes from its metadata: rope scaling, windows, caps.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "local_backend/synthetic_model.h"

namespace pennyweight::llm {

// `key` without "ARCHITECTURE." before it; what it was is replaced.
void set_key(SyntheticSpec& spec, std::string_view key, int value);
void set_key(SyntheticSpec& spec, std::string_view key, double value);
void set_key(SyntheticSpec& spec, std::string_view key, std::string value);

// Type "linear", "yarn" or "longrope". Original context 0: the file does not name one.
void set_rope_scaling(SyntheticSpec& spec, std::string_view type, double factor,
                      int original_context = 0);

// Divisors of the rope's angles, different for each pair: from `least` for the fast ones upwards.
std::vector<float> rising_divisors(int pairs, double least, double most);

// Those of Llama 3.1: long waves by the factor, short ones not at all, a blend between.
std::vector<float> llama3_divisors(int head_length, double rope_base, double factor,
                                   double original_context);

}  // namespace pennyweight::llm
