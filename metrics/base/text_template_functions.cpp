#include <array>
#include <charconv>

#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_print.h"

namespace pennyweight::templates {
namespace {

Item raise(Context& context, const Item&, const Arguments& arguments) {
  return context.fail("the template refuses", str(context, given(arguments, 0, "message")).bytes());
}

Item range(Context& context, const Item&, const Arguments& arguments) {
  const bool one = arguments.positional.size() == 1;
  const std::int64_t begin = one ? 0 : whole(context, arguments, 0, "start", 0);
  const std::int64_t end = whole(context, arguments, one ? 0 : 1, "stop", 0);
  const std::int64_t step = whole(context, arguments, 2, "step", 1);
  if (step == 0) return context.fail("range cannot step by 0");
  Items out;
  for (std::int64_t at = begin; (step > 0 ? at < end : at > end) && context.charge();) {
    out.push_back(at);
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return context.list(std::move(out));
}

Item map_of(Context& context, const Arguments& arguments, bool is_namespace) {
  Map* const out = context.map();
  out->is_namespace = is_namespace;
  if (!arguments.positional.empty()) {
    const Map* const from = arguments.positional[0].map();
    if (from == nullptr) return context.fail("dict and namespace take a map or named values");
    if (!context.charge_bytes(from->entries.size() * sizeof(Item))) return {};
    out->entries = from->entries;
  }
  for (const auto& [name, item] : arguments.named) {
    if (context.charge(1 + out->entries.size() / 16)) out->set(Item(Text(std::string(name))), item);
  }
  return out;
}
Item dict(Context& context, const Item&, const Arguments& arguments) {
  return map_of(context, arguments, false);
}
Item make_namespace(Context& context, const Item&, const Arguments& arguments) {
  return map_of(context, arguments, true);
}

struct Date {
  int year = 0, month = 0, day = 0;
};

// "2024-07-26"
bool read_date(std::string_view text, Date& out) {
  const auto number = [&](std::size_t at, std::size_t n, int& to) {
    if (text.size() < at + n) return false;
    const char* const end = text.data() + at + n;
    const auto [stop, status] = std::from_chars(text.data() + at, end, to);
    return status == std::errc{} && stop == end && to > 0;
  };
  return text.size() == 10 && text[4] == '-' && text[7] == '-' && number(0, 4, out.year) &&
         number(5, 2, out.month) && number(8, 2, out.day) && out.month <= 12 && out.day <= 31;
}

int days_before_month(const Date& d) {
  static constexpr std::array<int, 12> kDays{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const bool leap = d.year % 4 == 0 && (d.year % 100 != 0 || d.year % 400 == 0);
  return kDays[static_cast<std::size_t>(d.month - 1)] + (leap && d.month > 2 ? 1 : 0);
}
// 0 is Sunday, in the Gregorian calendar.
std::size_t week_day(const Date& d) {
  const int y = d.year - 1;
  return static_cast<std::size_t>(
      (y * 365 + y / 4 - y / 100 + y / 400 + days_before_month(d) + d.day) % 7);
}

std::string padded(int number, std::size_t width) {
  std::string out = std::to_string(number);
  if (out.size() < width) out.insert(0, width - out.size(), '0');
  return out;
}

// The English names and numbers of a day at midnight. Empty for a letter that means nothing here.
std::string date_part(const Date& d, char type) {
  static constexpr std::array<std::string_view, 12> kMonths{
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  static constexpr std::array<std::string_view, 7> kWeek{
      "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  const std::string month(kMonths[static_cast<std::size_t>(d.month - 1)]);
  const std::string weekday(kWeek[week_day(d)]);
  switch (type) {
    case 'Y':
      return padded(d.year, 4);
    case 'y':
      return padded(d.year % 100, 2);
    case 'm':
      return padded(d.month, 2);
    case 'd':
      return padded(d.day, 2);
    case 'e':
      return d.day < 10 ? " " + padded(d.day, 1) : padded(d.day, 2);
    case 'j':
      return padded(days_before_month(d) + d.day, 3);
    case 'B':
      return month;
    case 'b':
      return month.substr(0, 3);
    case 'A':
      return weekday;
    case 'a':
      return weekday.substr(0, 3);
    case 'F':
      return padded(d.year, 4) + "-" + padded(d.month, 2) + "-" + padded(d.day, 2);
    case 'H':
    case 'M':
    case 'S':
      return "00";
    case 'I':
      return "12";
    case 'p':
      return "AM";
    case '%':
      return "%";
    default:
      return {};
  }
}

// The value is the date that the caller gave.
Item strftime_now(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const format = spelled(context, arguments, 0, "format");
  Date date;
  if (value.text() == nullptr || !read_date(value.text()->bytes(), date)) {
    return context.fail("strftime_now has no date of the form 2024-07-26");
  }
  if (format == nullptr || !context.may_build(10 * format->size())) return {};
  std::string out;
  for (std::size_t i = 0; i < format->size(); ++i) {
    const bool is_part = (*format)[i] == '%' && i + 1 < format->size();
    const bool unpadded = is_part && (*format)[i + 1] == '-' && i + 2 < format->size();
    std::string part;
    if (is_part) part = date_part(date, (*format)[i + (unpadded ? 2 : 1)]);
    if (part.empty()) {
      out += (*format)[i];
      continue;
    }
    if (unpadded && part.size() > 1 && part[0] == '0') part.erase(0, 1);
    out += part;
    i += unpadded ? 2 : 1;
  }
  return context.text(out);
}

constexpr Builtin kFunctions[] = {
    {"raise_exception", "message", 0, raise},
    {"range", "start stop step", 1, range},
    {"dict", "*", 0, dict},
    {"namespace", "*", 0, make_namespace},
    {"strftime_now", "format", 1, strftime_now},
};

}  // namespace

std::span<const Builtin> functions() {
  return kFunctions;
}

}  // namespace pennyweight::templates
