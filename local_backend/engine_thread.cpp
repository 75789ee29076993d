#include "local_backend/engine_thread.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace pennyweight::llm {
namespace {

// Hands the steps of the one running sequence on.
class Forwarder final : public StepSink {
 public:
  explicit Forwarder(GenerationSink& sink) : sink_(sink) {}
  void on_prefill(SequenceId, int tokens, int cached) override { sink_.on_prefill(tokens, cached); }
  void on_token(SequenceId, Token token, std::string_view bytes, float logprob) override {
    sink_.on_token(token, bytes, logprob);
  }
  void on_finished(SequenceId, FinishReason reason, std::string_view tail,
                   const Error* error) override {
    sink_.on_finished(reason, tail, error);
  }

 private:
  GenerationSink& sink_;
};

}  // namespace

struct EngineThread::Impl {
  struct Generation {
    GenerationId id = 0;
    GenerateRequest request;
    std::shared_ptr<GenerationSink> sink;
    bool cancelled = false;  // while it waits in the queue
  };

  explicit Impl(std::unique_ptr<Engine> e) : engine(std::move(e)) {
    thread = std::thread([this] { loop(); });
  }

  void loop() {
    while (auto next = wait_for_next()) {
      generate(*next);
      next->sink.reset();
      --unfinished;
    }
  }

  // Empty when the thread shall end: nothing is queued then.
  std::optional<Generation> wait_for_next() {
    for (;;) {
      finish_cancelled();
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return stopping || cancelled_waiting || !queue.empty(); });
      if (cancelled_waiting) continue;
      if (queue.empty()) return std::nullopt;
      Generation next = std::move(queue.front());
      queue.pop_front();
      running = next.id;
      return next;
    }
  }

  void finish_cancelled() {
    if (!cancelled_waiting.exchange(false)) return;
    std::deque<Generation> cancelled;
    {
      const std::scoped_lock lock(mutex);
      const auto kept = std::stable_partition(queue.begin(), queue.end(),
                                              [](const Generation& g) { return !g.cancelled; });
      std::move(kept, queue.end(), std::back_inserter(cancelled));
      queue.erase(kept, queue.end());
    }
    for (Generation& generation : cancelled) {
      generation.sink->on_finished(FinishReason::cancelled, {}, nullptr);
      generation.sink.reset();
      --unfinished;
    }
  }

  Result<SequenceId> begin(GenerateRequest& request) {
    auto tokens = engine->encode(request.prompt);
    if (!tokens) return fail(std::move(tokens).error());
    if (request.max_tokens == 0) {
      request.max_tokens = engine->info().context_tokens - static_cast<int>(tokens->size());
    }
    return engine->submit({.prompt = *std::move(tokens),
                           .sampling = request.sampling,
                           .max_tokens = request.max_tokens,
                           .stop = std::move(request.stop),
                           .ignore_eos = request.ignore_eos});
  }

  void generate(Generation& generation) {
    const auto begun = begin(generation.request);
    {
      const std::scoped_lock lock(mutex);
      sequence = begun.value_or(0);
      if (cancel_running) engine->cancel(sequence);
    }
    if (begun) {
      Forwarder forwarder(*generation.sink);
      while (engine->step(forwarder)) finish_cancelled();
    } else {
      generation.sink->on_finished(FinishReason::error, {}, &begun.error());
    }
    const std::scoped_lock lock(mutex);
    running = sequence = 0;
    cancel_running = false;
  }

  void cancel(GenerationId id) {
    {
      const std::scoped_lock lock(mutex);
      if (id == running) cancel_sequence();
      for (Generation& waiting : queue) {
        if (waiting.id != id) continue;
        waiting.cancelled = true;
        cancelled_waiting = true;
      }
    }
    changed.notify_one();
  }

  // Under the mutex.
  void cancel_sequence() {
    cancel_running = true;
    if (sequence != 0) engine->cancel(sequence);
  }

  void stop() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
      for (Generation& waiting : queue) waiting.cancelled = true;
      cancelled_waiting = !queue.empty();
      if (running != 0) cancel_sequence();
    }
    changed.notify_one();
    thread.join();
  }

  std::unique_ptr<Engine> engine;
  std::atomic<int> unfinished{0};
  std::atomic<bool> cancelled_waiting{false};  // something in the queue is cancelled
  std::mutex mutex;                            // of all below
  std::condition_variable changed;
  std::deque<Generation> queue;
  GenerationId next_id = 1, running = 0;
  SequenceId sequence = 0;      // of the running one, 0 while it is tokenised
  bool cancel_running = false;  // asked while it was tokenised
  bool stopping = false;
  std::thread thread;
};

EngineThread::EngineThread(std::unique_ptr<Engine> engine)
    : impl_(std::make_unique<Impl>(std::move(engine))) {}

EngineThread::~EngineThread() {
  impl_->stop();
}

const ModelInfo& EngineThread::info() const {
  return impl_->engine->info();
}
const Tokenizer& EngineThread::tokenizer() const {
  return impl_->engine->tokenizer();
}
const ChatTemplate& EngineThread::chat_template() const {
  return impl_->engine->chat_template();
}

GenerationId EngineThread::submit(GenerateRequest request, std::shared_ptr<GenerationSink> sink) {
  GenerationId id = 0;
  {
    const std::scoped_lock lock(impl_->mutex);
    id = impl_->next_id++;
    impl_->queue.push_back({id, std::move(request), std::move(sink)});
    ++impl_->unfinished;
  }
  impl_->changed.notify_one();
  return id;
}

void EngineThread::cancel(GenerationId id) noexcept {
  impl_->cancel(id);
}

int EngineThread::queued_or_running() const noexcept {
  return impl_->unfinished;
}

}  // namespace pennyweight::llm
