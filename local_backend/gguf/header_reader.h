// The one cursor over a GGUF header. Every read is checked against what is left of the file; after
// the first refusal all reads give zero, so that a parser checks once a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "metrics/base/result.h"

namespace pennyweight::llm {

class HeaderReader {
 public:
  // `bytes` begin a file of `total` bytes and may be fewer than that.
  HeaderReader(std::span<const std::byte> bytes, std::uint64_t total)
      : bytes_(bytes), total_(total) {}

  bool failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }
  // The refusal is only for want of bytes that the file has and `bytes` has not.
  bool wants_more() const { return wants_more_; }
  std::uint64_t position() const { return at_; }
  std::uint64_t remaining() const { return total_ - at_; }

  // Keeps the first refusal. The message names the byte.
  void refuse(std::string what, ErrorKind kind = ErrorKind::invalid_input);
  // Refuses unless `count` things of at least `least_bytes` each can follow.
  bool has_room(std::uint64_t count, std::uint64_t least_bytes, std::string_view things);

  template <class T>
  T number() {
    T value{};
    if (const std::byte* from = take(sizeof(T))) std::memcpy(&value, from, sizeof(T));
    return value;
  }
  // 64-bit length, then bytes; a length above `limit` is refused before anything is allocated.
  std::string text(std::uint64_t limit, std::string_view what);

 private:
  const std::byte* take(std::uint64_t count);  // null once failed

  std::span<const std::byte> bytes_;
  std::uint64_t total_ = 0;
  std::size_t at_ = 0;
  bool wants_more_ = false;
  std::optional<Error> error_;
};

}  // namespace pennyweight::llm
