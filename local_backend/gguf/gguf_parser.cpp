#include "local_backend/gguf/gguf_parser.h"

#include <algorithm>
#include <bit>

#include "local_backend/gguf/name_index.h"

namespace pennyweight::llm {
namespace {

constexpr std::uint64_t kMostEntries = 1'000'000;
constexpr std::uint64_t kMostArrayElements = 1u << 24;
constexpr std::uint64_t kLongestKey = 65535;
constexpr std::uint64_t kLongestText = 16u << 20;
constexpr std::uint64_t kLongestTensorName = 63;
constexpr std::uint64_t kLargestDimension = std::uint64_t{1} << 40;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 62;  // sums of offsets cannot overflow

std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

std::uint64_t element_bytes(GgufType type) {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
    case GgufType::text:
      return 8;  // of a text at least its length
    case GgufType::array:
      break;
  }
  return 0;
}

}  // namespace

GgufParser::GgufParser(std::span<const std::byte> bytes, std::uint64_t total_size)
    : in_(bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), total_size))),
          total_size) {
  file_.file_size_ = total_size;
}

Result<GgufFile> GgufParser::parse() {
  read_preamble();
  read_metadata();
  read_tensors();
  index_names();
  place_data();
  if (in_.failed()) return fail(in_.error());
  return std::move(file_);
}

void GgufParser::read_preamble() {
  if (file_.file_size_ > kLargestFile) in_.refuse("a size that no file has");
  if (in_.number<std::uint32_t>() != kGgufMagic && !in_.failed()) {
    in_.refuse("it does not begin with \"GGUF\"");
  }
  file_.version_ = in_.number<std::uint32_t>();
  if (in_.failed()) return;
  if ((file_.version_ & 0xffff) == 0 && file_.version_ != 0) {
    in_.refuse("it is a big-endian file", ErrorKind::unsupported);
  } else if (file_.version_ != 2 && file_.version_ != 3) {
    in_.refuse("version " + std::to_string(file_.version_) + ", supported are 2 and 3",
               ErrorKind::unsupported);
  }
  tensor_count_ = in_.number<std::uint64_t>();
  metadata_count_ = in_.number<std::uint64_t>();
  if (in_.failed()) return;
  if (tensor_count_ > kMostEntries) in_.refuse("more than a million tensors declared");
  if (metadata_count_ > kMostEntries) in_.refuse("more than a million metadata keys declared");
}

void GgufParser::read_metadata() {
  if (!in_.has_room(metadata_count_, 13, "metadata keys")) return;
  for (std::uint64_t i = 0; i < metadata_count_ && !in_.failed(); ++i) {
    std::string key = in_.text(kLongestKey, "a key");
    if (!in_.failed() && key.empty()) in_.refuse("a metadata key is empty");
    const std::uint64_t begin = in_.position();
    const auto type = in_.number<GgufType>();
    GgufValue value = read_value(type);
    if (in_.failed()) return;
    file_.metadata_extents_.push_back({begin, in_.position()});
    if (key == kAlignmentKey) read_alignment(type, value);
    file_.metadata_.emplace_back(std::move(key), std::move(value));
  }
}

void GgufParser::read_alignment(GgufType type, const GgufValue& value) {
  const auto* alignment = std::get_if<std::uint64_t>(&value);
  if (type != GgufType::u32 || alignment == nullptr) {
    in_.refuse("general.alignment is not a u32");
  } else if (!std::has_single_bit(*alignment) || *alignment < 8 || *alignment > 65536) {
    in_.refuse("general.alignment of " + std::to_string(*alignment) +
               " is not a power of two from 8 to 65536");
  } else {
    alignment_ = *alignment;
  }
}

GgufValue GgufParser::read_value(GgufType type) {
  switch (type) {
    case GgufType::u8:
      return std::uint64_t{in_.number<std::uint8_t>()};
    case GgufType::u16:
      return std::uint64_t{in_.number<std::uint16_t>()};
    case GgufType::u32:
      return std::uint64_t{in_.number<std::uint32_t>()};
    case GgufType::u64:
      return in_.number<std::uint64_t>();
    case GgufType::i8:
      return std::int64_t{in_.number<std::int8_t>()};
    case GgufType::i16:
      return std::int64_t{in_.number<std::int16_t>()};
    case GgufType::i32:
      return std::int64_t{in_.number<std::int32_t>()};
    case GgufType::i64:
      return in_.number<std::int64_t>();
    case GgufType::f32:
      return double{in_.number<float>()};
    case GgufType::f64:
      return in_.number<double>();
    case GgufType::boolean:
      return in_.number<std::uint8_t>() != 0;
    case GgufType::text:
      return in_.text(kLongestText, "a text");
    case GgufType::array:
      return read_array();
  }
  in_.refuse("unknown metadata type " + std::to_string(static_cast<std::uint32_t>(type)));
  return false;
}

