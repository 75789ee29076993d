#include "local_backend/tokenization/byte_alphabet.h"

#include <array>
#include <unordered_map>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

struct Alphabet {
  std::array<std::string, 256> spelled;
  std::unordered_map<char32_t, char> bytes;
};

const Alphabet& alphabet() {
  static const Alphabet alphabet = [] {
    Alphabet a;
    char32_t substitute = 0x100;
    for (char32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      const char32_t c = printable ? b : substitute++;
      append_utf8(a.spelled[b], c);
      a.bytes[c] = static_cast<char>(b);
    }
    return a;
  }();
  return alphabet;
}

}  // namespace

std::string_view spelled_in_alphabet(unsigned char byte) {
  return alphabet().spelled[byte];
}

std::optional<std::string> bytes_from_alphabet(std::string_view text) {
  std::string bytes;
  for (const char32_t c : code_points(text)) {
    const auto byte = alphabet().bytes.find(c);
    if (byte == alphabet().bytes.end()) return std::nullopt;
    bytes += byte->second;
  }
  return bytes;
}

}  // namespace pennyweight::llm
