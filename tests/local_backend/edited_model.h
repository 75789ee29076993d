// Model files that differ from a synthetic one in a few places, some of them wrong.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "local_backend/gguf/gguf_file.h"

namespace pennyweight::llm::test {

struct ModelEdit {
  std::vector<std::pair<std::string, GgufValue>> set;
  std::vector<std::string> without;  // names of metadata keys and of tensors
  // Sees each tensor before it is written; its data becomes zero when the size changes.
  std::function<void(TensorInfo&)> change;
  std::vector<std::pair<std::string, std::vector<float>>> add;  // F32 tensors
};

void edit_model(const std::filesystem::path& from, const std::filesystem::path& to,
                const ModelEdit& edit);

}  // namespace pennyweight::llm::test
