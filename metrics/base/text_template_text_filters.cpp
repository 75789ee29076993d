#include <algorithm>

#include "metrics/base/character_kinds.h"
#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_format.h"
#include "metrics/base/text_template_print.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

// What a text filter works on: anything as text, or texts only where oversights are errors.
Text input(Context& context, const Item& value) {
  if (context.strict() && value.text() == nullptr) {
    context.fail("this filter takes a text");
    return {};
  }
  return str(context, value);
}

Item trim(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const characters = spelled(context, arguments, 0, "chars");
  return context.text(stripped(input(context, value), characters, Side::both));
}
Item lower_case(Context& context, const Item& value, const Arguments&) {
  return context.text(
      input(context, value).mapped([](std::string_view part) { return lower(part); }));
}
Item upper_case(Context& context, const Item& value, const Arguments&) {
  return context.text(
      input(context, value).mapped([](std::string_view part) { return upper(part); }));
}
Item capitalize(Context& context, const Item& value, const Arguments&) {
  return context.text(capitalized(input(context, value)));
}
Item title(Context& context, const Item& value, const Arguments&) {
  return context.text(titled(input(context, value), [](std::string_view character) {
    return std::string_view("-({[<").find(character[0]) != std::string_view::npos ||
           is_python_space(code_points(character)[0]);
  }));
}
Item replace(Context& context, const Item& value, const Arguments& arguments) {
  const Text text = input(context, value);
  const Text what = str(context, given(arguments, 0, "old"));
  const Text by = str(context, given(arguments, 1, "new"));
  const std::int64_t most = whole(context, arguments, 2, "count", -1);
  const std::size_t hits = count_of(text, what.bytes());
  if (!context.may_build(text.weight() + hits * std::min(by.weight(), kMaxText))) return {};
  return context.text(replaced(text, what.bytes(), by, most));
}
Item string(Context& context, const Item& value, const Arguments&) {
  return context.text(str(context, value));
}
Item lines(Context& context, const Item& value, const Arguments&) {
  return context.texts(lines_of(input(context, value)));
}
Item format(Context& context, const Item& value, const Arguments& arguments) {
  return percent_format(context, input(context, value), arguments.positional);
}

// Each line but the first, and but empty ones, by `width` blanks or a text.
Item indent(Context& context, const Item& value, const Arguments& arguments) {
  Text text = input(context, value);
  const Item width = given(arguments, 0, "width");
  Text margin;
  if (width.text() != nullptr) {
    margin = *width.text();
  } else {
    const std::int64_t blanks = whole(context, arguments, 0, "width", 4);
    margin = Text(
        std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(blanks, 0, 10000)), ' '));
  }
  const bool first = flag(arguments, 1, "first"), blank = flag(arguments, 2, "blank");
  text.append("\n");
  const std::vector<Text> all = lines_of(text);
  if (!context.may_build(text.weight() + all.size() * margin.weight())) return {};
  Text out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) out.append("\n");
    const bool moved = i == 0 ? first : blank || !all[i].bytes().empty();
    if (moved) out.append(margin);
    out.append(all[i]);
  }
  return context.text(std::move(out));
}

// With the parameters that transformers gives it.
Item to_json(Context& context, const Item& value, const Arguments& arguments) {
  JsonLook look;
  look.ascii = flag(arguments, 0, "ensure_ascii");
  look.indent = std::min<std::int64_t>(whole(context, arguments, 1, "indent", -1), 1000);
  const Item separators = given(arguments, 2, "separators");
  look.sorted = flag(arguments, 3, "sort_keys");
  if (look.indent >= 0) look.between = ",";
  if (context.strict() && look.indent < 0) {
    look.between = ",";
    look.after_key = ":";
  }
  if (separators.list() != nullptr && separators.list()->items.size() == 2) {
    look.between = str(context, separators.list()->items[0]).bytes();
    look.after_key = str(context, separators.list()->items[1]).bytes();
  }
  return context.text(json(context, value, look));
}
Item compact_json(Context& context, const Item& value, const Arguments&) {
  JsonLook look;
  look.between = ",";
  look.after_key = ":";
  return context.text(json(context, value, look));
}

Item letter(Context& context, const Item& value, const Arguments&) {
  if (value.integer() == nullptr || *value.integer() < 0 || *value.integer() > 25) {
    return context.fail("letter takes a number from 0 to 25");
  }
  return context.text(std::string(1, static_cast<char>('A' + *value.integer())));
}

Item wordcount(Context& context, const Item& value, const Arguments&) {
  std::int64_t words = 0;
  bool inside = false;
  for (const char32_t c : code_points(input(context, value).bytes())) {
    const bool of_word = is_word_character(c);
    words += of_word && !inside ? 1 : 0;
    inside = of_word;
  }
  return words;
}

// To `length` characters with what stands for the rest; a few more are let be.
Item truncate(Context& context, const Item& value, const Arguments& arguments) {
  const Text text = input(context, value);
  const std::int64_t length = whole(context, arguments, 0, "length", 255);
  const bool kill_words = flag(arguments, 1, "killwords");
  const Item* const given_end = arguments.find(2, "end");
  const Text end = given_end == nullptr ? Text("...") : str(context, *given_end);
  const std::int64_t leeway = whole(context, arguments, 3, "leeway", 5);
  const auto ending = static_cast<std::int64_t>(code_point_count(end.bytes()));
  if (length < ending || leeway < 0)
    return context.fail("truncate takes a length that holds its end");
  const std::vector<std::size_t> offsets = character_offsets(text.bytes());
  if (static_cast<std::int64_t>(offsets.size()) - 1 <=
      length + std::min<std::int64_t>(leeway, 1000))
    return context.text(text);
  std::size_t cut = offsets[static_cast<std::size_t>(length - ending)];
  if (!kill_words) {
    const std::size_t blank = std::string_view(text.bytes()).substr(0, cut).rfind(' ');
    if (blank != std::string_view::npos) cut = blank;
  }
  Text out = text.part(0, cut);
  out.append(end);
  return context.text(std::move(out));
}

constexpr Builtin kTextFilters[] = {
    {"trim", "chars", 0, trim},
    {"strip", "chars", 0, trim},
    {"lower", "", 0, lower_case},
    {"upper", "", 0, upper_case},
    {"capitalize", "", 0, capitalize},
    {"title", "", 0, title},
    {"replace", "old new count", 2, replace},
    {"string", "", 0, string},
    {"safe", "", 0, string},
    {"lines", "", 0, lines},
    {"format", "*", 0, format},
    {"indent", "width first blank", 0, indent},
    {"tojson", "ensure_ascii indent separators sort_keys", 0, to_json},
    {"json", "", 0, compact_json},
    {"letter", "", 0, letter},
    {"wordcount", "", 0, wordcount},
    {"truncate", "length killwords end leeway", 0, truncate},
};

}  // namespace

std::span<const Builtin> text_filters() {
  return kTextFilters;
}

}  // namespace pennyweight::templates
