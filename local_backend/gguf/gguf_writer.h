// Writes GGUF version 3, to make models for tests and the demo, and to quantize files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Collects the header, then streams the tensors' data in order. One thread.
class GgufWriter {
 public:
  // Replaces an equal key. Integers are written as u32 or i32 where they fit (else in 64 bits),
  // reals as f32; arrays by their kind (i32 or i64, f32, bool, string).
  void set(std::string key, GgufValue value);
  // The same with the number of the value's type and its bytes, as GgufFile::encoded_value has
  // them.
  void set_encoded(std::string key, std::string bytes);
  // Declares a tensor; its data is asked for by write(), in the order declared.
  void add_tensor(std::string name, std::vector<std::uint64_t> ne, TensorType type,
                  std::function<Result<void>(std::span<std::byte> out)> fill);
  // The same, asked for in pieces of `piece` bytes from its first on; the last may be shorter.
  using FillPiece = std::function<Result<void>(std::uint64_t first, std::span<std::byte> out)>;
  void add_tensor_in_pieces(std::string name, std::vector<std::uint64_t> ne, TensorType type,
                            std::uint64_t piece, FillPiece fill);
  // Temporary file, then rename. Peak memory is the largest tensor or piece. Fails, before asking
  // for data, on what our reader would refuse: a name twice, a row that is not whole blocks, ...
  Result<void> write(const std::filesystem::path& path) const;
  // The file that write() would write, without writing it: data is asked for when it is read.
  Result<GgufFile> in_memory() const;

 private:
  struct Tensor {
    TensorInfo info;
    std::uint64_t piece = 0;
    FillPiece fill;
  };
  class Data;
  std::uint64_t alignment() const;
  std::string header() const;
  std::uint64_t size_after(const std::string& header) const;
  std::vector<std::pair<std::string, std::string>> metadata_;  // encoded
  std::unordered_map<std::string, std::size_t> place_;         // of each key in it
  std::vector<Tensor> tensors_;
};

}  // namespace pennyweight::llm
