#include "runners/requests.h"

#include <charconv>

#include "metrics/base/hash.h"
#include "metrics/base/random.h"
#include "runners/budget.h"

namespace pennyweight {
namespace {

decltype(Request::prompt) prompt_of(const Task& task) {
  if (task.continuations.empty()) {
    if (!task.is_text) return task.messages;
    return RawPrompt{task.messages.back().content};
  }
  Continuations out;
  out.continuations = task.continuations;
  if (task.is_text) {
    out.prefix = RawPrompt{task.messages.back().content};
  } else {
    out.prefix = task.messages;
  }
  return out;
}

}  // namespace

Result<GenerationParameters> generation_for(const PlanSpec& plan, const TaskSetInfo& set) {
  GenerationParameters out;
  out.max_tokens = plan.max_tokens.value_or(set.generate.max_tokens.value_or(0));
  if (out.max_tokens < 1) {
    return fail(ErrorKind::usage,
                "nothing bounds the output tokens of task set \"" + set.name + "\"",
                "without a bound there is no bound on time and cost",
                "add --max-tokens, or generate.max_tokens in its manifest");
  }
  out.temperature = plan.temperature ? plan.temperature : set.generate.temperature;
  out.top_p = plan.top_p;
  out.top_k = plan.top_k;
  out.frequency_penalty = plan.frequency_penalty;
  out.presence_penalty = plan.presence_penalty;
  out.repeat_penalty = plan.repeat_penalty;
  out.response_format = plan.response_format;
  if (out.response_format.empty() && set.generate.json_mode) out.response_format = "json_object";
  out.stop = set.generate.stop;
  out.stream = plan.stream;
  return out;
}

Request make_request(const PlanSpec& plan, const TargetInfo& target,
                     const GenerationParameters& generation, const Task& task, int repeat) {
  Request out;
  out.prompt = prompt_of(task);
  out.generation = generation;
  out.timeouts = plan.timeouts;
  if (target.kind != "remote" && generation.temperature.value_or(0) > 0) {
    // By the task's id, not its place: adding tasks changes no other task's draw.
    const std::string hash = sha256(task.id);
    std::uint64_t index = 0;
    std::from_chars(hash.data(), hash.data() + 12, index, 16);
    Random random(plan.seed, Stream::sampling, (index << 16) + static_cast<std::uint16_t>(repeat));
    out.generation.seed = random.next_u64();
  }
  return out;
}

Pricing pricing_of(const Experiment& experiment, std::size_t target) {
  return {experiment.plan.targets[target].cost, experiment.prices[target]};
}

}  // namespace pennyweight
