// What an HTTP reply says about itself in its headers, the same for every dialect. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "metrics/base/clock.h"
#include "runners/http_client.h"

namespace pennyweight {

// retry-after-ms, else retry-after in seconds or as an HTTP date. A date counts from the reply's
// own Date header, so that neither clock needs to be right; without one it says nothing.
std::optional<Duration> retry_after(const HttpResponse& response);
std::optional<bool> should_retry(const HttpResponse& response);  // x-should-retry

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, the one format that may be sent).
std::optional<UnixTime> parse_http_date(std::string_view text);

// Redacted, printable, at most 500 bytes: fit for RequestRecord::error_message.
std::string error_text(std::string_view text);

// Whether the first visible byte says HTML rather than JSON or events.
bool looks_like_html(std::string_view body);

}  // namespace pennyweight
