#include "runners/dialects/reply_headers.h"

#include <string>

#include "runners/secrets.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

HttpResponse with(std::vector<std::pair<std::string, std::string>> headers) {
  HttpResponse response;
  response.headers = std::move(headers);
  return response;
}

}  // namespace

TEST_CASE("retry-after-ms comes first, then retry-after in seconds, both may have a fraction") {
  CHECK(retry_after(with({{"retry-after", "2"}})) == Duration(2s));
  CHECK(retry_after(with({{"retry-after", "0.25"}})) == Duration(250ms));
  CHECK(retry_after(with({{"retry-after", "2"}, {"retry-after-ms", "12.5"}})) == Duration(12500us));
  CHECK(retry_after(with({{"retry-after-ms", "soon"}, {"retry-after", "1"}})) == Duration(1s));
}

TEST_CASE("retry-after as a date counts from the reply's own date") {
  CHECK(retry_after(with({{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                          {"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}})) == Duration(30s));
  CHECK_FALSE(retry_after(with({{"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}})));
  CHECK_FALSE(retry_after(with({{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                                {"retry-after", "Sun, 06 Nov 1994 08:49:07 GMT"}})));
}

TEST_CASE("a retry-after that makes no sense says nothing") {
  for (const std::string text :
       {"", "-1", "nan", "inf", "1e300", "1 s", "0x10", "tomorrow", "2,5", " 2"})
    CHECK_FALSE(retry_after(with({{"retry-after", text}})));
  CHECK_FALSE(retry_after(with({})));
}

TEST_CASE("HTTP dates are read in the one format that may be sent") {
  CHECK(parse_http_date("Mon, 17 Jun 2024 00:00:00 GMT") == UnixTime(1'718'582'400s));
  CHECK(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT") == UnixTime(1'709'251'200s));
  const std::string good = "Mon, 17 Jun 2024 00:00:00 GMT";
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(parse_http_date(good.substr(0, n)));
  for (const auto* bad : {"Mon, 31 Jun 2024 00:00:00 GMT", "Mon, 17 Jun 2024 24:00:00 GMT",
                          "Mon, 17 Xxx 2024 00:00:00 GMT", "Mon, 17 Jun 2024 00:00:00 UTC",
                          "Mon, +7 Jun 2024 00:00:00 GMT", "Mon, 17 Jun 0001 00:00:00 GMT"})
    CHECK_FALSE(parse_http_date(bad));
}

TEST_CASE("x-should-retry is true, false or nothing") {
  CHECK(should_retry(with({{"x-should-retry", "true"}})) == true);
  CHECK(should_retry(with({{"x-should-retry", "false"}})) == false);
  CHECK_FALSE(should_retry(with({{"x-should-retry", "maybe"}})));
  CHECK_FALSE(should_retry(with({})));
}

TEST_CASE("an error text is redacted, printable and short") {
  register_secret("canary-error-text");
  CHECK(error_text("no\x1b[31m canary-error-text\n") == "no[31m [redacted] ");
  std::string korean;
  for (int i = 0; i < 300; ++i) korean += "가";
  const std::string cut = error_text(korean);
  CHECK(cut.size() == 498);  // 166 characters of 3 bytes: none is halved
  // The cut never leaves half of a key.
  const std::string at_the_cut = std::string(490, 'x') + "canary-error-text";
  CHECK(error_text(at_the_cut).find("canary") == std::string::npos);
}

TEST_CASE("HTML is told from JSON by its first visible byte") {
  CHECK(looks_like_html("\r\n <!DOCTYPE html>"));
  CHECK(looks_like_html("\xEF\xBB\xBF<html>"));
  CHECK_FALSE(looks_like_html("{\"a\":\"<\"}"));
  CHECK_FALSE(looks_like_html(""));
}
