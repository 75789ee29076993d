#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_operators.h"
#include "metrics/base/text_template_print.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

// item.a.0.b, as `attribute="a.0.b"` asks; the item itself where `path` is none.
Item attribute_of(Context& context, Item item, const Item& path) {
  if (path.is_none()) return item;
  if (path.text() == nullptr) return child(context, item, path);
  std::string_view rest = path.text()->bytes();
  while (context.charge()) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view name = rest.substr(0, dot);
    std::int64_t index = 0;
    const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool is_index = status == std::errc{} && end == name.data() + name.size();
    item = child(context, item, is_index ? Item(index) : context.text(name));
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  return item;
}

// As Jinja compares for an order: without regard to case unless asked.
Item sort_key(Context& context, const Item& item, bool case_sensitive) {
  if (case_sensitive || item.text() == nullptr) return item;
  return context.text(lower(item.text()->bytes()));
}

// The order of `keys`. Fails unless all are numbers, or texts, or lists of the same.
std::vector<std::size_t> ordered(Context& context, const Items& keys, bool reverse) {
  std::vector<std::size_t> order(keys.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].real() != nullptr && std::isnan(*keys[i].real())) context.fail("nan has no order");
    if (i > 0) is_less(context, keys[i - 1], keys[i]);
    if (!context.ok()) return {};
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return context.ok() &&
           (reverse ? is_less(context, keys[b], keys[a]) : is_less(context, keys[a], keys[b]));
  });
  return order;
}

Item sort(Context& context, const Item& value, const Arguments& arguments) {
  const Items items = items_of(context, value);
  const bool case_sensitive = flag(arguments, 1, "case_sensitive");
  const Item attribute = given(arguments, 2, "attribute");
  Items keys, out;
  for (const Item& item : items) {
    keys.push_back(sort_key(context, attribute_of(context, item, attribute), case_sensitive));
  }
  for (const std::size_t i : ordered(context, keys, flag(arguments, 0, "reverse"))) {
    out.push_back(items[i]);
  }
  return context.list(std::move(out));
}

Item dictsort(Context& context, const Item& value, const Arguments& arguments) {
  if (value.map() == nullptr) return context.fail("dictsort takes a map");
  const bool case_sensitive = flag(arguments, 0, "case_sensitive");
  const bool by_value = given(arguments, 1, "by").is_text("value");
  Items keys, out;
  for (const auto& [key, item] : value.map()->entries) {
    keys.push_back(sort_key(context, by_value ? item : key, case_sensitive));
  }
  for (const std::size_t i : ordered(context, keys, flag(arguments, 2, "reverse"))) {
    const auto& [key, item] = value.map()->entries[i];
    out.push_back(context.list({key, item}, true));
  }
  return context.list(std::move(out));
}

Item unique(Context& context, const Item& value, const Arguments& arguments) {
  const bool case_sensitive = flag(arguments, 0, "case_sensitive");
  const Item attribute = given(arguments, 1, "attribute");
  Items seen, out;
  for (const Item& item : items_of(context, value)) {
    const Item key = sort_key(context, attribute_of(context, item, attribute), case_sensitive);
    const bool is_new = std::none_of(seen.begin(), seen.end(), [&](const Item& other) {
      return !context.ok() || is_equal(context, key, other);
    });
    if (!context.charge()) return {};
    if (!is_new) continue;
    seen.push_back(key);
    out.push_back(item);
  }
  return context.list(std::move(out));
}

Item extreme(Context& context, const Item& value, const Arguments& arguments, bool largest) {
  const bool case_sensitive = flag(arguments, 0, "case_sensitive");
  const Item attribute = given(arguments, 1, "attribute");
  Item best(Undefined{context.at}), best_key;
  bool first = true;
  for (const Item& item : items_of(context, value)) {
    const Item key = sort_key(context, attribute_of(context, item, attribute), case_sensitive);
    if (!context.charge()) return {};
    const bool better =
        first || (largest ? is_less(context, best_key, key) : is_less(context, key, best_key));
    first = false;
    if (!better) continue;
    best = item;
    best_key = key;
  }
  return best;
}
Item min(Context& context, const Item& value, const Arguments& arguments) {
  return extreme(context, value, arguments, false);
}
Item max(Context& context, const Item& value, const Arguments& arguments) {
  return extreme(context, value, arguments, true);
}

