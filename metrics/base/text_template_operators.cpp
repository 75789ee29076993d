#include "metrics/base/text_template_operators.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "metrics/base/text_template_format.h"

namespace pennyweight::templates {
namespace {

using Op = Expression::Kind;

bool equal_lists(Context& context, const List& a, const List& b, int depth) {
  if (a.is_tuple != b.is_tuple || a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!is_equal(context, a.items[i], b.items[i], depth + 1)) return false;
  }
  return true;
}

bool equal_maps(Context& context, const Map& a, const Map& b, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, item] : a.entries) {
    if (!context.charge(1 + b.entries.size() / 16)) return false;
    const Item* other = b.find(key);
    if (other == nullptr || !is_equal(context, item, *other, depth + 1)) return false;
  }
  return true;
}

Item whole_arithmetic(Context& context, Op kind, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  bool too_large = false;
  switch (kind) {
    case Op::add:
      too_large = __builtin_add_overflow(a, b, &out);
      break;
    case Op::subtract:
      too_large = __builtin_sub_overflow(a, b, &out);
      break;
    case Op::multiply:
      too_large = __builtin_mul_overflow(a, b, &out);
      break;
    case Op::power:
      out = 1;
      if (b > 64 && (a == 1 || a == -1 || a == 0)) b = 2 + b % 2;
      for (std::int64_t i = 0; i < b && !too_large; ++i) {
        too_large = __builtin_mul_overflow(out, a, &out);
      }
      break;
    default: {  // floor_divide, modulo: towards negative infinity, the remainder with b's sign
      if (b == -1) {
        too_large = kind == Op::floor_divide && a == INT64_MIN;
        out = kind == Op::modulo || too_large ? 0 : -a;
        break;
      }
      const bool adjust = a % b != 0 && (a < 0) != (b < 0);
      out = kind == Op::modulo ? a % b + (adjust ? b : 0) : a / b - (adjust ? 1 : 0);
    }
  }
  return too_large ? context.fail("the number is too large") : Item(out);
}

