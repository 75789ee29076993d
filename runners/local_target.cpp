#include "runners/local_target.h"

#include <algorithm>

#include "local_backend/engine_thread.h"
#include "local_backend/grammar/json_schema.h"
#include "runners/local_recording.h"

namespace pennyweight {
namespace {

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
    if (!model.chat_template_note.empty()) {
      info_.facts.set("template_note", model.chat_template_note);
    }
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
      for (const auto generation : call.generations) engine_.cancel(generation);
    }
    desk_->calls.clear();
    desk_->sink = nullptr;
  }

  void issue(RequestId id, const Request& request) override {
    // A schema is compiled before the clock runs.
    auto grammar = grammar_of(request.generation.response_format);
    Call& call = desk_->calls[id];
    call.sent = clock_.now();
    if (!grammar) return refuse(id, call.sent, grammar.error());
    if (const auto* asked = std::get_if<Continuations>(&request.prompt)) {
      call.generations = submit(id, *asked);
    } else {
      const int most = std::min(request.generation.max_tokens, engine_.info().context_tokens);
      llm::GenerateRequest generate = generate_request(request);
      generate.grammar = *std::move(grammar);
      auto sink = record_answer(id, most, request.generation.stream, desk_, clock_);
      call.generations = {engine_.submit(std::move(generate), std::move(sink))};
    }
    call.timeout =
        desk_->loop->call_at(call.sent + request.timeouts.total, [this, id] { time_out(id); });
    desk_->sink->on_sent(id, call.sent);
  }

  void cancel(RequestId id) override {
    const auto found = desk_->calls.find(id);
    if (found == desk_->calls.end()) return;
    for (const auto generation : found->second.generations) engine_.cancel(generation);
  }

 private:
  static llm::Prompt prompt_of(const RawPrompt& raw) { 
    return llm::PromptText{raw.text, llm::Specials::as_text};  // data forges no control token
  }
  static llm::Prompt prompt_of(const std::vector<Message>& messages) {
    std::vector<llm::ChatMessage> chat;
    for (const auto& m : messages) chat.push_back({m.role, m.content});
    return chat;
  }

  // All at once: the engine takes as many into a step as it has room for.
  std::vector<llm::GenerationId> submit(RequestId id, const Continuations& asked) {
    const llm::Prompt prompt =
        std::visit([](const auto& prefix) { return prompt_of(prefix); }, asked.prefix);
    auto sinks = record_likelihoods(id, asked.continuations.size(), desk_, clock_);
    std::vector<llm::GenerationId> out;
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      llm::GenerateRequest one;
      one.prompt = prompt;
      one.continuation = asked.continuations[i];
      out.push_back(engine_.submit(std::move(one), std::move(sinks[i])));
    }
    return out;
  }

  static llm::GenerateRequest generate_request(const Request& request) {
    llm::GenerateRequest out;
    if (const auto* raw = std::get_if<RawPrompt>(&request.prompt)) {
      out.prompt = prompt_of(*raw);
    } else {
      out.prompt = prompt_of(std::get<std::vector<Message>>(request.prompt));
    }
    out.sampling = sampling(request.generation);
    out.sampling.logprobs = false;
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
    for (const auto generation : found->second.generations) engine_.cancel(generation);
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
