#include "local_backend/cpu_engine.h"

#include <algorithm>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

// Prompt tokens in a step: long enough to use the weights well while they are in cache, short
// enough to cancel soon and not to hold up those that decode.
constexpr std::size_t kPrefillChunk = 64;

std::size_t largest_step(const ModelInfo& info) {
  return std::min(kPrefillChunk, static_cast<std::size_t>(info.context_tokens)) +
         static_cast<std::size_t>(info.parallel);
}

Result<void> check_sampling(const SamplingParams& sampling, int vocabulary_size) {
  if (!(sampling.repeat_penalty > 0))
    return fail(ErrorKind::invalid_input, fmt::format("repeat_penalty {}", sampling.repeat_penalty),
                "it must be more than 0", "1 is none");
  for (const auto& [token, bias] : sampling.logit_bias)
    if (token < 0 || token >= vocabulary_size)
      return fail(ErrorKind::invalid_input, fmt::format("a bias for token {}", token),
                  fmt::format("the vocabulary is 0 to {}", vocabulary_size - 1), "leave it out");
  return {};
}

// What to say of an answer that cannot go on.
Error no_token(const TokenConstraint* constraint) {
  if (constraint == nullptr)
    return {ErrorKind::io, "the model's logits are not numbers",
            "its weights hold NaN or infinity, or overflow",
            "get the model's file again, or another quantization of it"};
  if (constraint->overflowed())
    return {ErrorKind::invalid_input, "the grammar has too many ways to read this answer",
            "it is ambiguous beyond the limits of this version", "make the grammar less ambiguous"};
  return {ErrorKind::invalid_input, "no token of the model fits the grammar here",
          "its vocabulary cannot spell what the grammar asks for, or its logits are not numbers",
          "allow other characters"};
}

}  // namespace

CpuEngine::CpuEngine(std::unique_ptr<const LoadedModel> model, std::unique_ptr<ThreadTeam> team,
                     const KernelTable& kernels, KvPool pool)
    : model_(std::move(model)),
      team_(std::move(team)),
      forward_(model_->config, model_->weights, kernels, *team_, largest_step(model_->info)),
      pool_(std::move(pool)) {
  if (info().reuse_prefix) prefixes_.emplace(pool_);
}

Result<void> CpuEngine::check(std::span<const Token> tokens) const {
  const int size = model_->config.vocabulary_size;
  for (Token token : tokens)
    if (token < 0 || token >= size)
      return fail(ErrorKind::invalid_input, fmt::format("token {} in the prompt", token),
                  fmt::format("the vocabulary is 0 to {}", size - 1),
                  "tokenise with this model's tokenizer");
  return {};
}

Result<void> CpuEngine::check(const SequenceSpec& spec) const {
  if (spec.prompt.empty())
    return fail(ErrorKind::invalid_input, "the prompt has no token", "",
                "give at least one character, or a beginning-of-sequence token");
  if (auto checked = check(std::span(spec.prompt)); !checked) return checked;
  if (auto checked = check(std::span(spec.forced)); !checked) return checked;
  if (spec.max_tokens <= 0)
    return fail(ErrorKind::invalid_input, fmt::format("max_tokens is {}", spec.max_tokens),
                "at least one token must be allowed", "ask for 1 or more");
  if (std::ranges::any_of(spec.stop, [](const auto& stop) { return stop.empty(); }))
    return fail(ErrorKind::invalid_input, "an empty stop string", "it would stop every answer",
                "leave it out");
  if (spec.top < 0 || spec.top > kMaxTop)
    return fail(ErrorKind::invalid_input, fmt::format("{} tokens beside each", spec.top),
                fmt::format("it must be 0 to {}", kMaxTop), "ask for fewer");
  if (auto checked = check_sampling(spec.sampling, info().vocabulary_size); !checked)
    return checked;
  if (spec.grammar && spec.ignore_eos)
    return fail(ErrorKind::invalid_input, "a grammar together with ignore_eos",
                "the one says when the answer ends, the other that it does not", "leave one out");
  const auto context = static_cast<std::size_t>(info().context_tokens);
  if (spec.prompt.size() + static_cast<std::size_t>(spec.max_tokens) > context)
    return fail(context_error(fmt::format("{} tokens of prompt and up to {} of answer do not fit",
                                          spec.prompt.size(), spec.max_tokens),
                              info().context_tokens));
  return {};
}