std::shared_ptr<const GgufArray> GgufParser::read_array() {
  const auto type = in_.number<GgufType>();
  const auto count = in_.number<std::uint64_t>();
  auto array = std::make_shared<GgufArray>();
  if (in_.failed()) return array;
  const std::uint64_t bytes = element_bytes(type);
  if (bytes == 0) {
    in_.refuse(type == GgufType::array
                   ? std::string("an array of arrays")
                   : "unknown array type " + std::to_string(static_cast<std::uint32_t>(type)));
    return array;
  }
  if (count > kMostArrayElements) in_.refuse("an array of " + std::to_string(count) + " elements");
  if (!in_.has_room(count, bytes, "array elements")) return array;
  switch (type) {
    case GgufType::boolean:
      array->kind = GgufArray::Kind::boolean;
      break;
    case GgufType::text:
      array->kind = GgufArray::Kind::text;
      break;
    case GgufType::f32:
    case GgufType::f64:
      array->kind = GgufArray::Kind::real;
      break;
    default:
      array->kind = GgufArray::Kind::integer;
  }
  for (std::uint64_t i = 0; i < count && !in_.failed(); ++i) {
    GgufValue value = read_value(type);
    if (auto* text = std::get_if<std::string>(&value)) array->texts.push_back(std::move(*text));
    if (const auto* real = std::get_if<double>(&value)) array->reals.push_back(*real);
    if (const auto* flag = std::get_if<bool>(&value)) array->integers.push_back(*flag);
    if (const auto* number = std::get_if<std::int64_t>(&value)) array->integers.push_back(*number);
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
      if (*number > INT64_MAX) in_.refuse("an array holds an integer above 2^63 - 1");
      array->integers.push_back(static_cast<std::int64_t>(*number));
    }
  }
  return array;
}

void GgufParser::read_tensors() {
  if (!in_.has_room(tensor_count_, 24, "tensors")) return;
  for (std::uint64_t i = 0; i < tensor_count_ && !in_.failed(); ++i) {
    file_.tensors_.push_back(read_tensor());
  }
}

TensorInfo GgufParser::read_tensor() {
  TensorInfo tensor;
  tensor.name = in_.text(kLongestTensorName, "a tensor's name");
  if (!in_.failed() && tensor.name.empty()) in_.refuse("a tensor has no name");
  const auto dimensions = in_.number<std::uint32_t>();
  if (in_.failed()) return tensor;
  const std::string who = "tensor \"" + tensor.name + "\"";
  if (dimensions < 1 || dimensions > 4) {
    in_.refuse(who + " has " + std::to_string(dimensions) + " dimensions, 1 to 4 are possible");
    return tensor;
  }
  std::uint64_t elements = 1;
  for (std::uint32_t d = 0; d < dimensions && !in_.failed(); ++d) {
    const auto length = in_.number<std::uint64_t>();
    if (in_.failed()) return tensor;
    if (length == 0 || length > kLargestDimension ||
        __builtin_mul_overflow(elements, length, &elements)) {
      in_.refuse(who + " has a dimension of " + std::to_string(length));
    }
    tensor.ne.push_back(length);
  }
  const auto type = in_.number<std::uint32_t>();
  tensor.type = static_cast<TensorType>(type);
  tensor.offset = in_.number<std::uint64_t>();  // from data_offset_ until place_data()
  if (in_.failed()) return tensor;
  const BlockFormat* format = block_format(tensor.type);
  if (format == nullptr) {
    in_.refuse(who + " has the unknown type " + std::to_string(type), ErrorKind::unsupported);
  } else if (tensor.ne[0] % format->elements != 0) {
    in_.refuse(who + ": rows of " + std::to_string(tensor.ne[0]) + " are not whole blocks of " +
               std::string(format->name));
  } else if (const auto bytes = row_bytes(tensor.type, elements)) {
    tensor.bytes = *bytes;
  } else {
    in_.refuse(who + " is too large");
  }
  return tensor;
}

void GgufParser::index_names() {
  if (in_.failed()) return;
  file_.metadata_by_key_ = sorted_by_name(file_.metadata_, kMetadataKey);
  file_.tensors_by_name_ = sorted_by_name(file_.tensors_, kTensorName);
  if (const auto* twice = repeated_name(file_.metadata_, file_.metadata_by_key_, kMetadataKey)) {
    in_.refuse("metadata key \"" + *twice + "\" is there twice");
  }
  if (const auto* twice = repeated_name(file_.tensors_, file_.tensors_by_name_, kTensorName)) {
    in_.refuse("tensor \"" + *twice + "\" is there twice");
  }
}

// Tensors follow one another in file order, each padded to the alignment: then none overlap.
void GgufParser::place_data() {
  if (in_.failed()) return;
  file_.data_offset_ = round_up(in_.position(), alignment_);
  std::uint64_t expected = 0;
  for (TensorInfo& tensor : file_.tensors_) {
    const std::string who = "tensor \"" + tensor.name + "\"";
    if (tensor.offset != expected) {
      in_.refuse(who + " is at offset " + std::to_string(tensor.offset) + " of the data, not at " +
                 std::to_string(expected));
      return;
    }
    // Both terms are at most the file's size, so that no sum overflows.
    const std::uint64_t start = file_.data_offset_ + tensor.offset;
    if (start > file_.file_size_ || tensor.bytes > file_.file_size_ - start) {
      in_.refuse(who + " ends beyond the file; is the download complete?");
      return;
    }
    tensor.offset = start;
    expected = round_up(expected + tensor.bytes, alignment_);
  }
}

}  // namespace pennyweight::llm
