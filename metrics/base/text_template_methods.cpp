#include <algorithm>

#include "metrics/base/character_kinds.h"
#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_format.h"
#include "metrics/base/text_template_operators.h"
#include "metrics/base/text_template_print.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

template <Side side>
Item strip_side(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const characters = spelled(context, arguments, 0, "chars");
  return context.text(stripped(*value.text(), characters, side));
}
Item lower_case(Context& context, const Item& value, const Arguments&) {
  return context.text(value.text()->mapped([](std::string_view part) { return lower(part); }));
}
Item upper_case(Context& context, const Item& value, const Arguments&) {
  return context.text(value.text()->mapped([](std::string_view part) { return upper(part); }));
}
Item capitalize(Context& context, const Item& value, const Arguments&) {
  return context.text(capitalized(*value.text()));
}
// After whatever has no case.
Item title(Context& context, const Item& value, const Arguments&) {
  return context.text(titled(*value.text(), [](std::string_view character) {
    return lower(character) == upper(character);
  }));
}

Item split_text(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const separator = spelled(context, arguments, 0, "sep");
  const std::int64_t most = whole(context, arguments, 1, "maxsplit", -1);
  if (separator != nullptr && separator->empty()) return context.fail("the separator is empty");
  return context.texts(split(*value.text(), separator, most));
}
Item splitlines(Context& context, const Item& value, const Arguments&) {
  return context.texts(lines_of(*value.text()));
}

bool starts(std::string_view text, std::string_view part) {
  return text.starts_with(part);
}
bool ends(std::string_view text, std::string_view part) {
  return text.ends_with(part);
}
Item without_prefix(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const part = spelled(context, arguments, 0, "part");
  if (part == nullptr || !starts(value.text()->bytes(), *part)) return value;
  return context.text(value.text()->part(part->size(), value.text()->bytes().size()));
}
Item without_suffix(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const part = spelled(context, arguments, 0, "part");
  if (part == nullptr || !ends(value.text()->bytes(), *part)) return value;
  return context.text(value.text()->part(0, value.text()->bytes().size() - part->size()));
}

Item replace(Context& context, const Item& value, const Arguments& arguments) {
  const Item what = given(arguments, 0, "old"), by = given(arguments, 1, "new");
  if (what.text() == nullptr || by.text() == nullptr)
    return context.fail("replace takes two texts");
  return apply_filter(context, "replace", value, arguments);
}
Item format(Context& context, const Item& value, const Arguments& arguments) {
  return brace_format(context, *value.text(), arguments);
}
Item count_in_text(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const what = spelled(context, arguments, 0, "sub");
  if (what == nullptr) return context.fail("count takes a text");
  return static_cast<std::int64_t>(count_of(*value.text(), *what));
}
Item join(Context& context, const Item& value, const Arguments& arguments) {
  const Items items = items_of(context, given(arguments, 0, "items"));
  const bool texts = std::all_of(items.begin(), items.end(),
                                 [](const Item& item) { return item.text() != nullptr; });
  if (!texts) return context.fail("join takes a list of texts");
  return apply_filter(context, "join", context.list(items), {{value}, {}});
}
template <bool (*holds)(char32_t)>
Item all_are(Context&, const Item& value, const Arguments&) {
  const std::vector<char32_t> all = code_points(value.text()->bytes());
  return !all.empty() && std::all_of(all.begin(), all.end(), holds);
}
bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

// With zeros on the left, after a sign.
Item zfill(Context& context, const Item& value, const Arguments& arguments) {
  const Text& text = *value.text();
  const std::int64_t width = whole(context, arguments, 0, "width", 0);
  const auto length = static_cast<std::int64_t>(code_point_count(text.bytes()));
  if (width <= length) return value;
  const auto zeros = static_cast<std::size_t>(width - length);
  if (!context.may_build(text.weight() + std::min(zeros, kMaxText))) return {};
  const bool sign = text.bytes().starts_with('-') || text.bytes().starts_with('+');
  Text out = text.part(0, sign ? 1 : 0);
  out.append(std::string(zeros, '0'));
  out.append(text.part(sign ? 1 : 0, text.bytes().size()));
  return context.text(std::move(out));
}

constexpr Builtin kTextMethods[] = {
    {"strip", "chars", 0, strip_side<Side::both>},
    {"lstrip", "chars", 0, strip_side<Side::left>},
    {"rstrip", "chars", 0, strip_side<Side::right>},
    {"lower", "", 0, lower_case},
    {"upper", "", 0, upper_case},
    {"capitalize", "", 0, capitalize},
    {"title", "", 0, title},
    {"split", "sep maxsplit", 0, split_text},
    {"splitlines", "", 0, splitlines},
    {"removeprefix", "part", 1, without_prefix},
    {"removesuffix", "part", 1, without_suffix},
    {"replace", "old new count", 2, replace},
    {"format", "*", 0, format},
    {"count", "sub", 1, count_in_text},
    {"join", "items", 1, join},
    {"isdigit", "", 0, all_are<is_digit>},
    {"isspace", "", 0, all_are<is_python_space>},
    {"isalpha", "", 0, all_are<is_letter>},
    {"zfill", "width", 1, zfill},
};

