#include "runners/closed_loop.h"

#include <utility>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr std::size_t kErrorMessageBytes = 500;

// Moves and counts; nothing here grows with the answer.
void move_completion(Completion completion, Instant now, RequestRecord& record) {
  if (completion.sent) record.sent = completion.sent;
  record.connected = completion.connected;
  record.tls_done = completion.tls_done;
  record.header = completion.header;
  record.done = completion.done ? completion.done : now;
  record.connection_reused = completion.connection_reused;
  record.chunks = std::move(completion.chunks);
  record.usage = completion.usage;
  record.failure = completion.failure;
  record.finish = completion.finish;
  record.http_status = completion.http_status;
  record.error_message = std::move(completion.error_message);
  if (record.error_message.size() > kErrorMessageBytes) {
    record.error_message.resize(
        complete_utf8_prefix(std::string_view(record.error_message).substr(0, kErrorMessageBytes)));
  }
  record.answer = std::move(completion.answer);
  record.reasoning = std::move(completion.reasoning);
  record.model_served = std::move(completion.model_served);
  record.provider_request_id = std::move(completion.provider_request_id);
}

// Walks over what the completion brought: after the slot's next request has been issued.
void derive(bool streamed, RequestRecord& record) {
  derive_token_instants(record);
  // When the first token of a whole answer came nobody saw; its end is known.
  if (!streamed) record.first_token.reset();
}

}  // namespace

void ClosedLoop::start(Target& target, int concurrency, std::vector<PreparedRequest> requests) {
  target_ = &target;
  requests_before_ += requests_.size();
  requests_ = std::move(requests);
  attempts_.assign(requests_.size(), 0);
  next_ = 0;
  draining_ = false;
  running_ = true;
  const Instant begin = loop_.clock().now();
  for (int slot = 0; slot < concurrency; ++slot) issue_next(begin);
  check_done();
}

void ClosedLoop::issue_next(Instant scheduled) {
  if (draining_ || next_ == requests_.size()) return;
  issue(next_++, scheduled);
}

void ClosedLoop::issue(std::size_t index, Instant scheduled) {
  PreparedRequest& prepared = requests_[index];
  if (!host_.may_send(prepared)) return drain();
  const RequestId id = ++last_id_;
  InFlight& flight = in_flight_[id];
  flight.index = index;
  flight.record = prepared.record;
  flight.record.scheduled = scheduled;
  ++prepared.record.attempt;
  ++attempts_[index];
  flight.record.issued = loop_.clock().now();
  if (prepared.task.has_images && !target_->info().accepts_images) {
    Completion refused;
    refused.failure = Failure::unsupported;
    refused.error_message = "this target takes no images";
    loop_.post([this, id, refused] { on_finished(id, refused); });
    return;
  }
  target_->issue(id, prepared.request);
  host_.on_edge();
}

void ClosedLoop::on_sent(RequestId id, Instant at) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  RequestRecord& record = found->second.record;
  record.sent = at;
  RequestRecord in_flight = record;
  in_flight.failure = Failure::in_flight;
  host_.on_attempt_sent(in_flight);
}

void ClosedLoop::on_finished(RequestId id, Completion completion) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const std::size_t index = found->second.index;
  RequestRecord record = std::move(found->second.record);
  in_flight_.erase(found);
  const Instant now = loop_.clock().now();
  std::optional<Duration> wait;
  if (!draining_ && completion.failure != Failure::none) {
    wait = retry_.wait(completion, attempts_[index], seed_, requests_before_ + index);
  }
  const bool streamed = completion.streamed;
  move_completion(std::move(completion), now, record);
  host_.settle(requests_[index], record, !wait);  // without it the next one may not fit the cap
  if (!wait) issue_next(*record.done);            // only then the books
  derive(streamed, record);
  host_.on_attempt_done(record);
  if (wait) {
    const Instant due = now + *wait;
    waiting_[index] = loop_.call_at(due, [this, index, due] {
      waiting_.erase(index);
      issue(index, due);
      check_done();
    });
    host_.on_retry(record, *wait);
  } else {
    host_.on_request_done(requests_[index], std::move(record));
  }
  host_.on_edge();
  check_done();
}

void ClosedLoop::drain() {
  draining_ = true;
  for (const auto& [index, timer] : waiting_) loop_.cancel_timer(timer);
  waiting_.clear();
  check_done();
}

void ClosedLoop::cancel_all() {
  std::vector<RequestId> ids;
  for (const auto& [id, flight] : in_flight_) ids.push_back(id);
  for (const RequestId id : ids) target_->cancel(id);
}

void ClosedLoop::check_done() {
  const bool more = !draining_ && next_ < requests_.size();
  if (!running_ || more || !in_flight_.empty() || !waiting_.empty()) return;
  running_ = false;
  loop_.post([this] { host_.on_block_done(); });
}

}  // namespace pennyweight
