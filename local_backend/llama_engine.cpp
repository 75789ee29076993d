#include "local_backend/llama_engine.h"

#include <algorithm>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

// Long enough to use the weights well while they are in cache, short enough to cancel soon.
constexpr std::size_t kPrefillChunk = 64;

std::size_t largest_chunk(const ModelInfo& info) {
  return std::min(kPrefillChunk, static_cast<std::size_t>(info.context_tokens));
}

}  // namespace

LlamaEngine::LlamaEngine(std::unique_ptr<const LoadedModel> model, std::unique_ptr<ThreadTeam> team,
                         const KernelTable& kernels, KvCache cache)
    : model_(std::move(model)),
      team_(std::move(team)),
      forward_(model_->config, model_->weights, kernels, *team_, largest_chunk(model_->info)),
      cache_(std::move(cache)) {}

Result<void> LlamaEngine::check(std::span<const Token> tokens) const {
  if (tokens.empty())
    return fail(ErrorKind::invalid_input, "the prompt has no token", "",
                "give at least one character, or a beginning-of-sequence token");
  const int size = model_->config.vocabulary_size;
  for (Token token : tokens)
    if (token < 0 || token >= size)
      return fail(ErrorKind::invalid_input, fmt::format("token {} in the prompt", token),
                  fmt::format("the vocabulary is 0 to {}", size - 1),
                  "tokenise with this model's tokenizer");
  return {};
}

Result<SequenceId> LlamaEngine::submit(SequenceSpec spec) {
  if (auto checked = check(spec.prompt); !checked) return fail(std::move(checked).error());
  if (spec.max_tokens <= 0)
    return fail(ErrorKind::invalid_input, fmt::format("max_tokens is {}", spec.max_tokens),
                "at least one token must be allowed", "ask for 1 or more");
  if (std::ranges::any_of(spec.stop, [](const auto& stop) { return stop.empty(); }))
    return fail(ErrorKind::invalid_input, "an empty stop string", "it would stop every answer",
                "leave it out");
  const auto context = static_cast<std::size_t>(info().context_tokens);
  if (spec.prompt.size() + static_cast<std::size_t>(spec.max_tokens) > context)
    return fail(ErrorKind::unsupported,
                fmt::format("{} tokens of prompt and up to {} of answer do not fit",
                            spec.prompt.size(), spec.max_tokens),
                fmt::format("the context is {} tokens", context),
                "shorten the prompt, lower max_tokens, or open the model with a larger context");
  const SequenceId id = next_id_++;
  auto flag = std::make_shared<std::atomic<bool>>(false);
  {
    const std::scoped_lock lock(mutex_);
    flags_.emplace(id, flag);
  }
  const Sampler sampler(spec.sampling);
  AnswerText text(spec.stop);
  queue_.push_back({id, std::move(spec), std::move(flag), sampler, std::move(text)});
  return id;
}

void LlamaEngine::cancel(SequenceId id) noexcept {
  const std::scoped_lock lock(mutex_);
  if (const auto found = flags_.find(id); found != flags_.end()) *found->second = true;
}

bool LlamaEngine::step(StepSink& sink) {
  finish_cancelled(sink);
  if (queue_.empty()) return false;
  Sequence& sequence = queue_.front();
  if (sequence.prefilled < sequence.spec.prompt.size())
    prefill(sequence, sink);
  else
    decode(sequence, sink);
  return !queue_.empty();
}

void LlamaEngine::finish_cancelled(StepSink& sink) {
  for (std::size_t i = queue_.size(); i-- > 0;)
    if (*queue_[i].cancelled) finish(i, FinishReason::cancelled, sink);
}

void LlamaEngine::prefill(Sequence& sequence, StepSink& sink) {
  const std::span<const Token> prompt = sequence.spec.prompt;
  const std::size_t n = std::min(forward_.chunk(), prompt.size() - sequence.prefilled);
  const bool last = sequence.prefilled + n == prompt.size();
  if (!forward_.run(prompt.subspan(sequence.prefilled, n), sequence.prefilled, cache_, last ? 1 : 0,
                    *sequence.cancelled))
    return finish(0, FinishReason::cancelled, sink);
  sequence.prefilled += n;
  if (!last) return;
  sink.on_prefill(sequence.id, static_cast<int>(prompt.size()), 0);
  emit(sequence, sink);
}

void LlamaEngine::decode(Sequence& sequence, StepSink& sink) {
  const std::size_t position =
      sequence.prefilled + static_cast<std::size_t>(sequence.generated) - 1;
  if (!forward_.run({&sequence.last, 1}, position, cache_, 1, *sequence.cancelled))
    return finish(0, FinishReason::cancelled, sink);
  emit(sequence, sink);
}

void LlamaEngine::emit(Sequence& sequence, StepSink& sink) {
  const std::size_t position = sequence.prefilled + static_cast<std::size_t>(sequence.generated);
  const Sampled sampled = sequence.sampler.sample(forward_.logits(0), position);
  if (sampled.token < 0) {
    const Error error{ErrorKind::io, "the model's logits are not numbers",
                      "its weights hold NaN or infinity, or overflow",
                      "get the model's file again, or another quantization of it"};
    return finish(0, FinishReason::error, sink, &error);
  }
  sequence.last = sampled.token;
  ++sequence.generated;
  const bool ends = !sequence.spec.ignore_eos && tokenizer().ends_generation(sampled.token);
  const std::string_view bytes =
      sequence.text.push(ends ? std::string_view() : tokenizer().piece(sampled.token));
  sink.on_token(sequence.id, sampled.token, bytes, sampled.logprob);
  if (ends || sequence.text.stopped())
    finish(0, FinishReason::stop, sink);
  else if (sequence.generated == sequence.spec.max_tokens)
    finish(0, FinishReason::length, sink);
}

void LlamaEngine::finish(std::size_t index, FinishReason reason, StepSink& sink,
                         const Error* error) {
  Sequence done = std::move(queue_[index]);
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(index));
  {
    const std::scoped_lock lock(mutex_);
    flags_.erase(done.id);
  }
  sink.on_finished(done.id, reason, done.text.rest(), error);
}

Result<std::vector<float>> LlamaEngine::logits(std::span<const Token> tokens) {
  if (auto checked = check(tokens); !checked) return fail(std::move(checked).error());
  if (tokens.size() > static_cast<std::size_t>(info().context_limit))
    return fail(ErrorKind::invalid_input, fmt::format("{} tokens", tokens.size()),
                fmt::format("the model's context is {}", info().context_limit), "give fewer");
  auto cache = KvCache::make(model_->config, tokens.size());
  if (!cache) return fail(std::move(cache).error());
  static const std::atomic<bool> never{false};
  std::vector<float> rows;
  rows.reserve(tokens.size() * static_cast<std::size_t>(model_->config.vocabulary_size));
  for (std::size_t at = 0; at < tokens.size(); at += forward_.chunk()) {
    const auto part = tokens.subspan(at, std::min(forward_.chunk(), tokens.size() - at));
    forward_.run(part, at, *cache, part.size(), never);
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto row = forward_.logits(i);
      rows.insert(rows.end(), row.begin(), row.end());
    }
  }
  return rows;
}

}  // namespace pennyweight::llm
