#include <algorithm>
#include <charconv>
#include <iterator>

#include "metrics/base/text_template_syntax.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

using Kind = Token::Kind;

constexpr std::string_view kBlanks = " \t\n\r\f\v";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Names may be of any language: a column may be called 질문.
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

class Lexer {
 public:
  Lexer(std::string_view source, TemplateUse use)
      : source_(source), whole_lines_(use == TemplateUse::chat_template) {
    if (whole_lines_ && !source_.empty() && source_.back() == '\n') source_.remove_suffix(1);
  }

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      const std::size_t open = next_tag();
      take_text(open);
      if (open == source_.size()) break;
      if (Result<void> tag = take_tag(); !tag) return fail(tag.error());
      if (!is_raw_tag()) continue;
      if (Result<void> raw = take_raw(open); !raw) return fail(raw.error());
    }
    add(Kind::end, {}, source_.size());
    return std::move(tokens_);
  }

 private:
  std::size_t next_tag() const {
    for (std::size_t i = at_; i + 1 < source_.size(); ++i) {
      if (source_[i] != '{') continue;
      const char c = source_[i + 1];
      if (c == '{' || c == '%' || c == '#') return i;
    }
    return source_.size();
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return source_.substr(at_).starts_with(what); }
  void add(Kind kind, std::string_view text, std::size_t offset) {
    // Offsets ascend, so the place moves on from the last token's.
    const Place step = place_of(source_.substr(counted_), offset - counted_);
    place_.column = step.line == 1 ? place_.column + step.column - 1 : step.column;
    place_.line += step.line - 1;
    counted_ = offset;
    tokens_.push_back({kind, std::string(text), place_});
  }
  tl::unexpected<Error> error(std::size_t offset, std::string_view problem) const {
    return fail_at(place_of(source_, offset), problem);
  }

  // Text up to the tag at `end`, trimmed as the tags on both sides ask.
  void take_text(std::size_t end) {
    std::string_view text = source_.substr(at_, end - at_);
    const std::size_t offset = at_;
    if (trim_next_) {
      text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    } else if (drop_newline_) {
      if (text.starts_with("\r\n")) {
        text.remove_prefix(2);
      } else if (text.starts_with('\n')) {
        text.remove_prefix(1);
      }
    }
    const bool tag_begins_line = offset == 0 || (drop_newline_ && offset + text.size() < end);
    if (end < source_.size()) {
      const char mark = end + 2 < source_.size() ? source_[end + 2] : '\0';
      if (mark == '-') {
        text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
      } else if (whole_lines_ && mark != '+' && source_[end + 1] != '{') {
        const std::size_t line = text.rfind('\n') + 1;  // 0 when there is none
        if ((line > 0 || tag_begins_line) && text.find_first_not_of(" \t", line) == text.npos) {
          text = text.substr(0, line);
        }
      }
    }
    if (!text.empty()) add(Kind::text, text, offset);
    at_ = end;
  }

  // After a closing tag: whether blanks or the newline that follow belong to it.
  void close(std::size_t length, char mark, bool is_output) {
    trim_next_ = mark == '-';
    drop_newline_ = whole_lines_ && mark != '+' && !is_output;
    at_ += length;
  }

  Result<void> take_tag() {
    const std::size_t open = at_;
    const char type = peek(1);
    at_ += 2;
    if (type == '#') return take_comment(open);
    if (peek() == '-' || (peek() == '+' && type == '%')) ++at_;
    const bool is_output = type == '{';
    add(is_output ? Kind::open_output : Kind::open_tag, {}, open);
    const std::string_view closing = is_output ? "}}" : "%}";
    for (open_brackets_ = 0;;) {
      while (at_ < source_.size() && kBlanks.find(peek()) != kBlanks.npos) ++at_;
      if (at_ == source_.size()) return error(open, "a tag is opened and never closed");
      const char mark = peek();
      const bool marked =
          (mark == '-' || mark == '+') && source_.substr(at_ + 1).starts_with(closing);
      if (open_brackets_ == 0 && (marked || starts(closing))) {
        add(is_output ? Kind::close_output : Kind::close_tag, {}, at_);
        close(marked ? 3 : 2, mark, is_output);
        return {};
      }
      if (Result<void> token = take_token(); !token) return token;
    }
  }

  Result<void> take_comment(std::size_t open) {
    const std::size_t end = source_.find("#}", at_);
    if (end == source_.npos) return error(open, "a comment is opened and never closed");
    const char mark = end > at_ ? source_[end - 1] : '\0';
    at_ = end;
    close(2, mark, false);
    return {};
  }

  bool is_raw_tag() const {
    const std::size_t n = tokens_.size();
    return n >= 3 && tokens_[n - 1].kind == Kind::close_tag && tokens_[n - 2].kind == Kind::name &&
           tokens_[n - 2].text == "raw" && tokens_[n - 3].kind == Kind::open_tag;
  }

  // {% raw %} has been taken: text up to {% endraw %}.
  Result<void> take_raw(std::size_t open) {
    tokens_.resize(tokens_.size() - 3);
    drop_newline_ = false;
    for (std::size_t end = source_.find("{%", at_); end != source_.npos;
         end = source_.find("{%", end + 2)) {
      std::size_t at = end + 2;
      if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
      const auto skip_blanks = [&] {
        at = std::min(source_.find_first_not_of(kBlanks, at), source_.size());
      };
      skip_blanks();
      if (!source_.substr(at).starts_with("endraw")) continue;
      at += 6;
      skip_blanks();
      const char mark = at < source_.size() ? source_[at] : '\0';
      const std::size_t length = mark == '-' || mark == '+' ? 3 : 2;
      if (!source_.substr(at + length - 2).starts_with("%}")) continue;
      take_text(end);
      at_ = at;
      close(length, mark, false);
      return {};
    }
    return error(open, "{% raw %} is opened and never closed");
  }

  Result<void> take_token() {
    const std::size_t begin = at_;
    const char c = peek();
    if (c == '\'' || c == '"') return take_string();
    if (is_digit(c)) {
      take_number();
      return {};
    }
    if (is_name_start(c)) {
      while (is_name_start(peek()) || is_digit(peek())) ++at_;
      add(Kind::name, source_.substr(begin, at_ - begin), begin);
      return {};
    }
    static constexpr std::string_view kPairs[] = {"==", "!=", "<=", ">=", "//", "**"};
    const bool pair = std::any_of(std::begin(kPairs), std::end(kPairs),
                                  [this](std::string_view symbol) { return starts(symbol); });
    if (!pair && std::string_view("()[]{}.,:|+~%-=<>*/").find(c) == std::string_view::npos) {
      return error(begin, "\"" + printable(std::string(1, c)) + "\" means nothing in a tag");
    }
    if (c == '(' || c == '[' || c == '{') ++open_brackets_;
    if (open_brackets_ > 0 && (c == ')' || c == ']' || c == '}')) --open_brackets_;
    at_ += pair ? 2 : 1;
    add(Kind::symbol, source_.substr(begin, at_ - begin), begin);
    return {};
  }

  void take_number() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    // The dot of "a.0.b" is not a decimal point.
    const bool after_dot =
        !tokens_.empty() && tokens_.back().kind == Kind::symbol && tokens_.back().text == ".";
    bool real = false;
    if (!after_dot && peek() == '.' && is_digit(peek(1))) {
      real = true;
      for (++at_; is_digit(peek());) ++at_;
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if (!after_dot && (peek() == 'e' || peek() == 'E') && is_digit(peek(sign))) {
      real = true;
      for (at_ += sign; is_digit(peek());) ++at_;
    }
    add(real ? Kind::real : Kind::integer, source_.substr(begin, at_ - begin), begin);
  }

  Result<void> take_string() {
    const std::size_t begin = at_;
    const char quote = peek();
    std::string text;
    for (++at_; at_ < source_.size() && peek() != quote;) {
      if (peek() != '\\' || at_ + 1 == source_.size()) {
        text += source_[at_++];
      } else {
        take_escape(text);
      }
    }
    if (at_ == source_.size()) return error(begin, "a string is opened and never closed");
    ++at_;
    add(Kind::string, text, begin);
    return {};
  }

  // As Python: an unknown escape stays as it is.
  void take_escape(std::string& text) {
    static constexpr std::string_view kEscapes = "ntr\\'\"abfv";
    static constexpr std::string_view kMeanings = "\n\t\r\\'\"\a\b\f\v";
    const char c = peek(1);
    if (const std::size_t escape = kEscapes.find(c); escape != kEscapes.npos) {
      text += kMeanings[escape];
      at_ += 2;
    } else if (c == '\n') {
      at_ += 2;
    } else if (c >= '0' && c <= '7') {
      take_code_point(text, 1, 3, 8);
    } else if (c == 'x') {
      take_code_point(text, 2, 2, 16);
    } else if (c == 'u' || c == 'U') {
      take_code_point(text, 2, c == 'u' ? 4 : 8, 16);
    } else {
      text += source_[at_++];
    }
  }

  // `digits` digits, fewer only in base 8, `skip` bytes from the backslash.
  void take_code_point(std::string& text, std::size_t skip, std::size_t digits, int base) {
    const std::string_view rest = source_.substr(at_ + skip, digits);
    std::uint32_t code = 0;
    const char* const end = rest.data() + rest.size();
    const auto [stop, status] = std::from_chars(rest.data(), end, code, base);
    const bool complete = base == 8 || (stop == end && rest.size() == digits);
    if (status != std::errc{} || !complete || code > 0x10FFFF ||
        (code >= 0xD800 && code < 0xE000)) {
      text += source_[at_++];
      return;
    }
    append_utf8(text, static_cast<char32_t>(code));
    at_ += skip + static_cast<std::size_t>(stop - rest.data());
  }

  std::string_view source_;
  bool whole_lines_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;  // bytes before place_
  Place place_;
  bool trim_next_ = false, drop_newline_ = false;
  int open_brackets_ = 0;  // in this tag: "}}" closes a map before it closes the tag
  std::vector<Token> tokens_;
};

}  // namespace

