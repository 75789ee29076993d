// Where a model comes from: a GGUF file, or a shape whose weights are made up as they are read.
#pragma once

#include <filesystem>
#include <string>

#include "local_backend/gguf/gguf_file.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// "FILE.gguf", or "synth/NAME:TYPE" where no file has that name.
Result<GgufFile> open_model(const std::filesystem::path& location);

// SHA-256 of the file, or of its parts one after another. Of a model that lies in no file: of its
// metadata and the beginning of each of its tensors, which any change of how it is made changes.
Result<std::string> model_sha256(const std::filesystem::path& location);

}  // namespace pennyweight::llm
