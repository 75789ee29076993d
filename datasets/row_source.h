// Where rows are read from: a file, never whole in memory, or a text. Immutable: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "metrics/base/file_io.h"
#include "metrics/base/result.h"

namespace pennyweight {

class RowSource {
 public:
  static Result<RowSource> open_file(const std::filesystem::path& path);
  static RowSource of_text(std::string text, std::string name);

  const std::string& name() const { return name_; }  // for errors
  std::uint64_t size() const;
  Result<std::string> read(std::uint64_t offset, std::uint64_t length) const;
  Result<std::string> hash() const;  // SHA-256 of all bytes

 private:
  std::shared_ptr<const RandomAccessFile> file_;  // or
  std::shared_ptr<const std::string> text_;
  std::string name_;
};

struct Line {
  std::string text;          // without its end, which may be \n or \r\n
  std::uint64_t offset = 0;  // of its first byte
  std::size_t number = 0;    // from 1
};

// The lines that hold something, one after the other. A byte order mark is skipped. One thread.
class LineReader {
 public:
  explicit LineReader(const RowSource& source) : source_(source) {}
  // Nothing at the end. A line over 64 MiB is an error.
  Result<std::optional<Line>> next();

 private:
  Result<bool> fill();  // false at the end of the source

  const RowSource& source_;
  std::string buffer_;  // bytes read and not yet given out, after begin_
  std::size_t begin_ = 0;
  std::uint64_t buffer_offset_ = 0;  // of buffer_[0] in the source
  std::size_t line_ = 0;
};

}  // namespace pennyweight
