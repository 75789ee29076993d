#include "datasets/row_source.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "metrics/base/hash.h"

namespace pennyweight {
namespace {

constexpr std::uint64_t kPiece = 1 << 20;
constexpr std::size_t kMaxLine = 64 << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Result<RowSource> RowSource::open_file(const std::filesystem::path& path) {
  auto file = RandomAccessFile::open(path);
  if (!file) return fail(std::move(file).error());
  RowSource source;
  source.file_ = std::make_shared<const RandomAccessFile>(std::move(*file));
  source.name_ = path.string();
  return source;
}

RowSource RowSource::of_text(std::string text, std::string name) {
  RowSource source;
  source.text_ = std::make_shared<const std::string>(std::move(text));
  source.name_ = std::move(name);
  return source;
}

std::uint64_t RowSource::size() const {
  return file_ ? file_->size() : text_->size();
}

Result<std::string> RowSource::read(std::uint64_t offset, std::uint64_t length) const {
  if (offset > size() || length > size() - offset) {
    return fail(ErrorKind::internal, name_ + ": read beyond the end");
  }
  if (text_) return text_->substr(offset, length);
  std::string out(length, '\0');
  auto done = file_->read_at(offset, std::as_writable_bytes(std::span(out)));
  if (!done) return fail(std::move(done).error());
  return out;
}

Result<std::string> RowSource::hash() const {
  return file_ ? sha256_file(file_->path()) : Result<std::string>(sha256(*text_));
}

Result<bool> LineReader::fill() {
  const std::uint64_t at = buffer_offset_ + buffer_.size();
  const std::uint64_t piece = std::min(kPiece, source_.size() - at);
  if (piece == 0) return false;
  auto more = source_.read(at, piece);
  if (!more) return fail(std::move(more).error());
  buffer_.erase(0, begin_);
  buffer_offset_ += begin_;
  begin_ = 0;
  buffer_ += *more;
  return true;
}

Result<std::optional<Line>> LineReader::next() {
  for (std::size_t searched = begin_;;) {
    std::size_t end = buffer_.find('\n', searched);
    if (end == buffer_.npos) {
      const std::size_t pending = buffer_.size() - begin_;
      if (pending > kMaxLine) {
        return fail(ErrorKind::invalid_input,
                    source_.name() + ":" + std::to_string(line_ + 1) + ":1: a line over 64 MiB", "",
                    "rows are JSON Lines: one object a line");
      }
      auto filled = fill();
      if (!filled) return fail(std::move(filled).error());
      searched = begin_ + pending;
      if (*filled) continue;
      if (pending == 0) return std::optional<Line>();
      end = buffer_.size();
    }
    Line line{buffer_.substr(begin_, end - begin_), buffer_offset_ + begin_, ++line_};
    begin_ = std::min(end + 1, buffer_.size());
    searched = begin_;
    if (line.offset == 0 && std::string_view(line.text).substr(0, 3) == kByteOrderMark) {
      line.text.erase(0, 3);
      line.offset = 3;
    }
    if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
    if (line.text.find_first_not_of(" \t\r") != line.text.npos)
      return std::optional(std::move(line));
  }
}

}  // namespace pennyweight
