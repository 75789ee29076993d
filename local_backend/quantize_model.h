// One GGUF file to another whose weights have other types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string_view>

#include "local_backend/quantization/type_mixture.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct QuantizeOptions {
  Mixture mixture = Mixture::q4_k_m;
  bool pure = false;
  int threads = 0;  // 0: one a core
  // On the caller's thread, a few times a second or less: elements done, of all. False stops.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
};

struct QuantizeSummary {
  std::uint64_t elements = 0;
  std::uint64_t bytes_before = 0, bytes_after = 0;  // of all tensors
  std::map<std::string_view, int> types;            // tensors of each type in the new file
  bool from_quantized = false;                      // some weights were rounded twice
};

// Metadata and the order of the tensors stay; general.file_type and general.quantization_version
// say what was made. Memory does not grow with the model. Temporary file, then rename; a failure
// leaves nothing. Refuses types that cannot be converted, weights that are not finite or beyond the
// new type's range, and parts of a split model.
Result<QuantizeSummary> quantize_model(const std::filesystem::path& from,
                                       const std::filesystem::path& to,
                                       const QuantizeOptions& options);

}  // namespace pennyweight::llm