Item sum(Context& context, const Item& value, const Arguments& arguments) {
  const Item attribute = given(arguments, 0, "attribute");
  Item out = given(arguments, 1, "start");
  if (out.is_none()) out = std::int64_t{0};
  for (const Item& item : items_of(context, value)) {
    if (!context.charge()) return {};
    out = arithmetic(context, Expression::Kind::add, out, attribute_of(context, item, attribute));
  }
  return out;
}

Item join(Context& context, const Item& value, const Arguments& arguments) {
  if (context.strict() && value.list() == nullptr) return context.fail("join takes a list");
  const Item between = given(arguments, 0, "d");
  if (context.strict() && !between.is_none() && between.text() == nullptr) {
    return context.fail("join takes a text to put between");
  }
  const Text separator = between.is_none() ? Text() : str(context, between);
  const Item attribute = given(arguments, 1, "attribute");
  Text out;
  bool first = true;
  for (const Item& item : items_of(context, value)) {
    const Text part = str(context, attribute_of(context, item, attribute));
    if (!context.charge() || !context.may_build(part.weight() + separator.weight())) return {};
    if (!first) out.append(separator);
    out.append(part);
    first = false;
  }
  return context.text(std::move(out));
}

// map("upper"), map("default", "x"), map(attribute="a", default="x")
Item map(Context& context, const Item& value, const Arguments& arguments) {
  Items out;
  const Item* const attribute = arguments.find(arguments.positional.size(), "attribute");
  const Item* const otherwise = arguments.find(arguments.positional.size(), "default");
  const Item filter = given(arguments, 0, "");
  if (!is_true(value)) return context.list({});
  if (attribute == nullptr && filter.text() == nullptr) {
    return context.fail("map takes the name of a filter, or attribute=");
  }
  Arguments rest = arguments;
  if (!rest.positional.empty()) rest.positional.erase(rest.positional.begin());
  for (const Item& item : items_of(context, value)) {
    if (!context.charge()) return {};
    if (attribute == nullptr) {
      out.push_back(apply_filter(context, filter.text()->bytes(), item, rest));
      continue;
    }
    out.push_back(attribute_of(context, item, *attribute));
    if (otherwise != nullptr && out.back().undefined() != nullptr) out.back() = *otherwise;
  }
  return context.list(std::move(out));
}

// The items for which a test holds, or does not: of themselves, or of an attribute.
Item selected(Context& context, const Item& value, const Arguments& arguments, bool of_attribute,
              bool wanted) {
  const std::size_t skipped = of_attribute ? 1 : 0;
  const Item attribute = of_attribute ? given(arguments, 0, "") : Item(None());
  const Item test = given(arguments, skipped, "");
  Arguments rest = arguments;
  const auto used = std::min(rest.positional.size(), skipped + 1);
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<std::ptrdiff_t>(used));
  Items out;
  if (!is_true(value)) return context.list({});
  for (const Item& item : items_of(context, value)) {
    if (!context.charge()) return {};
    const Item looked_at = attribute_of(context, item, attribute);
    const bool holds = test.text() == nullptr
                           ? is_true(looked_at)
                           : apply_test(context, test.text()->bytes(), looked_at, rest);
    if (holds == wanted) out.push_back(item);
  }
  return context.list(std::move(out));
}
Item select(Context& context, const Item& value, const Arguments& arguments) {
  return selected(context, value, arguments, false, true);
}
Item reject(Context& context, const Item& value, const Arguments& arguments) {
  return selected(context, value, arguments, false, false);
}
Item selectattr(Context& context, const Item& value, const Arguments& arguments) {
  return selected(context, value, arguments, true, true);
}
Item rejectattr(Context& context, const Item& value, const Arguments& arguments) {
  return selected(context, value, arguments, true, false);
}

Item list(Context& context, const Item& value, const Arguments&) {
  return context.list(items_of(context, value));
}
Item items(Context& context, const Item& value, const Arguments& arguments) {
  if (value.undefined() != nullptr) return context.list({});
  const Builtin* const method = method_of(value, "items");
  if (method == nullptr) return context.fail("items takes a map");
  return method->run(context, value, arguments);
}
Item first(Context& context, const Item& value, const Arguments&) {
  const Items all = items_of(context, value);
  return all.empty() ? Item(Undefined{context.at}) : all.front();
}
Item last(Context& context, const Item& value, const Arguments&) {
  const Items all = items_of(context, value);
  return all.empty() ? Item(Undefined{context.at}) : all.back();
}
Item reverse(Context& context, const Item& value, const Arguments&) {
  Items all = items_of(context, value);
  std::reverse(all.begin(), all.end());
  if (value.text() == nullptr) return context.list(std::move(all));
  Text out;
  for (const Item& item : all) {
    if (context.ok()) out.append(*item.text());
  }
  return context.text(std::move(out));
}

