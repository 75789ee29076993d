#include "runners/simulated_target.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>

#include "metrics/base/random.h"
#include "metrics/base/units.h"
#include "runners/option_list.h"

namespace pennyweight {
namespace {

const std::vector<std::string> kOptions = {"ttft", "tpot",    "send_delay", "tokens", "answer",
                                           "fail", "failure", "slots",      "seed"};

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_duration(std::string_view text, Duration& out) {
  const auto parsed = parse_duration(text);
  if (parsed) out = *parsed;
  return parsed && *parsed >= Duration{};
}

bool read_failure(std::string_view text, Failure& out) {
  const auto parsed = parse_failure(text);
  if (parsed) out = *parsed;
  return parsed && *parsed != Failure::none && *parsed != Failure::in_flight;
}

// False: the key is known, the value is not one of its values.
bool set_option(SimulatedSpec& spec, std::string_view key, std::string_view value) {
  if (key == "ttft") return read_duration(value, spec.ttft);
  if (key == "tpot") return read_duration(value, spec.tpot);
  if (key == "send_delay") return read_duration(value, spec.send_delay);
  if (key == "tokens") return read_number(value, spec.tokens) && spec.tokens > 0;
  if (key == "fail") {
    return read_number(value, spec.failure_rate) && spec.failure_rate >= 0 &&
           spec.failure_rate <= 1;
  }
  if (key == "failure") return read_failure(value, spec.failure);
  if (key == "slots") return read_number(value, spec.slots) && spec.slots >= 0;
  if (key == "seed") return read_number(value, spec.seed);
  spec.answer = value;
  return true;
}

int http_status(Failure failure) {
  switch (failure) {
    case Failure::none:
      return 200;
    case Failure::authentication:
      return 401;
    case Failure::rate_limited:
      return 429;
    case Failure::bad_request:
      return 400;
    case Failure::server_error:
      return 500;
    default:
      return 0;
  }
}

// The answer cut into `tokens` pieces of nearly equal length, none empty.
std::vector<std::string_view> pieces(std::string_view answer, std::size_t tokens) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < tokens; ++i) {
    const std::size_t begin = i * answer.size() / tokens;
    out.push_back(answer.substr(begin, (i + 1) * answer.size() / tokens - begin));
  }
  return out;
}

class SimulatedTarget final : public Target {
 public:
  SimulatedTarget(std::string name, SimulatedSpec spec) : spec_(std::move(spec)) {
    if (spec_.answer.empty()) {
      spec_.answer = "ok";
      for (int i = 1; i < spec_.tokens; ++i) spec_.answer += " ok";
    }
    spec_.tokens =
        static_cast<int>(std::min(static_cast<std::size_t>(spec_.tokens), spec_.answer.size()));
    info_.name = std::move(name);
    info_.kind = "simulated";
    info_.model = "simulated";
    info_.identity = describe();
    info_.facts = info_.identity;
  }
  ~SimulatedTarget() override { detach(); }

  const TargetInfo& info() const override { return info_; }
  Result<void> check() override { return {}; }

  Result<void> attach(EventLoop& loop, EventSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    return {};
  }

  void detach() override {
    for (const auto& [id, call] : calls_) loop_->cancel_timer(call.timer);
    calls_.clear();
    waiting_.clear();
  }

  void issue(RequestId id, const Request& request) override {
    Call call;
    call.fails = Random(spec_.seed, Stream::sampling, issued_++).uniform() < spec_.failure_rate;
    call.streamed = request.generation.stream;
    call.tokens = std::min(spec_.tokens, request.generation.max_tokens);
    call.input_tokens = (input_bytes(request) + 3) / 4;
    if (std::holds_alternative<Continuations>(request.prompt)) {
      call.timer = loop_->call_at(loop_->clock().now(), [this, id] { finish(id, Failure::unsupported); });
      calls_.emplace(id, call);
      return;
    }
    call.timer = loop_->call_at(loop_->clock().now() + spec_.send_delay, [this, id] { send(id); });
    calls_.emplace(id, call);
  }

  void cancel(RequestId id) override {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    loop_->cancel_timer(found->second.timer);
    found->second.timer =
        loop_->call_at(loop_->clock().now(), [this, id] { finish(id, Failure::cancelled); });
  }

 private:
  struct Call {
    TimerId timer = 0;
    bool fails = false;
    bool streamed = true;
    int tokens = 0;
    std::int64_t input_tokens = 0;
    std::optional<Instant> sent, started;  // started: has a slot
  };

