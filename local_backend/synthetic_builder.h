// The values of a synthetic model, and its metadata. Private to synthetic_model.
#pragma once

#include <filesystem>

#include "local_backend/synthetic_model.h"

namespace pennyweight::llm {

// `spec` is known to be possible.
Result<void> build_synthetic_model(const SyntheticSpec& spec, const std::filesystem::path& path,
                                   const WriteProgress& progress);
Result<GgufFile> build_synthetic_model(const SyntheticSpec& spec);

}  // namespace pennyweight::llm
