#include "runners/http_exchange.h"

#include <utility>

#include <fmt/format.h>

#include "metrics/base/units.h"

namespace pennyweight {

HttpExchange::HttpExchange(EventLoop& loop, std::size_t max_body_bytes, HttpRequest r)
    : request(std::move(r)),
      loop_(loop),
      max_body_bytes_(max_body_bytes),
      asked_(loop.clock().now()),
      last_byte_(asked_) {
  response.body.reserve(64 * 1024);  // no growing while the bytes of an ordinary answer arrive
  response.arrivals.reserve(1024);
}

Instant HttpExchange::arrival() const {
  const Instant woke = loop_.woke_at();
  return response.sent && woke < *response.sent ? loop_.clock().now() : woke;
}

void HttpExchange::on_written() {
  last_byte_ = loop_.clock().now();
  if (!response.sent) response.sent = last_byte_;
}

void HttpExchange::on_header(std::string_view line) {
  last_byte_ = arrival();
  if (line.starts_with("HTTP/")) {  // a new block: what came before was a 1xx
    response.headers.clear();
    response.header = last_byte_;
    head_complete_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  if (line == "\r\n" || line == "\n") head_complete_ = true;
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kBlank = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(kBlank), value.size()));
  value = value.substr(0, value.find_last_not_of(kBlank) + 1);
  response.headers.emplace_back(std::move(name), value);
}

bool HttpExchange::on_body(std::string_view bytes) {
  last_byte_ = arrival();
  if (response.body.size() + bytes.size() > max_body_bytes_) {
    set_failure(Failure::protocol,
                fmt::format("the reply is larger than {} bytes", max_body_bytes_));
    return false;
  }
  response.body += bytes;
  auto& arrivals = response.arrivals;
  if (arrivals.empty() || arrivals.back().at != last_byte_) arrivals.push_back({last_byte_, 0});
  arrivals.back().end = response.body.size();
  return true;
}

void HttpExchange::set_failure(Failure failure, std::string message) {
  if (response.failure != Failure::none) return;
  response.failure = failure;
  response.error_message = std::move(message);
}

HttpExchange::Deadline HttpExchange::nearest() const {
  const Timeouts& limit = request.timeouts;
  const Deadline total{asked_ + limit.total, limit.total, "total timeout: not done within"};
  Deadline phase{asked_ + limit.connect, limit.connect, "connect timeout: no connection within"};
  if (response.sent)
    phase = {last_byte_ + limit.idle, limit.idle,
             response.header ? "idle timeout: the server fell silent for"
                             : "idle timeout: no reply within"};
  return phase.at < total.at ? phase : total;
}

bool HttpExchange::expired() {
  const Deadline next = nearest();
  if (loop_.clock().now() < next.at) return false;
  set_failure(Failure::timeout, fmt::format("{} {:g} s; {} bytes had come", next.what,
                                            to_seconds(next.limit), response.body.size()));
  return true;
}

}  // namespace pennyweight
