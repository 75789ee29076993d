// GGUF files byte by byte, also wrong ones, independently of our writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/gguf/gguf_file.h"

namespace pennyweight::test {

// Numbers of the format's metadata types.
enum : std::uint32_t {
  kU8 = 0,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kText,
  kArray,
  kU64,
  kI64,
  kF64,
};

struct GgufBytes {
  std::string bytes;

  template <class T>
  GgufBytes& add(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& text(std::string_view value) {
    add(std::uint64_t{value.size()});
    bytes += value;
    return *this;
  }
  GgufBytes& preamble(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    bytes += "GGUF";
    return add(version).add(tensors).add(keys);
  }
  template <class T>
  GgufBytes& key(std::string_view name, std::uint32_t type, T value) {
    return text(name).add(type).add(value);
  }
  GgufBytes& text_key(std::string_view name, std::string_view value) {
    return text(name).add(std::uint32_t{kText}).text(value);
  }
  GgufBytes& array_key(std::string_view name, std::uint32_t type, std::uint64_t count) {
    return text(name).add(std::uint32_t{kArray}).add(type).add(count);
  }
  GgufBytes& texts_key(std::string_view name, const std::vector<std::string>& values) {
    array_key(name, kText, values.size());
    for (const auto& value : values) text(value);
    return *this;
  }
  template <class T>
  GgufBytes& numbers_key(std::string_view name, std::uint32_t type, const std::vector<T>& values) {
    array_key(name, type, values.size());
    for (const T value : values) add(value);
    return *this;
  }
  GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& ne, std::uint32_t type,
                    std::uint64_t offset) {
    text(name).add(static_cast<std::uint32_t>(ne.size()));
    for (const auto n : ne) add(n);
    return add(type).add(offset);
  }
  GgufBytes& data(std::size_t count, std::size_t alignment = 32) {
    bytes.append((alignment - bytes.size() % alignment) % alignment, '\0');
    bytes.append(count, '\1');
    return *this;
  }
};

inline Result<llm::GgufFile> parse_gguf(std::string_view bytes) {
  return llm::GgufFile::parse(std::as_bytes(std::span(bytes)), bytes.size());
}

}  // namespace pennyweight::test
