#include "local_backend/grammar/schema_place.h"

namespace pennyweight::llm {

std::string shortened(std::string_view text) {
  constexpr std::size_t kLongest = 240, kHalf = kLongest / 2 - 2;
  if (text.size() <= kLongest) return std::string(text);
  std::string out(text.substr(0, kHalf));
  out += "...";
  return out += text.substr(text.size() - kHalf);
}

std::string place_under(std::string_view where, std::string_view rest) {
  std::string out(where);
  out += '/';
  out += shortened(rest);
  return shortened(out);
}

}  // namespace pennyweight::llm
