#include "metrics/base/text_template_print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

void append_hex(std::string& out, char type, std::uint32_t code, int digits) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '\\';
  out += type;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(code >> shift) & 15U];
}

std::string json_body(std::string_view raw, bool ascii) {
  static constexpr std::string_view kEscaped = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
  std::string out;
  for (const char c : replace_invalid_utf8(raw)) {
    if (const std::size_t at = kEscaped.find(c); at != kEscaped.npos) {
      out += '\\';
      out += kLetters[at];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append_hex(out, 'u', static_cast<unsigned char>(c), 4);
    } else {
      out += c;
    }
  }
  if (!ascii) return out;
  std::string plain;
  for (const char32_t c : code_points(out)) {
    if (c < 0x80) {
      plain += static_cast<char>(c);
    } else if (c < 0x10000) {
      append_hex(plain, 'u', c, 4);
    } else {
      append_hex(plain, 'u', 0xD800 + ((c - 0x10000) >> 10U), 4);
      append_hex(plain, 'u', 0xDC00 + ((c - 0x10000) & 0x3FFU), 4);
    }
  }
  return plain;
}

std::string repr_body(std::string_view raw, char quote) {
  static constexpr std::string_view kEscaped = "\\\n\r\t", kLetters = "\\nrt";
  std::string out;
  for (const char32_t c : code_points(raw)) {
    const std::size_t at = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : kEscaped.npos;
    if (at != kEscaped.npos || c == static_cast<unsigned char>(quote)) {
      out += '\\';
      out += at == kEscaped.npos ? quote : kLetters[at];
    } else if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD) {
      append_hex(out, 'x', c, 2);
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

// Of a key.
std::string spelling(const Item& key) {
  return key.text() != nullptr ? key.text()->bytes() : std::to_string(as_integer(key));
}

// Walks an item into a text, as repr or as JSON.
class Printer {
 public:
  Printer(Context& context, const JsonLook* look) : context_(context), look_(look) {}

  void print(const Item& item, int depth) {
    if (!context_.charge() || !context_.may_build(0)) return;
    if (out.bytes().size() > kMaxText || depth > kMaxDepth) {
      context_.fail(depth > kMaxDepth ? "a value is nested too deeply to be printed"
                                      : "the text is longer than 16 MiB");
      return;
    }
    if (item.text() != nullptr) return print_text(*item.text());
    if (item.list() != nullptr) return print_list(*item.list(), depth);
    if (item.map() != nullptr && !(look_ != nullptr && item.map()->is_namespace)) {
      return print_map(*item.map(), depth);
    }
    if (item.real() != nullptr) {
      std::string number = real_text(*item.real());
      if (look_ != nullptr && number == "inf") number = "Infinity";
      if (look_ != nullptr && number == "-inf") number = "-Infinity";
      if (look_ != nullptr && number == "nan") number = "NaN";
      out.append(number);
    } else if (item.integer() != nullptr) {
      out.append(std::to_string(*item.integer()));
    } else if (item.boolean() != nullptr) {
      out.append(look_ == nullptr ? (*item.boolean() ? "True" : "False")
                                  : (*item.boolean() ? "true" : "false"));
    } else if (item.is_none()) {
      out.append(look_ == nullptr ? "None" : "null");
    } else if (look_ != nullptr) {
      context_.fail("only texts, numbers, lists and maps can be written as JSON");
    } else if (item.undefined() != nullptr) {
      out.append("Undefined");
    } else if (item.callable() != nullptr) {
      out.append("<function " + std::string(item.callable()->name) + ">");
    } else {
      out.append("<LoopContext>");
    }
  }

  Text out;

 private:
  void print_text(const Text& text) {
    if (!context_.charge_bytes(text.weight())) return;
    if (look_ != nullptr) {
      out.append("\"");
      out.append(
          text.mapped([this](std::string_view part) { return json_body(part, look_->ascii); }));
      out.append("\"");
      return;
    }
    const bool has_single = text.bytes().find('\'') != std::string::npos;
    const bool has_double = text.bytes().find('"') != std::string::npos;
    const char quote = has_single && !has_double ? '"' : '\'';
    out.append(std::string_view(&quote, 1));
    out.append(text.mapped([quote](std::string_view part) { return repr_body(part, quote); }));
    out.append(std::string_view(&quote, 1));
  }

  void new_line(int depth) {
    if (look_ == nullptr || look_->indent < 0) return;
    const auto blanks = static_cast<std::size_t>(look_->indent) * static_cast<std::size_t>(depth);
    if (context_.may_build(blanks)) out.append("\n" + std::string(blanks, ' '));
  }
  void separate(bool first, int depth) {
    if (!first) out.append(look_ == nullptr ? ", " : look_->between);
    new_line(depth);
  }

  void print_list(const List& list, int depth) {
    const bool round = list.is_tuple && look_ == nullptr;
    out.append(round ? "(" : "[");
    for (std::size_t i = 0; i < list.items.size() && context_.ok(); ++i) {
      separate(i == 0, depth + 1);
      print(list.items[i], depth + 1);
    }
    if (!list.items.empty()) new_line(depth);
    if (round && list.items.size() == 1) out.append(",");
    out.append(round ? ")" : "]");
  }

  void print_map(const Map& map, int depth) {
    std::vector<const std::pair<Item, Item>*> order;
    for (const auto& entry : map.entries) order.push_back(&entry);
    if (look_ != nullptr && look_->sorted) {
      std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return spelling(a->first) < spelling(b->first);
      });
    }
    out.append(map.is_namespace ? "<Namespace {" : "{");
    for (std::size_t i = 0; i < order.size() && context_.ok(); ++i) {
      separate(i == 0, depth + 1);
      const Item& key = order[i]->first;
      if (look_ != nullptr || key.text() != nullptr) {
        print_text(key.text() == nullptr ? Text(spelling(key)) : *key.text());
      } else {
        out.append(spelling(key));
      }
      out.append(look_ == nullptr ? ": " : look_->after_key);
      print(order[i]->second, depth + 1);
    }
    if (!order.empty()) new_line(depth);
    out.append(map.is_namespace ? "}>" : "}");
  }

  Context& context_;
  const JsonLook* look_;  // null for repr
};

}  // namespace

Text str(Context& context, const Item& item) {
  if (item.text() != nullptr) return *item.text();
  if (item.undefined() != nullptr) return {};
  if (context.strict() && !item.is_number() && !item.is_none()) {
    context.fail("a list or map cannot be printed as text", "", "use the filter json or join");
    return {};
  }
  return repr(context, item);
}

Text repr(Context& context, const Item& item) {
  Printer printer(context, nullptr);
  printer.print(item, 0);
  return std::move(printer.out);
}

Text json(Context& context, const Item& item, const JsonLook& look) {
  Printer printer(context, &look);
  printer.print(item, 0);
  return std::move(printer.out);
}

std::string real_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[40];
  const double size = std::fabs(number);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const char* const end = std::to_chars(buffer, buffer + sizeof buffer, number, format).ptr;
  std::string out(buffer, static_cast<std::size_t>(end - buffer));
  if (plain && out.find('.') == out.npos) out += ".0";
  return out;
}

}  // namespace pennyweight::templates
