// Reads the keys of one architecture and keeps the first error, so that the reading stays a list.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Values after an error are harmless: 0, or 1 for a real.
class KeyReader {
 public:
  // Keys are given without "llama." or whatever the architecture is.
  KeyReader(const GgufFile& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  std::optional<std::string> text(std::string_view key);
  // A whole number, 1 to `most`; where the file has one for each layer they must be the same.
  std::optional<int> count(std::string_view key, int most);
  int required(std::string_view key, int most);
  // The same, and 0 is one too.
  int count_or_zero(std::string_view key, int most);
  // A finite number, `least` or more.
  float real(std::string_view key, std::optional<float> otherwise, float least);
  // true and false of each layer; empty when the file has no such array.
  std::vector<bool> flags(std::string_view key);

  void refuse(std::string what, std::string why, ErrorKind kind = ErrorKind::invalid_input,
              std::string fix = "convert the model again, or get the file from another source");
  const std::optional<Error>& error() const { return error_; }
  std::string name(std::string_view key) const { return prefix_ + std::string(key); }

 private:
  template <class T>
  std::optional<T> take(Result<std::optional<T>> value);
  std::optional<std::uint64_t> number(const std::string& key);

  const GgufFile& file_;
  std::string prefix_;
  std::optional<Error> error_;
};

}  // namespace pennyweight::llm
