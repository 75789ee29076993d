// The names and keys of a model that lies in several files. Private to this folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "local_backend/gguf/gguf_file.h"

namespace pennyweight::llm {

inline constexpr std::string_view kSplitKeys = "split.";  // begins the keys that say so

struct SplitPart {
  std::uint64_t number = 0;  // from 0
  std::uint64_t count = 1;
  std::optional<std::uint64_t> tensors;  // of all parts
};
// Count 1 where the file does not say that it is split.
Result<SplitPart> split_part(const GgufFile& file);

// "model-00002-of-00003.gguf" for part 1 of "model-00001-of-00003.gguf". Fails when `first` is not
// named so.
Result<std::filesystem::path> split_path(const std::filesystem::path& first, std::uint64_t number,
                                         std::uint64_t count);

}  // namespace pennyweight::llm
