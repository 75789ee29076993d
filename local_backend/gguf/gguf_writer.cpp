#include "local_backend/gguf/gguf_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>

#include "local_backend/gguf/gguf_parser.h"
#include "metrics/base/file_io.h"

namespace pennyweight::llm {
namespace {

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append(out, std::uint64_t{text.size()});
  out += text;
}

void pad(std::string& out, std::uint64_t alignment) {
  out.append((alignment - out.size() % alignment) % alignment, '\0');
}

bool fits_i32(std::int64_t value) {
  return value >= INT32_MIN && value <= INT32_MAX;
}

void append_array(std::string& out, const GgufArray& array) {
  const auto begin = [&](GgufType type) {
    append(out, type);
    append(out, std::uint64_t{array.size()});
  };
  switch (array.kind) {
    case GgufArray::Kind::integer:
      if (std::all_of(array.integers.begin(), array.integers.end(), fits_i32)) {
        begin(GgufType::i32);
        for (const auto value : array.integers) append(out, static_cast<std::int32_t>(value));
      } else {
        begin(GgufType::i64);
        for (const auto value : array.integers) append(out, value);
      }
      break;
    case GgufArray::Kind::real:
      begin(GgufType::f32);
      for (const double value : array.reals) append(out, static_cast<float>(value));
      break;
    case GgufArray::Kind::boolean:
      begin(GgufType::boolean);
      for (const auto value : array.integers) append(out, static_cast<std::uint8_t>(value != 0));
      break;
    case GgufArray::Kind::text:
      begin(GgufType::text);
      for (const auto& text : array.texts) append_text(out, text);
      break;
  }
}

// The type's number, then the value.
struct ValueWriter {
  std::string& out;

  template <class T>
  void write(GgufType type, T value) const {
    append(out, type);
    append(out, value);
  }
  void operator()(std::uint64_t value) const {
    if (value <= UINT32_MAX) {
      write(GgufType::u32, static_cast<std::uint32_t>(value));
    } else {
      write(GgufType::u64, value);
    }
  }
  void operator()(std::int64_t value) const {
    if (fits_i32(value)) {
      write(GgufType::i32, static_cast<std::int32_t>(value));
    } else {
      write(GgufType::i64, value);
    }
  }
  void operator()(double value) const { write(GgufType::f32, static_cast<float>(value)); }
  void operator()(bool value) const {
    write(GgufType::boolean, static_cast<std::uint8_t>(value ? 1 : 0));
  }
  void operator()(const std::string& value) const {
    append(out, GgufType::text);
    append_text(out, value);
  }
  void operator()(const std::shared_ptr<const GgufArray>& value) const {
    append(out, GgufType::array);
    append_array(out, *value);
  }
};

Error write_error(const std::filesystem::path& path) {
  return {ErrorKind::io, "cannot write \"" + path.string() + "\"", std::strerror(errno),
          "name another place, or make room there"};
}

}  // namespace

void GgufWriter::set(std::string key, GgufValue value) {
  std::string bytes;
  std::visit(ValueWriter{bytes}, value);
  set_encoded(std::move(key), std::move(bytes));
}

void GgufWriter::set_encoded(std::string key, std::string bytes) {
  const auto [entry, is_new] = place_.emplace(key, metadata_.size());
  if (is_new)
    metadata_.emplace_back(std::move(key), std::move(bytes));
  else
    metadata_[entry->second].second = std::move(bytes);
}

void GgufWriter::add_tensor(std::string name, std::vector<std::uint64_t> ne, TensorType type,
                            std::function<Result<void>(std::span<std::byte> out)> fill) {
  add_tensor_in_pieces(
      std::move(name), std::move(ne), type, UINT64_MAX,
      [fill = std::move(fill)](std::uint64_t, std::span<std::byte> out) { return fill(out); });
}

void GgufWriter::add_tensor_in_pieces(std::string name, std::vector<std::uint64_t> ne,
                                      TensorType type, std::uint64_t piece, FillPiece fill) {
  Tensor tensor;
  tensor.info.name = std::move(name);
  tensor.info.ne = std::move(ne);
  tensor.info.type = type;
  if (!tensor.info.ne.empty()) {
    tensor.info.bytes = row_bytes(type, tensor.info.ne[0]).value_or(0) * tensor.info.rows();
  }
  tensor.piece = piece;
  tensor.fill = std::move(fill);
  tensors_.push_back(std::move(tensor));
}