Result<SequenceId> CpuEngine::submit(SequenceSpec spec) {
  if (!spec.forced.empty()) {
    spec.max_tokens = static_cast<int>(spec.forced.size());
    spec.stop.clear();
  }
  if (auto checked = check(spec); !checked) return fail(std::move(checked).error());
  const SequenceId id = next_id_++;
  auto flag = std::make_shared<std::atomic<bool>>(false);
  {
    const std::scoped_lock lock(mutex_);
    flags_.emplace(id, flag);
  }
  std::vector<Token> inputs;
  inputs.reserve(spec.prompt.size() + static_cast<std::size_t>(spec.max_tokens));
  inputs = spec.prompt;
  if (!spec.forced.empty())  // the last one needs no logits
    inputs.insert(inputs.end(), spec.forced.begin(), spec.forced.end() - 1);
  Sampler sampler(spec.sampling);
  auto constraint = constraint_of(spec);
  AnswerText text(spec.stop);
  waiting_.push_back(std::make_unique<Sequence>(
      Sequence{id, std::move(spec), std::move(flag), std::move(sampler), std::move(constraint),
               std::move(text), KvSequence(pool_), std::move(inputs)}));
  return id;
}

std::unique_ptr<TokenConstraint> CpuEngine::constraint_of(const SequenceSpec& spec) {
  if (!spec.grammar || !spec.forced.empty()) return nullptr;
  if (!trie_) trie_ = std::make_shared<TokenTrie>(tokenizer());
  return std::make_unique<TokenConstraint>(spec.grammar, trie_, tokenizer());
}

void CpuEngine::cancel(SequenceId id) noexcept {
  const std::scoped_lock lock(mutex_);
  if (const auto found = flags_.find(id); found != flags_.end()) *found->second = true;
}

bool CpuEngine::step(StepSink& sink) {
  finish_cancelled(sink);
  admit();
  if (running_.empty()) return false;
  compose();
  if (forward_.run(rows_, flags_of_step_))
    report(sink);
  else
    finish_cancelled(sink);
  drop_finished();
  return !running_.empty() || !waiting_.empty();
}

void CpuEngine::finish_cancelled(StepSink& sink) {
  for (auto* sequences : {&running_, &waiting_})
    for (auto& sequence : *sequences)
      if (*sequence->cancelled) finish(*sequence, FinishReason::cancelled, sink);
  drop_finished();
}

