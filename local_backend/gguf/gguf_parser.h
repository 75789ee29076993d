// Header bytes to GgufFile. Private to this folder.
#pragma once

#include <string>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/gguf/header_reader.h"

namespace pennyweight::llm {

inline constexpr std::uint64_t kGgufMagic = 0x46554747;  // "GGUF"
inline constexpr std::uint64_t kDefaultAlignment = 32;
inline constexpr std::string_view kAlignmentKey = "general.alignment";

// The numbers that stand before each value.
enum class GgufType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  text = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, std::uint64_t total_size);
  Result<GgufFile> parse();
  bool wants_more() const { return in_.wants_more(); }

 private:
  void read_preamble();
  void read_metadata();
  void read_alignment(GgufType type, const GgufValue& value);
  GgufValue read_value(GgufType type);
  std::shared_ptr<const GgufArray> read_array();
  void read_tensors();
  TensorInfo read_tensor();
  void index_names();
  void place_data();

  HeaderReader in_;
  GgufFile file_;
  std::uint64_t tensor_count_ = 0, metadata_count_ = 0, alignment_ = kDefaultAlignment;
};

}  // namespace pennyweight::llm
