#include "local_backend/gguf/gguf_file.h"

#include <algorithm>

#include "local_backend/gguf/gguf_parser.h"
#include "metrics/base/hash.h"

namespace pennyweight::llm {
namespace {

// The largest real vocabularies need about 20 MiB.
constexpr std::uint64_t kLargestHeader = 256u << 20;

tl::unexpected<Error> wrong_kind(std::string_view key, std::string_view wanted) {
  return fail(ErrorKind::invalid_input,
              "metadata key \"" + std::string(key) + "\" is not " + std::string(wanted),
              "its value is of another kind, or out of range",
              "get the file again, or convert the model again");
}

}  // namespace

std::uint64_t TensorInfo::rows() const {
  std::uint64_t product = 1;
  for (std::size_t d = 1; d < ne.size(); ++d) product *= ne[d];
  return product;
}

std::uint64_t TensorInfo::elements() const {
  return ne.empty() ? 0 : ne[0] * rows();
}

std::size_t GgufArray::size() const {
  switch (kind) {
    case Kind::integer:
    case Kind::boolean:
      return integers.size();
    case Kind::real:
      return reals.size();
    case Kind::text:
      return texts.size();
  }
  return 0;
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, std::uint64_t total_size,
                                 std::shared_ptr<const TensorData> data) {
  auto file = GgufParser(bytes, total_size).parse();
  if (file) file->data_ = std::move(data);
  return file;
}

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  auto file = open_part(path);
  if (!file) return file;
  if (auto joined = file->join_parts(path); !joined) return fail(joined.error());
  return file;
}

Result<GgufFile> GgufFile::open_part(const std::filesystem::path& path) {
  auto disk = RandomAccessFile::open(path);
  if (!disk) return fail(disk.error());
  // The header's length is known only after reading it: try with ever longer beginnings.
  std::vector<std::byte> bytes;
  for (std::uint64_t want = 1u << 20;; want *= 4) {
    const std::uint64_t length = std::min({want, disk->size(), kLargestHeader});
    const std::size_t have = bytes.size();
    bytes.resize(static_cast<std::size_t>(length));
    if (auto read = disk->read_at(have, std::span(bytes).subspan(have)); !read) {
      return fail(read.error());
    }
    GgufParser parser(bytes, disk->size());
    auto file = parser.parse();
    if (file) {
      file->files_.push_back(std::move(*disk));
      return file;
    }
    if (parser.wants_more() && length < kLargestHeader) continue;
    Error error = file.error();
    error.what = path.string() + ": " + error.what;
    if (parser.wants_more()) error.why = "its header is larger than 256 MiB";
    return fail(std::move(error));
  }
}

std::vector<std::filesystem::path> GgufFile::paths() const {
  std::vector<std::filesystem::path> all;
  for (const RandomAccessFile& file : files_) all.push_back(file.path());
  return all;
}

const TensorInfo* GgufFile::tensor(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors_by_name_.begin(), tensors_by_name_.end(), name,
      [&](std::size_t i, std::string_view wanted) { return tensors_[i].name < wanted; });
  if (found == tensors_by_name_.end() || tensors_[*found].name != name) return nullptr;
  return &tensors_[*found];
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto found = std::lower_bound(
      metadata_by_key_.begin(), metadata_by_key_.end(), key,
      [&](std::size_t i, std::string_view wanted) { return metadata_[i].first < wanted; });
  if (found == metadata_by_key_.end() || metadata_[*found].first != key) return nullptr;
  return &metadata_[*found].second;
}

Result<std::string> GgufFile::encoded_value(std::size_t index) const {
  if (files_.empty()) return fail(ErrorKind::internal, "metadata of a GGUF file that is not open");
  const Extent extent = metadata_extents_[index];
  std::string bytes(static_cast<std::size_t>(extent.end - extent.begin), '\0');
  auto read = files_.front().read_at(extent.begin, std::as_writable_bytes(std::span(bytes)));
  if (!read) return fail(read.error());
  return bytes;
}

Result<std::optional<std::uint64_t>> GgufFile::unsigned_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<std::uint64_t>(value)) return *number;
  const auto* number = std::get_if<std::int64_t>(value);
  if (number == nullptr || *number < 0) return wrong_kind(key, "an integer of 0 or more");
  return static_cast<std::uint64_t>(*number);
}

Result<std::optional<double>> GgufFile::real_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* real = std::get_if<double>(value)) return *real;
  if (const auto* number = std::get_if<std::uint64_t>(value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<std::int64_t>(value)) return static_cast<double>(*number);
  return wrong_kind(key, "a number");
}

Result<std::optional<bool>> GgufFile::boolean_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  const auto number = unsigned_value(key);  // some tools write 0 and 1
  if (!number || **number > 1) return wrong_kind(key, "true or false");
  return **number == 1;
}

Result<std::optional<std::string>> GgufFile::text_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(value);
  if (text == nullptr) return wrong_kind(key, "a text");
  return *text;
}

Result<std::shared_ptr<const GgufArray>> GgufFile::array_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return nullptr;
  const auto* array = std::get_if<std::shared_ptr<const GgufArray>>(value);
  if (array == nullptr) return wrong_kind(key, "an array");
  return *array;
}

Result<void> GgufFile::read_tensor(const TensorInfo& tensor, std::span<std::byte> out) const {
  if (out.size() != tensor.bytes) {
    return fail(ErrorKind::internal, "a buffer of " + std::to_string(out.size()) +
                                         " bytes for tensor \"" + tensor.name + "\"");
  }
  return read_tensor(tensor, 0, out);
}

Result<void> GgufFile::read_tensor(const TensorInfo& tensor, std::uint64_t first,
                                   std::span<std::byte> out) const {
  if (first > tensor.bytes || out.size() > tensor.bytes - first) {
    return fail(ErrorKind::internal, "a read beyond tensor \"" + tensor.name + "\"");
  }
  if (data_ != nullptr) return data_->read(tensor, first, out);
  if (tensor.part >= files_.size()) {
    return fail(ErrorKind::internal, "this GGUF header was not read from a file");
  }
  return files_[tensor.part].read_at(tensor.offset + first, out);
}

}  // namespace pennyweight::llm