Place place_of(std::string_view source, std::size_t offset) {
  const std::string_view before = source.substr(0, offset);
  Place place;
  place.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  place.column += static_cast<int>(code_point_count(before.substr(before.rfind('\n') + 1)));
  return place;
}

tl::unexpected<Error> fail_at(Place place, std::string_view problem, std::string why,
                              std::string fix) {
  return fail(ErrorKind::invalid_input,
              "template line " + std::to_string(place.line) + ", column " +
                  std::to_string(place.column) + ": " + std::string(problem),
              std::move(why), std::move(fix));
}

Result<std::vector<Token>> tokenize(std::string_view source, TemplateUse use) {
  if (use == TemplateUse::task_set || source.find('\r') == source.npos) {
    return Lexer(source, use).run();
  }
  std::string unix_lines;  // as Jinja reads a source
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      unix_lines += source[i];
    } else if (!source.substr(i + 1).starts_with('\n')) {
      unix_lines += '\n';
    }
  }
  return Lexer(unix_lines, use).run();
}

Result<Value> number_of(const Token& token) {
  const char* const first = token.text.data();
  const char* const last = first + token.text.size();
  std::int64_t integer = 0;
  double real = 0;
  const bool is_integer = token.kind == Kind::integer;
  const std::errc error =
      is_integer ? std::from_chars(first, last, integer).ec : std::from_chars(first, last, real).ec;
  if (error != std::errc{}) return fail_at(token.place, "the number is too large");
  return is_integer ? Value(integer) : Value(real);
}

}  // namespace pennyweight::templates
