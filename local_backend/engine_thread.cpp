#include "local_backend/engine_thread.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace pennyweight::llm {

struct EngineThread::Impl final : StepSink {
  struct Generation {
    GenerationId id = 0;
    GenerateRequest request;
    std::shared_ptr<GenerationSink> sink;
  };

  explicit Impl(std::unique_ptr<Engine> e) : engine(std::move(e)) {
    thread = std::thread([this] { loop(); });
  }

  // Requests are taken in between steps, one at a time: those that run wait for one template at
  // most.
  void loop() {
    bool busy = false;
    for (;;) {
      std::optional<Generation> next;
      {
        std::unique_lock lock(mutex);
        if (!busy) changed.wait(lock, [this] { return stopping || !queue.empty(); });
        if (!busy && queue.empty()) return;
        if (!queue.empty()) {
          next = std::move(queue.front());
          queue.pop_front();
          beginning = next->id;
        }
      }
      if (next) begin(*std::move(next));
      busy = engine->step(*this);
    }
  }

  Result<SequenceId> submit(GenerateRequest& request) {
    SequenceSpec spec;
    if (request.continuation.empty()) {
      auto tokens = engine->encode(request.prompt);
      if (!tokens) return fail(std::move(tokens).error());
      spec.prompt = *std::move(tokens);
    } else {
      auto tokens = engine->encode(request.prompt, request.continuation);
      if (!tokens) return fail(std::move(tokens).error());
      spec.prompt = std::move(tokens->prompt);
      spec.forced = std::move(tokens->continuation);
    }
    spec.max_tokens = request.max_tokens;
    if (spec.max_tokens == 0) {
      spec.max_tokens = engine->info().context_tokens - static_cast<int>(spec.prompt.size());
    }
    spec.sampling = std::move(request.sampling);
    spec.stop = std::move(request.stop);
    spec.ignore_eos = request.ignore_eos;
    spec.top = request.top;
    spec.grammar = std::move(request.grammar);
    return engine->submit(std::move(spec));
  }

  void begin(Generation generation) {
    bool is_cancelled = false;
    {
      const std::scoped_lock lock(mutex);
      is_cancelled = cancelled.contains(generation.id);
    }
    const auto begun = is_cancelled ? Result<SequenceId>(0) : submit(generation.request);
    if (!begun || is_cancelled) {
      end(generation, is_cancelled ? FinishReason::cancelled : FinishReason::error, {},
          begun ? nullptr : &begun.error());
      return;
    }
    const std::scoped_lock lock(mutex);
    beginning = 0;
    sequences.emplace(generation.id, *begun);
    if (cancelled.contains(generation.id)) engine->cancel(*begun);
    running.emplace(*begun, std::move(generation));
  }

  void end(Generation& generation, FinishReason reason, std::string_view tail, const Error* error) {
    {
      const std::scoped_lock lock(mutex);
      sequences.erase(generation.id);
      cancelled.erase(generation.id);
      if (beginning == generation.id) beginning = 0;
    }
    generation.sink->on_finished(reason, tail, error);
    generation.sink.reset();
    --unfinished;
  }

  void on_prefill(SequenceId id, int tokens, int cached) override {
    running.at(id).sink->on_prefill(tokens, cached);
  }
  void on_token(SequenceId id, const GeneratedToken& token) override {
    running.at(id).sink->on_token(token);
  }
  void on_finished(SequenceId id, FinishReason reason, std::string_view tail,
                   const Error* error) override {
    auto node = running.extract(id);
    end(node.mapped(), reason, tail, error);
  }

  void cancel(GenerationId id) {
    const std::scoped_lock lock(mutex);
    cancel_locked(id);
  }

  // One that waits is found cancelled when its turn comes: at once, as encoding is left out.
  void cancel_locked(GenerationId id) {
    if (const auto found = sequences.find(id); found != sequences.end())
      engine->cancel(found->second);
    else if (id == beginning ||
             std::ranges::any_of(queue, [id](const Generation& g) { return g.id == id; }))
      cancelled.insert(id);
  }

  void stop() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
      for (const Generation& waiting : queue) cancelled.insert(waiting.id);
      if (beginning != 0) cancelled.insert(beginning);
      for (const auto& [id, sequence] : sequences) engine->cancel(sequence);
    }
    changed.notify_one();
    thread.join();
  }

  std::unique_ptr<Engine> engine;
  std::map<SequenceId, Generation> running;  // of the engine's thread alone
  std::atomic<int> unfinished{0};
  std::mutex mutex;  // of all below
  std::condition_variable changed;
  std::deque<Generation> queue;
  std::map<GenerationId, SequenceId> sequences;  // those that the engine has
  std::set<GenerationId> cancelled;              // before the engine had them
  GenerationId next_id = 1, beginning = 0;       // beginning: being tokenised
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
