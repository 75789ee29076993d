// The GGUF container, versions 2 and 3. A file is attacker input: every size is checked against what
// is really there before anything is allocated or read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "local_backend/quantization/block_formats.h"
#include "metrics/base/file_io.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Dimensions as in the file: ne[0] is contiguous (the input dimension K), ne[1] the rows.
struct TensorInfo {
  std::string name;
  std::vector<std::uint64_t> ne;  // 1 to 4, none zero
  TensorType type = TensorType::f32;
  std::uint64_t offset = 0;  // from the start of the file, not of the data section
  std::uint64_t bytes = 0;
  std::uint64_t part = 0;  // the file, where a model lies in several
  std::uint64_t rows() const;      // product of ne[1..]
  std::uint64_t elements() const;  // product of all
};

// Values of metadata, with the integer width forgotten: tools write the same key in many widths.
struct GgufArray;
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string,
                               std::shared_ptr<const GgufArray>>;
struct GgufArray {
  enum class Kind : std::uint8_t { integer, real, boolean, text } kind;
  std::vector<std::int64_t> integers;  // also booleans
  std::vector<double> reals;
  std::vector<std::string> texts;
  std::size_t size() const;
};

// Tensors of a model that lies in no file. Any thread.
class TensorData {
 public:
  virtual ~TensorData() = default;
  // Fills `out` with the tensor's bytes from `first` on; never beyond its end.
  virtual Result<void> read(const TensorInfo& tensor, std::uint64_t first,
                            std::span<std::byte> out) const = 0;
};

// Header of a file; the tensors' data stays on disk. Immutable: any thread.
class GgufFile {
 public:
  // `total_size` is that of the whole file; `bytes` must hold the header and may hold more. An error
  // names what is wrong and the byte offset. Trusts nothing: see tests/local_backend/gguf.
  // Tensors are read from `data`, if given.
  static Result<GgufFile> parse(std::span<const std::byte> bytes, std::uint64_t total_size,
                                std::shared_ptr<const TensorData> data = nullptr);
  // Reads the header of `path` and keeps the file open for read_tensor. The first part of a split
  // model ("NAME-00001-of-00003.gguf") brings the others beside it, and all are one: metadata of the
  // first without "split." keys, the tensors of all. Another part is refused.
  static Result<GgufFile> open(const std::filesystem::path& path);

  std::uint32_t version() const { return version_; }
  std::uint64_t data_offset() const { return data_offset_; }
  std::uint64_t file_size() const { return file_size_; }  // of all parts
  std::vector<std::filesystem::path> paths() const;       // of all parts; none when parsed
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const TensorInfo* tensor(std::string_view name) const;  // null when not there
  const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }
  const GgufValue* find(std::string_view key) const;
  // The number of a value's type and its bytes, to copy it as it is. `index` is that in metadata().
  // Fails when opened by parse.
  Result<std::string> encoded_value(std::size_t index) const;

  // Typed getters: a missing key is empty; a value of another kind or out of range is an error.
  Result<std::optional<std::uint64_t>> unsigned_value(std::string_view key) const;
  Result<std::optional<double>> real_value(std::string_view key) const;
  Result<std::optional<bool>> boolean_value(std::string_view key) const;
  Result<std::optional<std::string>> text_value(std::string_view key) const;
  Result<std::shared_ptr<const GgufArray>> array_value(std::string_view key) const;  // null if missing

  // Fills `out` (exactly tensor.bytes long). Any thread. Fails when parsed without data, or when the
  // file has shrunk.
  Result<void> read_tensor(const TensorInfo& tensor, std::span<std::byte> out) const;
  // Part of a tensor, `first` bytes in.
  Result<void> read_tensor(const TensorInfo& tensor, std::uint64_t first,
                           std::span<std::byte> out) const;

 private:
  friend class GgufParser;
  static Result<GgufFile> open_part(const std::filesystem::path& path);
  Result<void> join_parts(const std::filesystem::path& path);  // split_files.cpp
  void forget_split_keys();

  std::uint32_t version_ = 3;
  std::uint64_t data_offset_ = 0, file_size_ = 0;
  std::vector<TensorInfo> tensors_;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  struct Extent {
    std::uint64_t begin, end;  // in the file
  };
  std::vector<Extent> metadata_extents_;
  std::vector<std::size_t> tensors_by_name_, metadata_by_key_;  // sorted indices
  std::vector<RandomAccessFile> files_;  // the parts; none when parsed
  std::shared_ptr<const TensorData> data_;  // in place of files
};

}  // namespace pennyweight::llm
