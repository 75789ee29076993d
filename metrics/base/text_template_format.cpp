#include "metrics/base/text_template_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "metrics/base/text_template_print.h"

namespace pennyweight::templates {
namespace {

constexpr int kMaxDigits = 100;

// "2" of "%.2f": fewer than 100 digits, or -1.
int digits_of(std::string_view text) {
  int digits = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), digits);
  const bool good = status == std::errc{} && end == text.data() + text.size();
  return good && digits >= 0 && digits < kMaxDigits ? digits : -1;
}

// `look` is "s", "r", "d", "i", "f" or ".2f".
Text formatted(Context& context, const Item& item, std::string_view look) {
  if (look.empty() || look == "s") return str(context, item);
  if (look == "r") return repr(context, item);
  if ((look == "d" || look == "i") && item.is_number()) {
    if (is_whole(item)) return Text(std::to_string(as_integer(item)));
    if (std::fabs(*item.real()) < 9e18) {
      return Text(std::to_string(static_cast<std::int64_t>(*item.real())));
    }
  }
  if (look.back() == 'f' && item.is_number()) {
    const int digits = look == "f"      ? 6
                       : look[0] == '.' ? digits_of(look.substr(1, look.size() - 2))
                                        : -1;
    if (digits >= 0) {
      char buffer[512];
      const char* const end = std::to_chars(buffer, buffer + sizeof buffer, as_double(item),
                                            std::chars_format::fixed, digits)
                                  .ptr;
      return Text(std::string(buffer, static_cast<std::size_t>(end - buffer)));
    }
  }
  context.fail("the format \"" + std::string(look) + "\" is not supported for this value", "",
               "use %s, %d or %.2f");
  return {};
}

// The argument that "", "0" or "name" asks for.
const Item* field(Context& context, const Arguments& arguments, std::string_view name,
                  std::size_t& next) {
  std::size_t position = next;
  if (name.empty()) {
    ++next;
  } else if (name[0] >= '0' && name[0] <= '9') {
    const int digits = digits_of(name);
    position = digits < 0 ? arguments.positional.size() : static_cast<std::size_t>(digits);
  } else {
    position = arguments.positional.size();
  }
  const Item* const found = arguments.find(position, name);
  if (found == nullptr) context.fail("format has no value for \"{" + std::string(name) + "}\"");
  return found;
}

}  // namespace

Item percent_format(Context& context, const Text& format, const Items& items) {
  const std::string_view all = format.bytes();
  Text out;
  std::size_t at = 0, next = 0;
  for (std::size_t mark = all.find('%'); mark != all.npos; mark = all.find('%', at)) {
    out.append(format.part(at, mark));
    const std::size_t type = all.find_first_not_of(".0123456789", mark + 1);
    if (type == all.npos) return context.fail("a format ends in the middle");
    at = type + 1;
    if (all[type] == '%') {
      out.append("%");
      continue;
    }
    if (next == items.size()) return context.fail("a format has more places than values");
    const Text value = formatted(context, items[next++], all.substr(mark + 1, at - mark - 1));
    if (!context.may_build(value.weight())) return {};
    out.append(value);
  }
  if (next < items.size()) return context.fail("a format has fewer places than values");
  out.append(format.part(at, all.size()));
  return context.text(std::move(out));
}

Item brace_format(Context& context, const Text& format, const Arguments& arguments) {
  const std::string_view all = format.bytes();
  Text out;
  std::size_t at = 0, next = 0;
  for (std::size_t mark = all.find_first_of("{}"); mark != all.npos;
       mark = all.find_first_of("{}", at)) {
    out.append(format.part(at, mark));
    at = mark + 2;
    if (mark + 1 < all.size() && all[mark + 1] == all[mark]) {
      out.append(all.substr(mark, 1));
      continue;
    }
    const std::size_t end = all[mark] == '{' ? all.find('}', mark) : all.npos;
    if (end == all.npos) return context.fail("a format has a single brace");
    const std::string_view inside = all.substr(mark + 1, end - mark - 1);
    const std::size_t colon = std::min(inside.find(':'), inside.size());
    const Item* const item = field(context, arguments, inside.substr(0, colon), next);
    if (item == nullptr) return {};
    const Text value = formatted(context, *item, inside.substr(std::min(colon + 1, inside.size())));
    if (!context.may_build(value.weight())) return {};
    out.append(value);
    at = end + 1;
  }
  out.append(format.part(at, all.size()));
  return context.text(std::move(out));
}

}  // namespace pennyweight::templates
