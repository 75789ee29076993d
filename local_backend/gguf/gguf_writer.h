// Writes GGUF version 3, to make models for tests and the demo, and to quantize files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Collects the header, then streams the tensors' data in order. One thread.
class GgufWriter {
 public:
  // Integers are written as u32 where they fit (u64 otherwise), reals as f32, except that
  // general.alignment is always u32; arrays by their kind (i32, f32, bool, string).
  void set(std::string key, GgufValue value);
  // Declares a tensor; its data is asked for by write(), in the order declared.
  void add_tensor(std::string name, std::vector<std::uint64_t> ne, TensorType type,
                  std::function<Result<void>(std::span<std::byte> out)> fill);
  // Temporary file, then rename. Peak memory is the largest tensor.
  Result<void> write(const std::filesystem::path& path) const;

 private:
  struct Tensor {
    TensorInfo info;
    std::function<Result<void>(std::span<std::byte>)> fill;
  };
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::vector<Tensor> tensors_;
};

}  // namespace pennyweight::llm
