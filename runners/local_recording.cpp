#include "runners/local_recording.h"

#include <algorithm>
#include <utility>

#include "datasets/scorer.h"

namespace pennyweight {
namespace {

constexpr Duration kProgressPeriod = std::chrono::milliseconds(100);
constexpr std::size_t kBytesPerToken = 8;  // more than most vocabularies need; growing is only slow

Failure failure_of(const Error& error) {
  const bool not_taken =
      error.kind == ErrorKind::unsupported || error.kind == ErrorKind::invalid_input;
  return not_taken ? Failure::unsupported : Failure::engine;
}

void set_end(const Recording& recording, const Call& call, Completion& out) {
  switch (recording.reason) {
    case llm::FinishReason::stop:
      out.finish = Finish::stop;
      return;
    case llm::FinishReason::length:
      out.finish = Finish::length;
      return;
    case llm::FinishReason::cancelled:
      out.finish = Finish::cancelled;
      out.failure = call.timed_out ? Failure::timeout : Failure::cancelled;
      out.error_message = call.timed_out ? "the whole request took too long" : "cancelled";
      return;
    case llm::FinishReason::error:
      break;
  }
  out.failure = recording.error ? failure_of(*recording.error) : Failure::engine;
  if (!recording.error) return;
  out.error_message = recording.error->what;
  if (!recording.error->why.empty()) out.error_message += ": " + recording.error->why;
}

Completion complete(Recording recording, const Call& call) {
  Completion out;
  out.sent = call.sent;
  out.done = recording.done;
  set_end(recording, call, out);
  if (recording.prefilled) {
    out.usage.source = TokenSource::engine_exact;
    out.usage.input_tokens = recording.prompt_tokens;
    out.usage.cached_tokens = recording.cached_tokens;
    out.usage.output_tokens = recording.output_tokens;
  }
  out.chunks = std::move(recording.chunks);
  out.streamed = recording.streamed;
  out.answer = std::move(recording.answer);
  return out;
}

class Recorder final : public llm::GenerationSink {
 public:
  Recorder(RequestId id, int most_tokens, bool streamed, std::shared_ptr<Desk> desk,
           const Clock& clock)
      : id_(id), desk_(std::move(desk)), loop_(desk_->loop), clock_(clock), told_(clock.now()) {
    const auto tokens = static_cast<std::size_t>(std::max(most_tokens, 0));
    recording_.streamed = streamed;
    recording_.chunks.reserve(streamed ? tokens + 1 : 1);
    recording_.answer.reserve(tokens * kBytesPerToken);
  }

  void on_prefill(int prompt_tokens, int cached_tokens) override {
    recording_.prompt_tokens = prompt_tokens;
    recording_.cached_tokens = cached_tokens;
    recording_.prefilled = true;
  }

  void on_token(const llm::GeneratedToken& token) override {
    const Instant now = clock_.now();
    ++recording_.output_tokens;
    ++recording_.held_back;
    add(now, token.bytes);
    if (now - told_ < kProgressPeriod) return;
    told_ = now;
    loop_->post([desk = desk_, id = id_, chunks = static_cast<int>(recording_.chunks.size())] {
      if (desk->sink != nullptr && desk->calls.contains(id)) desk->sink->on_progress(id, chunks);
    });
  }

  void on_finished(llm::FinishReason reason, std::string_view tail, const Error* error) override {
    recording_.done = clock_.now();
    add(recording_.done, tail);
    if (!recording_.streamed) add_chunk(recording_.done, recording_.answer.size());
    recording_.reason = reason;
    if (error != nullptr) recording_.error = *error;
    auto whole = std::make_shared<Recording>(std::move(recording_));
    loop_->post([desk = desk_, id = id_, whole] { finish(*desk, id, std::move(*whole)); });
  }

 private:
  void add(Instant at, std::string_view bytes) {
    recording_.answer += bytes;
    if (recording_.streamed) add_chunk(at, bytes.size());
  }