// What the parser will refuse is taken as the default here.
std::uint64_t GgufWriter::alignment() const {
  for (const auto& [key, bytes] : metadata_) {
    std::uint32_t words[2] = {};  // type and value
    if (key != kAlignmentKey || bytes.size() != sizeof words) continue;
    std::memcpy(words, bytes.data(), sizeof words);
    const bool u32 = words[0] == static_cast<std::uint32_t>(GgufType::u32);
    if (u32 && words[1] != 0 && words[1] <= 65536) return words[1];
  }
  return kDefaultAlignment;
}

std::string GgufWriter::header() const {
  std::string out;
  append(out, static_cast<std::uint32_t>(kGgufMagic));
  append(out, std::uint32_t{3});
  append(out, std::uint64_t{tensors_.size()});
  append(out, std::uint64_t{metadata_.size()});
  for (const auto& [key, bytes] : metadata_) {
    append_text(out, key);
    out += bytes;
  }
  const std::uint64_t step = alignment();
  std::uint64_t offset = 0;
  for (const auto& tensor : tensors_) {
    const TensorInfo& info = tensor.info;
    append_text(out, info.name);
    append(out, static_cast<std::uint32_t>(info.ne.size()));
    for (const auto length : info.ne) append(out, length);
    append(out, info.type);
    append(out, offset);
    offset += (info.bytes + step - 1) / step * step;
  }
  pad(out, step);
  return out;
}

std::uint64_t GgufWriter::size_after(const std::string& header) const {
  const std::uint64_t step = alignment();
  std::uint64_t size = header.size();
  for (const auto& tensor : tensors_) size += (tensor.info.bytes + step - 1) / step * step;
  return size;
}

// Makes a piece whenever another one is wanted: readers go through a tensor together.
class GgufWriter::Data final : public TensorData {
 public:
  explicit Data(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {
    for (const Tensor& tensor : tensors_) by_name_.emplace(tensor.info.name, &tensor);
  }

  Result<void> read(const TensorInfo& tensor, std::uint64_t first,
                    std::span<std::byte> out) const override {
    const Tensor& wanted = *by_name_.at(tensor.name);
    const std::scoped_lock lock(mutex_);
    while (!out.empty()) {
      const std::uint64_t begin = first / wanted.piece * wanted.piece;
      if (auto made = make(wanted, begin); !made) return made;
      const std::uint64_t skipped = first - begin;
      const std::size_t length = std::min<std::size_t>(piece_.size() - skipped, out.size());
      std::memcpy(out.data(), piece_.data() + skipped, length);
      out = out.subspan(length);
      first += length;
    }
    return {};
  }

 private:
  Result<void> make(const Tensor& tensor, std::uint64_t begin) const {
    if (made_ == &tensor && begin_ == begin) return {};
    made_ = nullptr;
    piece_.resize(static_cast<std::size_t>(std::min(tensor.piece, tensor.info.bytes - begin)));
    if (auto filled = tensor.fill(begin, piece_); !filled) return filled;
    made_ = &tensor;
    begin_ = begin;
    return {};
  }

  const std::vector<Tensor> tensors_;
  std::map<std::string_view, const Tensor*> by_name_;
  mutable std::mutex mutex_;  // of what follows
  mutable const Tensor* made_ = nullptr;
  mutable std::uint64_t begin_ = 0;
  mutable std::vector<std::byte> piece_;
};

Result<GgufFile> GgufWriter::in_memory() const {
  const std::string head = header();
  return GgufFile::parse(std::as_bytes(std::span(head)), size_after(head),
                         std::make_shared<Data>(tensors_));
}

Result<void> GgufWriter::write(const std::filesystem::path& path) const {
  const std::string head = header();
  const std::uint64_t step = alignment();
  auto readable = GgufFile::parse(std::as_bytes(std::span(head)), size_after(head));
  if (!readable) return fail(readable.error());

  return write_file_atomically(path, [&](const std::filesystem::path& temporary) -> Result<void> {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(head.data(), static_cast<std::streamsize>(head.size()));
    std::string data;
    for (const auto& [info, piece, fill] : tensors_) {
      for (std::uint64_t first = 0; first < info.bytes; first += data.size()) {
        data.assign(static_cast<std::size_t>(std::min(piece, info.bytes - first)), '\0');
        auto filled = fill(first, std::as_writable_bytes(std::span(data)));
        if (!filled) return filled;
        file.write(data.data(), static_cast<std::streamsize>(data.size()));
        if (!file) return fail(write_error(path));
      }
      const std::string padding((step - info.bytes % step) % step, '\0');
      file.write(padding.data(), static_cast<std::streamsize>(padding.size()));
    }
    file.close();
    if (!file) return fail(write_error(path));
    return {};
  });
}

}  // namespace pennyweight::llm
