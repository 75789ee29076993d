#include "runners/dialects/reply_headers.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "metrics/base/utf8.h"
#include "runners/secrets.h"

namespace pennyweight {
namespace {

template <class T>
std::optional<T> number(std::string_view text) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<Duration> scaled(std::string_view text, double nanoseconds) {
  const auto value = number<double>(text);
  if (!value || !(*value >= 0) || *value * nanoseconds > 1e18) return std::nullopt;
  return Duration(std::llround(*value * nanoseconds));
}

std::optional<unsigned> month_number(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (unsigned i = 0; i < kMonths.size(); ++i)
    if (kMonths[i] == name) return i + 1;
  return std::nullopt;
}

}  // namespace

std::optional<UnixTime> parse_http_date(std::string_view text) {
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  const auto day = number<unsigned>(text.substr(5, 2)), year = number<unsigned>(text.substr(12, 4));
  const auto hour = number<unsigned>(text.substr(17, 2));
  const auto minute = number<unsigned>(text.substr(20, 2));
  const auto second = number<unsigned>(text.substr(23, 2));
  const auto month = month_number(text.substr(8, 3));
  if (!day || !month || !year || !hour || !minute || !second) return std::nullopt;
  using namespace std::chrono;
  const year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                            std::chrono::day(*day));
  if (!date.ok() || *year < 1970 || *year > 2200 || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  return UnixTime(sys_days(date).time_since_epoch() + hours(*hour) + minutes(*minute) +
                  seconds(*second));
}

std::optional<Duration> retry_after(const HttpResponse& response) {
  if (const auto exact = scaled(response.header_value("retry-after-ms"), 1e6)) return exact;
  const std::string_view text = response.header_value("retry-after");
  if (const auto seconds = scaled(text, 1e9)) return seconds;
  const auto until = parse_http_date(text);
  const auto now = parse_http_date(response.header_value("date"));
  if (!until || !now || *until < *now) return std::nullopt;
  return *until - *now;
}

std::optional<bool> should_retry(const HttpResponse& response) {
  const std::string_view text = response.header_value("x-should-retry");
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::string error_text(std::string_view text) {
  constexpr std::size_t kLongest = 500;
  // Redacted first: a cut through a key would leave half of it unrecognised.
  std::string out = printable(redact(text.substr(0, 64 * 1024)));
  if (out.size() > kLongest) {
    out.resize(kLongest);
    out.resize(complete_utf8_prefix(out));
  }
  return out;
}

bool looks_like_html(std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string_view::npos && body[first] == '<';
}

}  // namespace pennyweight
