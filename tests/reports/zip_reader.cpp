#include "tests/reports/zip_reader.h"

#include <cstdint>
#include <vector>

#include <zlib.h>

#include "metrics/base/utf8.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t size) {
  REQUIRE(at + size <= bytes.size());
  std::uint32_t value = 0;
  for (std::size_t i = size; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  }
  return value;
}

std::string inflated(std::string_view packed, std::size_t size) {
  std::string out(size, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, -MAX_WBITS) == Z_OK);
  std::string input(packed);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  REQUIRE(end == Z_STREAM_END);
  return out;
}

}  // namespace

std::map<std::string, std::string> unzip(std::string_view bytes) {
  std::map<std::string, std::string> parts;
  const std::size_t end = bytes.rfind("PK\x05\x06");
  REQUIRE(end != std::string_view::npos);
  const std::uint32_t entries = little_endian(bytes, end + 10, 2);
  std::size_t at = little_endian(bytes, end + 16, 4);
  for (std::uint32_t i = 0; i < entries; ++i) {
    REQUIRE(bytes.substr(at, 4) == "PK\x01\x02");
    const std::uint32_t method = little_endian(bytes, at + 10, 2);
    const std::uint32_t packed = little_endian(bytes, at + 20, 4);
    const std::uint32_t size = little_endian(bytes, at + 24, 4);
    const std::size_t name = little_endian(bytes, at + 28, 2);
    const std::size_t skip =
        name + little_endian(bytes, at + 30, 2) + little_endian(bytes, at + 32, 2);
    const std::size_t local = little_endian(bytes, at + 42, 4);
    const std::size_t data =
        local + 30 + little_endian(bytes, local + 26, 2) + little_endian(bytes, local + 28, 2);
    const std::string_view content = bytes.substr(data, packed);
    parts[std::string(bytes.substr(at + 46, name))] =
        method == 0 ? std::string(content) : inflated(content, size);
    at += 46 + skip;
  }
  return parts;
}

std::string xml_fault(std::string_view xml) {
  if (!is_valid_utf8(xml)) return "not UTF-8";
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size();) {
    const unsigned char c = static_cast<unsigned char>(xml[at]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return "a control character";
    if (c != '<') {
      ++at;
      continue;
    }
    const std::size_t end = xml.find('>', at);
    if (end == std::string_view::npos) return "a tag without its end";
    const std::string_view tag = xml.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag.empty() || tag.find('<') != std::string_view::npos) return "a bare <";
    if (tag.front() == '?' || tag.back() == '/') continue;
    if (tag.front() != '/') {
      open.emplace_back(tag.substr(0, tag.find(' ')));
      continue;
    }
    if (open.empty() || open.back() != tag.substr(1))
      return "</" + std::string(tag.substr(1)) + ">";
    open.pop_back();
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

}  // namespace pennyweight::test
