// One tiny model for each feature that an architecture can have: what the engine, the float64
// reference and other engines are compared on.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "local_backend/synthetic_model.h"

namespace pennyweight::llm::test {

// Every architecture in every variant; each spec's name is "ARCHITECTURE VARIANT". Vocabulary 300,
// context 256, F32, random norms and biases.
const std::vector<SyntheticSpec>& tiny_models();
// "gemma2", "plain". Fails the test when there is none.
SyntheticSpec tiny_model(std::string_view architecture, std::string_view variant = "plain");
// Of another type: as wide as its blocks ask.
SyntheticSpec with_type(SyntheticSpec spec, TensorType type);
// The file of a model, opened. Fails the test where it cannot be.
GgufFile written(const SyntheticSpec& spec, const std::filesystem::path& path);

}  // namespace pennyweight::llm::test
