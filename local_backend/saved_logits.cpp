#include "local_backend/saved_logits.h"

#include <cstring>
#include <span>
#include <string_view>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

constexpr std::string_view kMagic = "_logits_";
constexpr std::uint64_t kHeaderBytes = 8 + 3 * 4;

Error bad_file(const std::filesystem::path& path, std::string why) {
  return {ErrorKind::invalid_input, path.string() + " holds no saved logits", std::move(why),
          "make it with llama-perplexity --kl-divergence-base"};
}

}  // namespace

Result<SavedLogits> SavedLogits::open(const std::filesystem::path& path) {
  auto file = RandomAccessFile::open(path);
  if (!file) return fail(file.error());
  const std::uint64_t size = file->size();
  char header[kHeaderBytes];
  if (size < kHeaderBytes) return fail(bad_file(path, "it is too short"));
  if (auto read = file->read_at(0, std::as_writable_bytes(std::span(header))); !read)
    return fail(read.error());
  if (std::string_view(header, 8) != kMagic)
    return fail(bad_file(path, "it does not begin with _logits_"));
  std::int32_t numbers[3];
  std::memcpy(numbers, header + 8, sizeof numbers);
  SavedLogits out(*std::move(file));
  out.path_ = path;
  out.context_ = numbers[0];
  out.vocabulary_ = numbers[1];
  out.chunks_ = numbers[2];
  if (numbers[0] < 4 || numbers[0] > 1 << 24 || numbers[1] < 1 || numbers[1] > 4 << 20 ||
      numbers[2] < 1 || numbers[2] > 1 << 24)
    return fail(bad_file(path, fmt::format("context {}, vocabulary {} and {} chunks cannot be",
                                           numbers[0], numbers[1], numbers[2])));
  const auto tokens =
      static_cast<std::uint64_t>(numbers[0]) * static_cast<std::uint64_t>(numbers[2]);
  const auto rows = static_cast<std::uint64_t>(numbers[0] - 1 - numbers[0] / 2) *
                    static_cast<std::uint64_t>(numbers[2]);
  out.first_ = kHeaderBytes + tokens * 4;
  out.row_bytes_ = 2 * (2 * ((static_cast<std::uint64_t>(numbers[1]) + 1) / 2) + 4);
  // At most 2^48 and 2^47 rows of 2^23 bytes: the division keeps the product from wrapping.
  const bool fits = out.first_ <= size && rows <= (size - out.first_) / out.row_bytes_;
  if (!fits || size != out.first_ + rows * out.row_bytes_)
    return fail(bad_file(path, fmt::format("its {} bytes are not {} tokens and {} rows of {}", size,
                                           tokens, rows, out.row_bytes_)));
  out.tokens_.resize(tokens);
  if (auto read = out.file_.read_at(kHeaderBytes, std::as_writable_bytes(std::span(out.tokens_)));
      !read)
    return fail(read.error());
  for (const Token token : out.tokens_)
    if (token < 0 || token >= out.vocabulary_)
      return fail(bad_file(path, fmt::format("token {} is outside its vocabulary", token)));
  return out;
}

Result<std::vector<float>> SavedLogits::log_probabilities(int chunk, std::size_t row) const {
  const auto half = static_cast<std::uint64_t>(context_ / 2);
  const auto rows = static_cast<std::uint64_t>(context_) - 1 - half;
  const std::uint64_t index = static_cast<std::uint64_t>(chunk) * rows + (row - half);
  std::vector<std::byte> bytes(row_bytes_);
  if (auto read = file_.read_at(first_ + index * row_bytes_, bytes); !read)
    return fail(read.error());
  float scale = 0, lowest = 0;
  std::memcpy(&scale, bytes.data(), 4);
  std::memcpy(&lowest, bytes.data() + 4, 4);
  std::vector<float> out(static_cast<std::size_t>(vocabulary_));
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t q = 0;
    std::memcpy(&q, bytes.data() + 8 + 2 * i, 2);
    out[i] = scale * static_cast<float>(q) + lowest;
  }
  return out;
}

}  // namespace pennyweight::llm
