// Keeps a fixed number of requests in flight: the next one is scheduled the instant one is done.
// One thread, that of the loop. Decides when; what may be sent and what is kept is the host's.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "metrics/base/units.h"
#include "runners/event_loop.h"
#include "runners/retry.h"
#include "runners/target.h"

namespace pennyweight {

// A request ready to go: nothing is read or rendered while requests run.
struct PreparedRequest {
  Task task;
  Request request;
  RequestRecord record;  // identity, prompt hash; attempt: the number of the next one
  Money bound;           // the most that it can cost
};

class ClosedLoop final : public EventSink {
 public:
  // Called on the loop's thread.
  class Host {
   public:
    virtual ~Host() = default;
    // Before each attempt. False: this request is not sent, and none after it in this block.
    virtual bool may_send(const PreparedRequest& request) = 0;
    virtual void on_edge() = 0;  // a request begins or ends
    virtual void on_attempt_sent(const RequestRecord& record) = 0;
    // Before the slot's next request, so at once: what the attempt cost takes the place of its
    // reservation, and after a `last` attempt the host may drain() a target that is not there.
    // `record` has all but the instants that are derived from the chunks.
    virtual void settle(const PreparedRequest& request, const RequestRecord& record, bool last) = 0;
    // From here on the slot's next request has been issued already.
    virtual void on_attempt_done(const RequestRecord& record) = 0;
    virtual void on_retry(const RequestRecord& record, Duration wait) = 0;
    virtual void on_request_done(const PreparedRequest& request,
                                 RequestRecord record) = 0;  // after its last attempt
    virtual void on_block_done() = 0;  // nothing is in flight; from a turn of its own
  };

  ClosedLoop(EventLoop& loop, Host& host, RetryPolicy retry, std::uint64_t seed)
      : loop_(loop), host_(host), retry_(retry), seed_(seed) {}

  // The first `concurrency` requests are scheduled now. Not while a block runs.
  void start(Target& target, int concurrency, std::vector<PreparedRequest> requests);
  // Sends nothing more: retries that wait are given up, what is in flight goes on.
  void drain();
  void cancel_all();

  void on_sent(RequestId id, Instant at) override;
  void on_progress(RequestId, int) override {}
  void on_finished(RequestId id, Completion completion) override;

 private:
  struct InFlight {
    std::size_t index = 0;
    RequestRecord record;
  };

  void issue_next(Instant scheduled);
  void issue(std::size_t index, Instant scheduled);
  void check_done();

  EventLoop& loop_;
  Host& host_;
  RetryPolicy retry_;
  std::uint64_t seed_;
  Target* target_ = nullptr;
  std::vector<PreparedRequest> requests_;
  std::vector<int> attempts_;  // of each request in this block
  std::size_t next_ = 0;
  std::uint64_t requests_before_ = 0;  // of earlier blocks: numbers the jitter's draws
  bool draining_ = false, running_ = false;
  RequestId last_id_ = 0;
  std::map<RequestId, InFlight> in_flight_;
  std::map<std::size_t, TimerId> waiting_;  // retries that are not due yet, by index
};

}  // namespace pennyweight
