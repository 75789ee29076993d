#include "runners/local_target.h"

#include <algorithm>
#include <map>

#include "local_backend/engine_thread.h"
#include "local_backend/grammar/json_schema.h"

namespace pennyweight {
namespace {

constexpr Duration kProgressPeriod = std::chrono::milliseconds(100);
constexpr std::size_t kBytesPerToken = 8;  // more than most vocabularies need; growing is only slow

// One request on its way through the engine. Filled on the engine's thread only, read on the loop's
// only after the hand-over at the end.
struct Recording {
  std::vector<Chunk> chunks;
  bool streamed = true;
  std::string answer;
  int prompt_tokens = 0, cached_tokens = 0, output_tokens = 0;
  std::uint32_t held_back = 0;  // tokens whose text has not come yet
  bool prefilled = false;
  Instant done{};
  llm::FinishReason reason = llm::FinishReason::cancelled;
  std::optional<Error> error;
};

// What the loop's side knows of a request.
struct Call {
  llm::GenerationId generation = 0;  // 0: never reached the engine
  TimerId timeout = 0;
  Instant sent{};
  bool timed_out = false;
};

// Shared by the target and what it posts to the loop, which may run after the target is gone. Only
// the loop's thread looks inside.
struct Desk {
  EventLoop* loop = nullptr;
  EventSink* sink = nullptr;  // null: detached
  std::map<RequestId, Call> calls;
};

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

void finish(Desk& desk, RequestId id, Recording recording) {
  const auto found = desk.calls.find(id);
  if (desk.sink == nullptr || found == desk.calls.end()) return;
  const Call call = found->second;
  desk.calls.erase(found);
  if (call.timeout != 0) desk.loop->cancel_timer(call.timeout);
  desk.sink->on_finished(id, complete(std::move(recording), call));
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

llm::SamplingParams sampling(const GenerationParameters& g) {
  llm::SamplingParams out;  // greedy unless asked otherwise
  out.temperature = static_cast<float>(g.temperature.value_or(0));
  out.top_p = static_cast<float>(g.top_p.value_or(1));
  out.top_k = g.top_k.value_or(0);
  out.frequency_penalty = static_cast<float>(g.frequency_penalty.value_or(0));
  out.presence_penalty = static_cast<float>(g.presence_penalty.value_or(0));
  out.repeat_penalty = static_cast<float>(g.repeat_penalty.value_or(1));
  out.seed = g.seed.value_or(0);
  return out;
}

Value describe(const llm::EngineThread& engine, const std::string& model_sha256) {
  const llm::ModelInfo& model = engine.info();
  Value v;
  v.set("model_sha256", model_sha256);
  v.set("template", engine.chat_template().name());
  v.set("template_sha256", engine.chat_template().hash());
  v.set("quantization", model.quantization);
  v.set("context_tokens", model.context_tokens);
  v.set("threads", model.threads);
  v.set("parallel", model.parallel);
  v.set("prefix_cache", model.reuse_prefix ? "on" : "off");
  v.set("kernels", model.kernels);
  return v;
}

void add_facts(const llm::ModelInfo& model, Value& facts) {
  facts.set("path", model.path);
  facts.set("architecture", model.architecture);
  facts.set("file_bytes", static_cast<std::int64_t>(model.file_bytes));
  facts.set("parameters", static_cast<std::int64_t>(model.parameters));
  facts.set("weight_bytes", static_cast<std::int64_t>(model.weight_bytes));
  facts.set("kv_bytes_per_token", static_cast<std::int64_t>(model.kv_bytes_per_token));
  facts.set("layers", model.layers);
  facts.set("embedding_length", model.embedding_length);
}

class LocalTarget final : public Target {
 public:
  LocalTarget(std::string name, std::unique_ptr<llm::Engine> engine, const std::string& sha256,
              const Clock& clock)
      : clock_(clock), engine_(std::move(engine)) {
    const llm::ModelInfo& model = engine_.info();
    info_.name = std::move(name);
    info_.kind = "local";
    info_.model = model.name;
    info_.on_this_machine = true;
    info_.identity = describe(engine_, sha256);
    info_.facts = info_.identity;
    add_facts(model, info_.facts);
  }
  ~LocalTarget() override { detach(); }

  const TargetInfo& info() const override { return info_; }
  Result<void> check() override { return {}; }

  Result<void> attach(EventLoop& loop, EventSink& sink) override {
    desk_->loop = &loop;
    desk_->sink = &sink;
    return {};
  }

  void detach() override {
    for (const auto& [id, call] : desk_->calls) {
      if (call.timeout != 0) desk_->loop->cancel_timer(call.timeout);
      if (call.generation != 0) engine_.cancel(call.generation);
    }
    desk_->calls.clear();
    desk_->sink = nullptr;
  }

  void issue(RequestId id, const Request& request) override {
    Call& call = desk_->calls[id];
    call.sent = clock_.now();
    if (std::holds_alternative<Continuations>(request.prompt))
      return refuse(id, call.sent,
                    {ErrorKind::unsupported,
                     "log-likelihood requests are not supported by this version", "", ""});
    auto grammar = grammar_of(request.generation.response_format);
    if (!grammar) return refuse(id, call.sent, grammar.error());
    const int most = std::min(request.generation.max_tokens, engine_.info().context_tokens);
    auto sink = std::make_shared<Recorder>(id, most, request.generation.stream, desk_, clock_);
    llm::GenerateRequest generate = generate_request(request);
    generate.grammar = *std::move(grammar);
    call.generation = engine_.submit(std::move(generate), std::move(sink));
    call.timeout =
        desk_->loop->call_at(call.sent + request.timeouts.total, [this, id] { time_out(id); });
    desk_->sink->on_sent(id, call.sent);
  }

  void cancel(RequestId id) override {
    const auto found = desk_->calls.find(id);
    if (found != desk_->calls.end() && found->second.generation != 0) {
      engine_.cancel(found->second.generation);
    }
  }

 private:
  static llm::GenerateRequest generate_request(const Request& request) {
    llm::GenerateRequest out;
    if (const auto* raw = std::get_if<RawPrompt>(&request.prompt)) {
      out.prompt = llm::PromptText{raw->text};
    } else {
      std::vector<llm::ChatMessage> chat;
      for (const auto& m : std::get<std::vector<Message>>(request.prompt)) {
        chat.push_back({m.role, m.content});
      }
      out.prompt = std::move(chat);
    }
    out.sampling = sampling(request.generation);
    out.max_tokens = request.generation.max_tokens;
    out.stop = request.generation.stop;
    out.ignore_eos = request.generation.ignore_eos;
    return out;
  }

  // Compiled once: a run asks all its tasks in one format.
  Result<std::shared_ptr<const llm::Grammar>> grammar_of(const std::string& format) {
    if (format.empty()) return nullptr;
    if (format == "json_object") return llm::json_object_grammar();
    if (format != format_ || !grammar_) {
      auto grammar = llm::grammar_of_json_schema(format);
      if (!grammar) return grammar;
      format_ = format;
      grammar_ = *std::move(grammar);
    }
    return grammar_;
  }

  void refuse(RequestId id, Instant at, const Error& error) {
    Recording recording;
    recording.done = at;
    recording.reason = llm::FinishReason::error;
    recording.error = error;
    desk_->loop->post([desk = desk_, id, recording] { finish(*desk, id, recording); });
  }

  void time_out(RequestId id) {
    const auto found = desk_->calls.find(id);
    if (found == desk_->calls.end()) return;
    found->second.timeout = 0;
    found->second.timed_out = true;
    engine_.cancel(found->second.generation);
  }

  const Clock& clock_;
  TargetInfo info_;
  std::string format_;  // of grammar_
  std::shared_ptr<const llm::Grammar> grammar_;
  const std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
  llm::EngineThread engine_;  // last: joined before what its callbacks use goes away
};

}  // namespace

std::unique_ptr<Target> make_local_target(std::string name, std::unique_ptr<llm::Engine> engine,
                                          std::string model_sha256, const Clock& clock) {
  return std::make_unique<LocalTarget>(std::move(name), std::move(engine), model_sha256, clock);
}

}  // namespace pennyweight