// Lists of `linecount`, the last one filled up where asked.
Item batch(Context& context, const Item& value, const Arguments& arguments) {
  const std::int64_t size = whole(context, arguments, 0, "linecount", 0);
  if (size < 1) return context.fail("batch takes a number from 1");
  const Item filling = given(arguments, 1, "fill_with");
  Items out, row;
  for (const Item& item : items_of(context, value)) {
    if (!context.charge()) return {};
    row.push_back(item);
    if (static_cast<std::int64_t>(row.size()) == size)
      out.push_back(context.list(std::exchange(row, {})));
  }
  if (row.empty()) return context.list(std::move(out));
  while (!filling.is_none() && static_cast<std::int64_t>(row.size()) < size && context.charge())
    row.push_back(filling);
  out.push_back(context.list(std::move(row)));
  return context.list(std::move(out));
}

// As many lists as asked for, the first ones longer by one where it does not divide.
Item slices(Context& context, const Item& value, const Arguments& arguments) {
  const std::int64_t n = whole(context, arguments, 0, "slices", 0);
  if (n < 1) return context.fail("slice takes a number from 1");
  const Item filling = given(arguments, 1, "fill_with");
  const Items all = items_of(context, value);
  const auto count = static_cast<std::int64_t>(all.size());
  Items out;
  auto at = all.begin();
  for (std::int64_t i = 0; i < n && context.charge(1 + static_cast<std::size_t>(count / n)); ++i) {
    const bool longer = i < count % n;
    Items row(at, at + count / n + (longer ? 1 : 0));
    at += static_cast<std::ptrdiff_t>(row.size());
    if (!filling.is_none() && !longer && count % n != 0) row.push_back(filling);
    out.push_back(context.list(std::move(row)));
  }
  return context.list(std::move(out));
}

// Pairs of an attribute's value and the list of those that have it, in the order of the values.
Item groupby(Context& context, const Item& value, const Arguments& arguments) {
  const Item attribute = given(arguments, 0, "attribute"),
             otherwise = given(arguments, 1, "default");
  const bool case_sensitive = flag(arguments, 2, "case_sensitive");
  const Items items = items_of(context, value);
  Items names, keys, out;
  for (const Item& item : items) {
    Item name = attribute_of(context, item, attribute);
    if (name.undefined() != nullptr && !otherwise.is_none()) name = otherwise;
    keys.push_back(sort_key(context, name, case_sensitive));
    names.push_back(std::move(name));
  }
  const Item* key = nullptr;
  for (const std::size_t i : ordered(context, keys, false)) {
    if (!context.charge()) return {};
    if (key == nullptr || !is_equal(context, *key, keys[i]))
      out.push_back(context.list({names[i], context.list({})}, true));
    key = &keys[i];
    out.back().list()->items[1].list()->items.push_back(items[i]);
  }
  return context.list(std::move(out));
}

constexpr Builtin kListFilters[] = {
    {"sort", "reverse case_sensitive attribute", 0, sort},
    {"dictsort", "case_sensitive by reverse", 0, dictsort},
    {"unique", "case_sensitive attribute", 0, unique},
    {"min", "case_sensitive attribute", 0, min},
    {"max", "case_sensitive attribute", 0, max},
    {"sum", "attribute start", 0, sum},
    {"join", "d attribute", 0, join},
    {"map", "*", 0, map},
    {"select", "*", 0, select},
    {"reject", "*", 0, reject},
    {"selectattr", "*", 1, selectattr},
    {"rejectattr", "*", 1, rejectattr},
    {"list", "", 0, list},
    {"items", "", 0, items},
    {"first", "", 0, first},
    {"last", "", 0, last},
    {"reverse", "", 0, reverse},
    {"batch", "linecount fill_with", 1, batch},
    {"slice", "slices fill_with", 1, slices},
    {"groupby", "attribute default case_sensitive", 1, groupby},
};

}  // namespace

std::span<const Builtin> list_filters() {
  return kListFilters;
}

}  // namespace pennyweight::templates