// In order: a long one that does not fit yet is not overtaken.
void CpuEngine::admit() {
  while (!waiting_.empty() && running_.size() < static_cast<std::size_t>(info().parallel) &&
         place(*waiting_.front())) {
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

// Takes all the room that it may need, so that nothing that runs ever has to wait for memory.
bool CpuEngine::place(Sequence& sequence) {
  KvSequence history(pool_);
  const std::span<const Token> prompt = sequence.spec.prompt;
  if (prefixes_)  // the last token's logits must be computed
    for (const KvBlock block : prefixes_->find(prompt.first(prompt.size() - 1)))
      history.adopt(block);
  const std::size_t reused = history.capacity();
  if (prefixes_ && !prefixes_->make_room(KvPool::blocks_for(sequence.length() - reused)))
    return false;
  if (!history.reserve(sequence.length())) return false;
  sequence.cached = sequence.done = reused;
  sequence.history = std::move(history);
  return true;
}

void CpuEngine::compose() {
  parts_.clear();
  rows_.clear();
  flags_of_step_.clear();
  for (const auto& sequence : running_)
    if (sequence->decodes()) add_rows(*sequence, 1);
  std::size_t room = forward_.chunk() - static_cast<std::size_t>(info().parallel);
  for (const auto& sequence : running_) {
    if (sequence->decodes() || room == 0) continue;
    const std::size_t count = std::min(room, sequence->inputs.size() - sequence->done);
    add_rows(*sequence, count);
    room -= count;
  }
}

void CpuEngine::add_rows(Sequence& sequence, std::size_t count) {
  parts_.push_back({&sequence, count});
  flags_of_step_.push_back(sequence.cancelled.get());
  for (std::size_t i = sequence.done; i < sequence.done + count; ++i)
    rows_.push_back(
        {sequence.inputs[i], i, &sequence.history, i + 1 >= sequence.spec.prompt.size()});
}

void CpuEngine::report(StepSink& sink) {
  std::size_t logits = 0;  // rows of them that were used
  for (const auto& [sequence, rows] : parts_) {
    const std::size_t prompt = sequence->spec.prompt.size(), before = sequence->done;
    sequence->done += rows;
    if (sequence->done < prompt) continue;
    if (before < prompt) {
      if (prefixes_) prefixes_->keep(sequence->spec.prompt, sequence->history.blocks());
      sink.on_prefill(sequence->id, static_cast<int>(prompt), static_cast<int>(sequence->cached));
    }
    for (std::size_t i = std::max(before + 1, prompt); i <= sequence->done; ++i) {
      const auto row = forward_.logits(logits++);
      if (!sequence->finished) emit(*sequence, row, sink);
    }
  }
}

Sampled CpuEngine::choose(Sequence& sequence, std::span<const float> logits) {
  const auto& spec = sequence.spec;
  const auto index = static_cast<std::size_t>(sequence.generated);
  if (!spec.forced.empty())
    return {spec.forced[index], log_probability(logits, spec.forced[index])};
  return sequence.sampler.sample(logits, spec.prompt.size() + index, sequence.inputs,
                                 sequence.constraint.get());
}

void CpuEngine::emit(Sequence& sequence, std::span<const float> logits, StepSink& sink) {
  const auto& spec = sequence.spec;
  const bool forced = !spec.forced.empty();
  const Sampled sampled = choose(sequence, logits);
  if (sampled.token < 0) {
    const Error error = no_token(sequence.constraint.get());
    return finish(sequence, FinishReason::error, sink, &error);
  }
  ++sequence.generated;
  if (sequence.constraint) sequence.constraint->accept(sampled.token);
  const bool ends = !forced && !spec.ignore_eos && tokenizer().ends_generation(sampled.token);
  const std::string_view bytes =
      sequence.text.push(ends ? std::string_view() : tokenizer().piece(sampled.token));
  std::vector<Candidate> top;
  if (spec.top > 0) top = likeliest(logits, spec.top);
  sink.on_token(sequence.id, {sampled.token, bytes, sampled.logprob, top});
  const bool whole = sequence.constraint && sequence.constraint->finished();
  if (ends || whole || sequence.text.stopped())
    finish(sequence, FinishReason::stop, sink);
  else if (sequence.generated == spec.max_tokens)
    finish(sequence, FinishReason::length, sink);
  else if (!forced)
    sequence.inputs.push_back(sampled.token);
}

void CpuEngine::finish(Sequence& sequence, FinishReason reason, StepSink& sink,
                       const Error* error) {
  sequence.finished = true;
  if (prefixes_ && reason != FinishReason::error)
    prefixes_->keep(std::span(sequence.inputs).first(sequence.done), sequence.history.blocks());
  sequence.history.clear();
  {
    const std::scoped_lock lock(mutex_);
    flags_.erase(sequence.id);
  }
  sink.on_finished(sequence.id, reason, sequence.text.rest(), error);
}

void CpuEngine::drop_finished() {
  for (auto* sequences : {&running_, &waiting_})
    std::erase_if(*sequences, [](const auto& sequence) { return sequence->finished; });
}

Result<void> CpuEngine::logits(std::span<const Token> tokens, std::size_t first,
                               const UseLogits& use) {
  if (tokens.empty()) return fail(ErrorKind::invalid_input, "no tokens", "", "give at least one");
  if (auto checked = check(tokens); !checked) return checked;
  if (tokens.size() > static_cast<std::size_t>(info().context_tokens))
    return fail(ErrorKind::invalid_input, fmt::format("{} tokens", tokens.size()),
                fmt::format("the model is open with a context of {}", info().context_tokens),
                "give fewer, or open it with a larger context");
  auto pool = KvPool::make(model_->config, tokens.size());
  if (!pool) return fail(std::move(pool).error());
  KvSequence history(*pool);
  if (!history.reserve(tokens.size())) return fail(ErrorKind::internal, "a pool too small");
  std::vector<StepRow> rows;
  for (std::size_t at = 0; at < tokens.size(); at += rows.size()) {
    rows.clear();
    for (std::size_t i = at; rows.size() < forward_.chunk() && i < tokens.size(); ++i)
      rows.push_back({tokens[i], i, &history, i >= first});
    forward_.run(rows, {});
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i].wanted) use(at + i, forward_.logits(wanted++));
  }
  return {};
}

}  // namespace pennyweight::llm