  void add_chunk(Instant at, std::size_t bytes) {
    if (bytes == 0) return;
    recording_.chunks.push_back({at, ChunkKind::content, static_cast<std::uint32_t>(bytes),
                                 std::exchange(recording_.held_back, 0u)});
  }

  const RequestId id_;
  const std::shared_ptr<Desk> desk_;
  EventLoop* const loop_;
  const Clock& clock_;
  Instant told_;
  Recording recording_;
};

// Counted on the engine's thread alone.
struct Likelihoods {
  Recording recording;
  std::vector<double> sums;  // natural logs, added in double
  std::vector<int> tokens;
  std::size_t running;
};

class LikelihoodRecorder final : public llm::GenerationSink {
 public:
  LikelihoodRecorder(RequestId id, std::size_t place, std::shared_ptr<Likelihoods> all,
                     std::shared_ptr<Desk> desk, const Clock& clock)
      : id_(id),
        place_(place),
        all_(std::move(all)),
        desk_(std::move(desk)),
        loop_(desk_->loop),
        clock_(clock) {}

  void on_prefill(int prompt_tokens, int cached_tokens) override {
    all_->recording.prompt_tokens += prompt_tokens;
    all_->recording.cached_tokens += cached_tokens;
    all_->recording.prefilled = true;
  }

  void on_token(const llm::GeneratedToken& token) override {
    all_->sums[place_] += static_cast<double>(token.logprob);
    ++all_->tokens[place_];
  }

  // The first that fails says why the request does.
  void on_finished(llm::FinishReason reason, std::string_view, const Error* error) override {
    Recording& recording = all_->recording;
    if (reason != llm::FinishReason::length && !failed()) {
      recording.reason = reason;
      if (error != nullptr) recording.error = *error;
    }
    if (--all_->running > 0) return;
    recording.done = clock_.now();
    if (!failed()) {
      recording.reason = llm::FinishReason::stop;
      for (const int tokens : all_->tokens) recording.prompt_tokens += tokens;
      recording.answer = likelihood_answer(all_->sums, all_->tokens);
      const auto bytes = static_cast<std::uint32_t>(recording.answer.size());
      recording.chunks.push_back({recording.done, ChunkKind::content, bytes, 0});
    }
    loop_->post(
        [desk = desk_, id = id_, all = all_] { finish(*desk, id, std::move(all->recording)); });
  }

 private:
  bool failed() const { return all_->recording.reason != llm::FinishReason::length; }

  const RequestId id_;
  const std::size_t place_;
  const std::shared_ptr<Likelihoods> all_;
  const std::shared_ptr<Desk> desk_;
  EventLoop* const loop_;
  const Clock& clock_;
};

}  // namespace

void finish(Desk& desk, RequestId id, Recording recording) {
  const auto found = desk.calls.find(id);
  if (desk.sink == nullptr || found == desk.calls.end()) return;
  const Call call = found->second;
  desk.calls.erase(found);
  if (call.timeout != 0) desk.loop->cancel_timer(call.timeout);
  desk.sink->on_finished(id, complete(std::move(recording), call));
}

std::shared_ptr<llm::GenerationSink> record_answer(RequestId id, int most_tokens, bool streamed,
                                                   std::shared_ptr<Desk> desk, const Clock& clock) {
  return std::make_shared<Recorder>(id, most_tokens, streamed, std::move(desk), clock);
}

std::vector<std::shared_ptr<llm::GenerationSink>> record_likelihoods(RequestId id,
                                                                     std::size_t count,
                                                                     std::shared_ptr<Desk> desk,
                                                                     const Clock& clock) {
  auto all = std::make_shared<Likelihoods>();
  all->recording.streamed = false;
  all->recording.reason = llm::FinishReason::length;
  all->sums.resize(count);
  all->tokens.resize(count);
  all->running = count;
  std::vector<std::shared_ptr<llm::GenerationSink>> sinks;
  for (std::size_t place = 0; place < count; ++place) {
    sinks.push_back(std::make_shared<LikelihoodRecorder>(id, place, all, desk, clock));
  }
  return sinks;
}

}  // namespace pennyweight
