#include "metrics/base/text_template_text.h"

#include <algorithm>

#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

bool is_blank(std::string_view character) {
  return is_python_space(code_points(character)[0]);
}

}  // namespace

Text::Text(std::string bytes, bool followed) : bytes_(std::move(bytes)) {
  if (followed && !bytes_.empty()) spans_.push_back({0, bytes_.size()});
}

void Text::append(const Text& more) {
  const std::size_t offset = bytes_.size();
  const std::size_t n = more.spans_.size();  // `more` may be this text
  bytes_ += std::string_view(more.bytes_);
  for (std::size_t i = 0; i < n; ++i) {
    const TextSpan span = more.spans_[i];
    if (!spans_.empty() && spans_.back().end == span.begin + offset) {
      spans_.back().end = span.end + offset;
    } else {
      spans_.push_back({span.begin + offset, span.end + offset});
    }
  }
}

Text Text::part(std::size_t begin, std::size_t end) const {
  Text out(bytes_.substr(begin, end - begin));
  auto span = std::upper_bound(spans_.begin(), spans_.end(), begin,
                               [](std::size_t at, const TextSpan& s) { return at < s.end; });
  for (; span != spans_.end() && span->begin < end; ++span) {
    out.spans_.push_back({std::max(span->begin, begin) - begin, std::min(span->end, end) - begin});
  }
  return out;
}

std::vector<std::size_t> character_offsets(std::string_view text) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U || i == 0) out.push_back(i);
  }
  out.push_back(text.size());
  return out;
}

// Knuth, Morris and Pratt, where the simple search could take the product of the lengths.
Finder::Finder(std::string_view needle) : needle_(needle) {
  if (needle.size() <= 32) return;
  borders_.resize(needle.size(), 0);
  for (std::size_t i = 1, border = 0; i < needle.size(); ++i) {
    while (border > 0 && needle[i] != needle[border]) border = borders_[border - 1];
    if (needle[i] == needle[border]) ++border;
    borders_[i] = border;
  }
}

std::size_t Finder::find(std::string_view in, std::size_t from) const {
  if (borders_.empty()) return in.find(needle_, from);
  std::size_t matched = 0;
  for (std::size_t i = from; i < in.size(); ++i) {
    while (matched > 0 && in[i] != needle_[matched]) matched = borders_[matched - 1];
    if (in[i] == needle_[matched]) ++matched;
    if (matched == needle_.size()) return i + 1 - matched;
  }
  return std::string_view::npos;
}

Text stripped(const Text& text, const std::string* characters, Side side) {
  const std::string_view all = text.bytes();
  std::size_t begin = 0, end = all.size();
  if (characters == nullptr) {
    const std::string_view inner = strip(all);
    begin = inner.empty() ? all.size() : static_cast<std::size_t>(inner.data() - all.data());
    end = begin + inner.size();
    if (inner.empty() && side == Side::right) begin = end = 0;
  } else {
    const std::vector<std::size_t> offsets = character_offsets(all);
    std::vector<char32_t> unwanted = code_points(*characters);
    std::sort(unwanted.begin(), unwanted.end());
    const auto drops = [&](std::size_t i) {
      const auto character = code_points(all.substr(offsets[i], offsets[i + 1] - offsets[i]));
      return std::binary_search(unwanted.begin(), unwanted.end(), character[0]);
    };
    std::size_t first = 0, last = offsets.size() - 1;
    while (side != Side::right && first < last && drops(first)) ++first;
    while (side != Side::left && first < last && drops(last - 1)) --last;
    return text.part(offsets[first], offsets[last]);
  }
  return text.part(side == Side::right ? 0 : begin, side == Side::left ? all.size() : end);
}

std::vector<Text> split(const Text& text, const std::string* separator, std::int64_t most) {
  std::vector<Text> out;
  const std::string_view all = text.bytes();
  std::size_t at = 0;
  if (separator != nullptr) {
    const Finder finder(*separator);
    for (; most != 0; --most) {
      const std::size_t end = finder.find(all, at);
      if (end == all.npos) break;
      out.push_back(text.part(at, end));
      at = end + separator->size();
    }
    out.push_back(text.part(at, all.size()));
    return out;
  }
  const std::vector<std::size_t> offsets = character_offsets(all);
  const auto blank = [&](std::size_t i) {
    return is_blank(all.substr(offsets[i], offsets[i + 1] - offsets[i]));
  };
  const std::size_t n = offsets.size() - 1;
  for (std::size_t i = 0; i < n;) {
    while (i < n && blank(i)) ++i;
    if (i == n) break;
    std::size_t end = i;
    while (end < n && (most == 0 || !blank(end))) ++end;
    out.push_back(text.part(offsets[i], offsets[end]));
    if (most == 0) out.back() = text.part(offsets[i], all.size());
    --most;
    i = end;
  }
  return out;
}

std::vector<Text> lines_of(const Text& text) {
  std::vector<Text> out;
  const std::string_view all = text.bytes();
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find_first_of("\r\n", at), all.size());
    out.push_back(text.part(at, end));
    at = end + (all.substr(end).starts_with("\r\n") ? 2 : 1);
  }
  return out;
}

std::size_t count_of(const Text& text, const std::string& what) {
  if (what.empty()) return character_offsets(text.bytes()).size();
  const Finder finder(what);
  std::size_t n = 0;
  for (std::size_t at = 0;; ++n) {
    at = finder.find(text.bytes(), at);
    if (at == std::string::npos) return n;
    at += what.size();
  }
}

Text replaced(const Text& text, const std::string& what, const Text& by, std::int64_t most) {
  Text out;
  std::size_t at = 0;
  if (what.empty()) {  // before each character, and at the end
    const std::vector<std::size_t> offsets = character_offsets(text.bytes());
    for (std::size_t i = 0; i < offsets.size() && most != 0; ++i, --most) {
      out.append(text.part(at, offsets[i]));
      out.append(by);
      at = offsets[i];
    }
  } else {
    const Finder finder(what);
    for (; most != 0; --most) {
      const std::size_t end = finder.find(text.bytes(), at);
      if (end == std::string::npos) break;
      out.append(text.part(at, end));
      out.append(by);
      at = end + what.size();
    }
  }
  out.append(text.part(at, text.bytes().size()));
  return out;
}

Text capitalized(const Text& text) {
  return titled(text, [](std::string_view) { return false; });
}

Text titled(const Text& text, bool (*is_border)(std::string_view character)) {
  const std::vector<std::size_t> offsets = character_offsets(text.bytes());
  const Text low = text.mapped([](std::string_view part) { return lower(part); });
  const std::vector<std::size_t> in_low = character_offsets(low.bytes());
  // A letter whose lower case is two: leave the text alone rather than cut it wrongly.
  if (in_low.size() != offsets.size()) return text;
  const auto raised = [](std::string_view part) {  // sharp s becomes two letters
    return part == "\u00DF" ? std::string("Ss") : upper(part);
  };
  Text out;
  bool begins = true;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::string_view all = text.bytes();
    out.append(begins ? text.part(offsets[i], offsets[i + 1]).mapped(raised)
                      : low.part(in_low[i], in_low[i + 1]));
    begins = is_border(all.substr(offsets[i], offsets[i + 1] - offsets[i]));
  }
  return out;
}

}  // namespace pennyweight::templates