Item real_arithmetic(Op kind, double a, double b) {
  switch (kind) {
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    case Op::floor_divide:
      return std::floor(a / b);
    case Op::modulo: {
      const double rest = std::fmod(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    default:
      return std::pow(a, b);
  }
}

Item number_arithmetic(Context& context, Op kind, const Item& a, const Item& b) {
  const bool divides = kind == Op::divide || kind == Op::floor_divide || kind == Op::modulo;
  if (divides && as_double(b) == 0) return context.fail("division by zero");
  const bool whole =
      is_whole(a) && is_whole(b) && kind != Op::divide && !(kind == Op::power && as_integer(b) < 0);
  return whole ? whole_arithmetic(context, kind, as_integer(a), as_integer(b))
               : real_arithmetic(kind, as_double(a), as_double(b));
}

Item repeated(Context& context, const Item& what, std::int64_t times) {
  const auto n = static_cast<std::size_t>(std::clamp<std::int64_t>(times, 0, 1 << 30));
  if (what.text() != nullptr) {
    if (!context.may_build(std::min(what.text()->weight(), kMaxText) * n)) return {};
    Text out;
    if (what.text()->bytes().empty()) return what;
    for (std::size_t i = 0; i < n; ++i) out.append(*what.text());
    return context.text(std::move(out));
  }
  const Items& items = what.list()->items;
  if (!context.charge(std::clamp<std::size_t>(items.size(), 1, kMaxSteps) * n)) return {};
  Items out;
  for (std::size_t i = 0; i < n; ++i) out.insert(out.end(), items.begin(), items.end());
  return context.list(std::move(out), what.list()->is_tuple);
}

// The positions a slice takes of `size`, as Python counts them.
std::vector<std::size_t> positions(std::int64_t size, const Item& from, const Item& to,
                                   std::int64_t step) {
  const auto bound = [&](const Item& item, std::int64_t otherwise) {
    if (item.integer() == nullptr) return otherwise;
    const std::int64_t at = *item.integer();
    const std::int64_t least = step > 0 ? 0 : -1, most = step > 0 ? size : size - 1;
    return std::clamp(at < 0 ? std::max<std::int64_t>(at, -size - 1) + size : at, least, most);
  };
  std::vector<std::size_t> out;
  std::int64_t at = bound(from, step > 0 ? 0 : size - 1);
  const std::int64_t end = bound(to, step > 0 ? size : -1);
  while (step > 0 ? at < end : at > end) {
    out.push_back(static_cast<std::size_t>(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return out;
}

Item sliced_text(Context& context, const Text& text, const Item& from, const Item& to,
                 std::int64_t step) {
  if (!context.charge_bytes(text.weight())) return {};
  const std::vector<std::size_t> offsets = character_offsets(text.bytes());
  const auto taken = positions(static_cast<std::int64_t>(offsets.size()) - 1, from, to, step);
  if (taken.empty()) return context.text("");
  if (step == 1) return context.text(text.part(offsets[taken[0]], offsets[taken.back() + 1]));
  Text out;
  for (const std::size_t i : taken) out.append(text.part(offsets[i], offsets[i + 1]));
  return context.text(std::move(out));
}

}  // namespace

bool is_equal(Context& context, const Item& a, const Item& b, int depth) {
  if (!context.charge()) return false;
  if (depth > kMaxDepth) {
    context.fail("a value is nested too deeply to be compared");
    return false;
  }
  if (a.is_number() && b.is_number()) {
    return is_whole(a) && is_whole(b) ? as_integer(a) == as_integer(b)
                                      : as_double(a) == as_double(b);
  }
  if (a.text() != nullptr && b.text() != nullptr) {
    return a.text()->bytes().size() == b.text()->bytes().size() &&
           context.charge_bytes(a.text()->bytes().size()) && a.text()->bytes() == b.text()->bytes();
  }
  if (a.list() != nullptr && b.list() != nullptr) {
    return equal_lists(context, *a.list(), *b.list(), depth);
  }
  if (a.map() != nullptr && b.map() != nullptr) {
    if (a.map()->is_namespace || b.map()->is_namespace) return a.map() == b.map();
    return equal_maps(context, *a.map(), *b.map(), depth);
  }
  if (a.undefined() != nullptr && b.undefined() != nullptr) return true;
  if (a.callable() != nullptr) return a.callable() == b.callable();
  return a.is_none() && b.is_none();
}

bool is_less(Context& context, const Item& a, const Item& b, int depth) {
  if (!context.charge()) return false;
  if (a.is_number() && b.is_number()) {
    return is_whole(a) && is_whole(b) ? as_integer(a) < as_integer(b) : as_double(a) < as_double(b);
  }
  if (a.text() != nullptr && b.text() != nullptr) {
    const std::size_t both = std::min(a.text()->bytes().size(), b.text()->bytes().size());
    return context.charge_bytes(both) && a.text()->bytes() < b.text()->bytes();
  }
  if (a.list() == nullptr || b.list() == nullptr || depth > kMaxDepth) {
    context.fail("only numbers, or texts, or lists of them, are less or greater");
    return false;
  }
  const Items& left = a.list()->items;
  const Items& right = b.list()->items;
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (is_equal(context, left[i], right[i], depth + 1)) continue;
    return is_less(context, left[i], right[i], depth + 1);
  }
  return left.size() < right.size();
}

bool contains(Context& context, const Item& in, const Item& what) {
  if (in.list() != nullptr) {
    for (const Item& item : in.list()->items) {
      if (is_equal(context, item, what)) return true;
    }
    return false;
  }
  if (in.map() != nullptr && !in.map()->is_namespace) {
    return context.charge(1 + in.map()->entries.size() / 16) && in.map()->find(what) != nullptr;
  }
  if (in.undefined() != nullptr) return false;
  if (in.text() == nullptr || what.text() == nullptr) {
    context.fail("\"in\" takes a list, or a text and a text or map");
    return false;
  }
  return context.charge_bytes(in.text()->bytes().size() + what.text()->bytes().size()) &&
         Finder(what.text()->bytes()).find(in.text()->bytes()) != std::string::npos;
}

Item arithmetic(Context& context, Op kind, const Item& a, const Item& b) {
  if (a.is_number() && b.is_number()) return number_arithmetic(context, kind, a, b);
  if (kind == Op::add && a.text() != nullptr && b.text() != nullptr) {
    if (!context.may_build(a.text()->bytes().size() + b.text()->bytes().size())) return {};
    Text out = *a.text();
    out.append(*b.text());
    return context.text(std::move(out));
  }
  const bool lists = a.list() != nullptr && b.list() != nullptr;
  if (kind == Op::add && lists && a.list()->is_tuple == b.list()->is_tuple) {
    Items out = a.list()->items;
    out.insert(out.end(), b.list()->items.begin(), b.list()->items.end());
    return context.list(std::move(out), a.list()->is_tuple);
  }
  if (kind == Op::multiply && is_whole(b) && (a.text() != nullptr || a.list() != nullptr)) {
    return repeated(context, a, as_integer(b));
  }
  if (kind == Op::multiply && is_whole(a) && (b.text() != nullptr || b.list() != nullptr)) {
    return repeated(context, b, as_integer(a));
  }
  if (kind == Op::modulo && a.text() != nullptr) {
    const bool several = b.list() != nullptr && b.list()->is_tuple;
    return percent_format(context, *a.text(), several ? b.list()->items : Items{b});
  }
  if (kind == Op::add) {
    return context.fail("\"+\" joins two texts or lists or adds two numbers", "",
                        "\"~\" joins anything as text");
  }
  return context.fail("this operator takes two numbers");
}

Item negated(Context& context, const Item& item) {
  if (item.real() != nullptr) return -*item.real();
  if (!is_whole(item)) return context.fail("only a number can be negated");
  return whole_arithmetic(context, Op::subtract, 0, as_integer(item));
}

Item child(Context& context, const Item& from, const Item& key) {
  const Item missing(Undefined{context.at});
  if (from.map() != nullptr) {
    context.charge(from.map()->entries.size() / 16);
    const Item* const found = from.map()->find(key);
    return found == nullptr ? missing : *found;
  }
  if (!is_whole(key)) return missing;
  const auto at = [&](std::size_t size) {
    const std::int64_t i = as_integer(key);
    return static_cast<std::size_t>(i < 0 ? i + static_cast<std::int64_t>(size) : i);
  };
  if (from.list() != nullptr) {
    const std::size_t i = at(from.list()->items.size());
    return i < from.list()->items.size() ? from.list()->items[i] : missing;
  }
  if (from.text() == nullptr || !context.charge_bytes(from.text()->bytes().size())) return missing;
  const std::vector<std::size_t> offsets = character_offsets(from.text()->bytes());
  const std::size_t i = at(offsets.size() - 1);
  if (i + 1 >= offsets.size()) return missing;
  return context.text(from.text()->part(offsets[i], offsets[i + 1]));
}

Item slice(Context& context, const Item& from, const Item& begin, const Item& end,
           const Item& step) {
  for (const Item* bound : {&begin, &end, &step}) {
    if (bound->integer() == nullptr && !bound->is_none()) {
      return context.fail("a slice is bounded by whole numbers");
    }
  }
  const std::int64_t by = step.is_none() ? 1 : *step.integer();
  if (by == 0) return context.fail("a slice cannot step by 0");
  if (from.text() != nullptr) return sliced_text(context, *from.text(), begin, end, by);
  if (from.list() == nullptr) return context.fail("only a list or a text can be sliced");
  const Items& items = from.list()->items;
  Items out;
  for (const std::size_t i : positions(static_cast<std::int64_t>(items.size()), begin, end, by)) {
    out.push_back(items[i]);
  }
  return context.list(std::move(out), from.list()->is_tuple);
}

Items items_of(Context& context, const Item& item) {
  Items out;
  if (item.list() != nullptr) {
    if (context.charge_bytes(item.list()->items.size() * sizeof(Item))) out = item.list()->items;
  } else if (item.map() != nullptr && !item.map()->is_namespace) {
    for (const auto& entry : item.map()->entries) {
      if (context.charge()) out.push_back(entry.first);
    }
  } else if (item.text() != nullptr) {
    const std::vector<std::size_t> offsets = character_offsets(item.text()->bytes());
    for (std::size_t i = 0; i + 1 < offsets.size() && context.charge(); ++i) {
      out.push_back(context.text(item.text()->part(offsets[i], offsets[i + 1])));
    }
  } else if (item.undefined() == nullptr) {
    context.fail("only a list, a map or a text can be looped over");
  }
  return out;
}

}  // namespace pennyweight::templates