Item append(Context& context, const Item& value, const Arguments& arguments) {
  if (!context.charge_bytes(sizeof(Item))) return {};
  value.list()->items.push_back(given(arguments, 0, "item"));
  return None();
}
Item pop(Context& context, const Item& value, const Arguments& arguments) {
  Items& items = value.list()->items;
  std::int64_t at = whole(context, arguments, 0, "index", -1);
  if (at < 0) at += static_cast<std::int64_t>(items.size());
  if (at < 0 || at >= static_cast<std::int64_t>(items.size())) {
    return context.fail("pop finds nothing at this index");
  }
  if (!context.charge_bytes(items.size() * sizeof(Item))) return {};
  const Item out = items[static_cast<std::size_t>(at)];
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}
Item index(Context& context, const Item& value, const Arguments& arguments) {
  const Items& items = value.list()->items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (is_equal(context, items[i], given(arguments, 0, "item"))) {
      return static_cast<std::int64_t>(i);
    }
  }
  return context.fail("index does not find the item");
}
Item count_in_list(Context& context, const Item& value, const Arguments& arguments) {
  const Item wanted = given(arguments, 0, "item");
  std::int64_t n = 0;
  for (const Item& item : value.list()->items) n += is_equal(context, item, wanted) ? 1 : 0;
  return n;
}

Item copy_list(Context& context, const Item& value, const Arguments&) {
  return context.list(items_of(context, value));
}

constexpr Builtin kListMethods[] = {
    {"append", "item", 1, append},       {"pop", "index", 0, pop},   {"index", "item", 1, index},
    {"count", "item", 1, count_in_list}, {"copy", "", 0, copy_list},
};

Item get(Context& context, const Item& value, const Arguments& arguments) {
  const Item key = given(arguments, 0, "key");
  const Item* const found = value.map()->find(key);
  context.charge(value.map()->entries.size() / 16);
  return found == nullptr ? given(arguments, 1, "default") : *found;
}
Item items(Context& context, const Item& value, const Arguments&) {
  Items out;
  for (const auto& [key, item] : value.map()->entries) {
    if (!context.charge()) return {};
    out.push_back(context.list({key, item}, true));
  }
  return context.list(std::move(out));
}
Item keys(Context& context, const Item& value, const Arguments&) {
  return context.list(items_of(context, value));
}
Item values(Context& context, const Item& value, const Arguments&) {
  Items out;
  for (const auto& entry : value.map()->entries) out.push_back(entry.second);
  return context.list(std::move(out));
}

Item copy_map(Context& context, const Item& value, const Arguments&) {
  if (!context.charge_bytes(value.map()->entries.size() * sizeof(Item))) return {};
  Map* const out = context.map();
  out->entries = value.map()->entries;
  return out;
}

constexpr Builtin kMapMethods[] = {
    {"get", "key default", 1, get}, {"items", "", 0, items},   {"keys", "", 0, keys},
    {"values", "", 0, values},      {"copy", "", 0, copy_map},
};

// One of the arguments after the other, from round to round.
Item cycle(Context& context, const Item& value, const Arguments& arguments) {
  if (arguments.positional.empty()) return context.fail("cycle takes what to choose from");
  return arguments.positional[value.loop()->index % arguments.positional.size()];
}
// True in the first round, and where the arguments are not those of the round before.
Item changed(Context& context, const Item& value, const Arguments& arguments) {
  Loop& loop = *value.loop();
  const Items& now = arguments.positional;
  bool same = loop.asked && loop.last.size() == now.size();
  for (std::size_t i = 0; same && i < now.size(); ++i)
    same = is_equal(context, loop.last[i], now[i]);
  loop.last = now;
  loop.asked = true;
  return !same;
}

constexpr Builtin kLoopMethods[] = {
    {"cycle", "*", 1, cycle},
    {"changed", "*", 0, changed},
};

}  // namespace

std::span<const Builtin> text_methods() {
  return kTextMethods;
}
std::span<const Builtin> loop_methods() {
  return kLoopMethods;
}
std::span<const Builtin> list_methods() {
  return kListMethods;
}
std::span<const Builtin> map_methods() {
  return kMapMethods;
}

}  // namespace pennyweight::templates