  Value describe() const {
    Value v;
    v.set("ttft_ns", static_cast<std::int64_t>(spec_.ttft.count()));
    v.set("tpot_ns", static_cast<std::int64_t>(spec_.tpot.count()));
    v.set("send_delay_ns", static_cast<std::int64_t>(spec_.send_delay.count()));
    v.set("tokens", spec_.tokens);
    v.set("answer", spec_.answer);
    v.set("failure_rate", spec_.failure_rate);
    v.set("failure", to_text(spec_.failure));
    v.set("slots", spec_.slots);
    v.set("seed", std::to_string(spec_.seed));
    return v;
  }

  void send(RequestId id) {
    Call& call = calls_.at(id);
    call.timer = 0;
    // What never connects sends nothing.
    if (call.fails && (spec_.failure == Failure::connect || spec_.failure == Failure::tls)) {
      return finish(id, spec_.failure);
    }
    call.sent = loop_->clock().now();
    waiting_.push_back(id);
    start_waiting();
    sink_->on_sent(id, *calls_.at(id).sent);
  }

  void start_waiting() {
    while (!waiting_.empty() && (spec_.slots == 0 || busy_ < spec_.slots)) {
      const RequestId id = waiting_.front();
      waiting_.pop_front();
      Call& call = calls_.at(id);
      ++busy_;
      call.started = loop_->clock().now();
      const int gaps = call.fails ? 0 : std::max(0, call.tokens - 1);
      const Failure failure = call.fails ? spec_.failure : Failure::none;
      call.timer = loop_->call_at(*call.started + spec_.ttft + gaps * spec_.tpot,
                                  [this, id, failure] { finish(id, failure); });
    }
  }

  // What had come by now: all of it at a normal end, a part when cancelled.
  void fill_answer(const Call& call, Completion& out) const {
    const Instant now = loop_->clock().now();
    Instant at = *call.started + spec_.ttft;
    const auto all = pieces(spec_.answer, static_cast<std::size_t>(spec_.tokens));
    for (int i = 0; i < call.tokens && at <= now; ++i, at += spec_.tpot) {
      const std::string_view text = all[static_cast<std::size_t>(i)];
      out.chunks.push_back({at, ChunkKind::content, static_cast<std::uint32_t>(text.size()), 1});
      out.answer += text;
    }
    out.usage.source = TokenSource::server_usage;
    out.usage.input_tokens = call.input_tokens;
    out.usage.output_tokens = static_cast<std::int64_t>(out.chunks.size());
    out.streamed = call.streamed;
    if (call.streamed || out.chunks.empty()) return;
    out.chunks = {{now, ChunkKind::content, static_cast<std::uint32_t>(out.answer.size()),
                   static_cast<std::uint32_t>(out.chunks.size())}};
  }

  void finish(RequestId id, Failure failure) {
    const Call call = calls_.at(id);
    calls_.erase(id);
    std::erase(waiting_, id);
    if (call.started) --busy_;
    Completion out;
    out.sent = call.sent;
    out.done = loop_->clock().now();
    out.failure = failure;
    out.model_served = info_.model;
    if (call.started && !call.fails) fill_answer(call, out);
    if (failure == Failure::none) {
      out.finish = call.tokens < spec_.tokens ? Finish::length : Finish::stop;
    } else {
      if (failure == Failure::cancelled) out.finish = Finish::cancelled;
      out.error_message = "simulated: " + std::string(to_text(failure));
    }
    out.http_status = http_status(failure);
    start_waiting();
    sink_->on_finished(id, std::move(out));
  }

  SimulatedSpec spec_;
  TargetInfo info_;
  EventLoop* loop_ = nullptr;
  EventSink* sink_ = nullptr;
  std::uint64_t issued_ = 0;
  int busy_ = 0;
  std::map<RequestId, Call> calls_;
  std::deque<RequestId> waiting_;
};

}  // namespace

Result<SimulatedSpec> parse_simulated(std::string_view options) {
  const auto parsed = parse_options(options);
  if (!parsed) return fail(parsed.error());
  SimulatedSpec spec;
  for (const auto& [key, value] : *parsed) {
    if (std::find(kOptions.begin(), kOptions.end(), key) == kOptions.end()) {
      return fail(ErrorKind::usage, "a simulated target has no option \"" + key + "\"", "",
                  did_you_mean(key, kOptions, "for example sim:ttft=200ms,tpot=20ms,tokens=32"));
    }
    if (!set_option(spec, key, value)) {
      return fail(ErrorKind::usage, "\"" + value + "\" is no value of a simulated target's " + key,
                  "", "for example sim:ttft=200ms,tpot=20ms,tokens=32,fail=0.1,failure=connect");
    }
  }
  return spec;
}

std::unique_ptr<Target> make_simulated_target(std::string name, SimulatedSpec spec) {
  return std::make_unique<SimulatedTarget>(std::move(name), std::move(spec));
}

}  // namespace pennyweight
