#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "cli/wiring.h"
#include "local_backend/engine.h"
#include "local_backend/gguf/gguf_file.h"
#include "metrics/base/hash.h"
#include "metrics/base/text_template.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct ModelOptions {
  std::string path, prompt;
  llm::EngineOptions engine;
  llm::SamplingParams sampling;
  int tokens = 64;
  bool json = false, raw = false;
};

using Facts = std::vector<std::pair<std::string, Value>>;

Facts facts_of(const llm::ModelInfo& info) {
  return {{"name", info.name},
          {"architecture", info.architecture},
          {"quantization", info.quantization},
          {"parameters", static_cast<std::int64_t>(info.parameters)},
          {"file_bytes", static_cast<std::int64_t>(info.file_bytes)},
          {"weight_bytes", static_cast<std::int64_t>(info.weight_bytes)},
          {"kv_bytes_per_token", static_cast<std::int64_t>(info.kv_bytes_per_token)},
          {"layers", info.layers},
          {"embedding_length", info.embedding_length},
          {"feed_forward_length", info.feed_forward_length},
          {"heads", info.heads},
          {"kv_heads", info.kv_heads},
          {"head_length", info.head_length},
          {"vocabulary_size", info.vocabulary_size},
          {"context_limit", info.context_limit},
          {"chat_template", info.chat_template},
          {"chat_template_sha256", info.chat_template_sha256},
          {"kernels", info.kernels},
          {"threads", info.threads}};
}

Result<ExitStatus> info(const ModelOptions& options) {
  auto engine = llm::Engine::open(options.path, options.engine);
  if (!engine) return fail(engine.error());
  auto hash = llm::model_sha256(options.path);
  if (!hash) return fail(hash.error());
  Facts facts = facts_of((*engine)->info());
  facts.emplace_back("sha256", *hash);
  if (options.json) {
    Value::Map map(facts.begin(), facts.end());
    print_text(to_json(Value(std::move(map)), JsonStyle::indented) + "\n");
    return ExitStatus::ok;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : facts) {
    rows.push_back({key, value.text() != nullptr ? printable(*value.text()) : to_json(value)});
  }
  print_columns(rows);
  return ExitStatus::ok;
}

// Prints as it goes, or collects for --json.
class Printer final : public llm::StepSink {
 public:
  explicit Printer(bool json) : json_(json) {}
  void on_prefill(llm::SequenceId, int, int) override {}
  void on_token(llm::SequenceId, const llm::GeneratedToken& token) override {
    ids_.emplace_back(static_cast<std::int64_t>(token.token));
    logprobs_.emplace_back(static_cast<double>(token.logprob));
    take(token.bytes);
  }
  void on_finished(llm::SequenceId, llm::FinishReason reason, std::string_view tail,
                   const Error* error) override {
    take(tail);
    reason_ = reason;
    if (error != nullptr) error_ = *error;
  }

  Result<ExitStatus> finish(const std::vector<llm::Token>& prompt) {
    if (error_) return fail(*error_);
    if (!json_) {
      print_text("\n");
      return ExitStatus::ok;
    }
    Value::List prompt_ids;
    for (const llm::Token id : prompt) prompt_ids.emplace_back(static_cast<std::int64_t>(id));
    Value out;
    out.set("text", replace_invalid_utf8(text_));
    out.set("ids", std::move(ids_));
    out.set("logprobs", std::move(logprobs_));
    out.set("prompt_ids", std::move(prompt_ids));
    out.set("finish", reason_ == llm::FinishReason::stop ? "stop" : "length");
    print_text(to_json(out) + "\n");
    return ExitStatus::ok;
  }

 private:
  void take(std::string_view bytes) {
    if (json_) {
      text_ += bytes;
    } else {
      print_text(stdout_is_terminal() ? replace_invalid_utf8(bytes) : std::string(bytes));
    }
  }
  bool json_;
  std::string text_;
  Value::List ids_, logprobs_;
  llm::FinishReason reason_ = llm::FinishReason::error;
  std::optional<Error> error_;
};

Result<ExitStatus> generate(const ModelOptions& options) {
  auto engine = llm::Engine::open(options.path, options.engine);
  if (!engine) return fail(engine.error());
  llm::Prompt prompt;
  if (options.raw) {
    prompt = llm::PromptText{options.prompt};
  } else {
    prompt = std::vector<llm::ChatMessage>{{"user", options.prompt}};
  }
  auto tokens = (*engine)->encode(prompt);
  if (!tokens) return fail(tokens.error());
  llm::SequenceSpec spec;
  spec.prompt = *tokens;
  spec.sampling = options.sampling;
  spec.max_tokens = options.tokens;
  auto id = (*engine)->submit(std::move(spec));
  if (!id) return fail(id.error());
  Printer printer(options.json);
  while ((*engine)->step(printer)) {
  }
  return printer.finish(*tokens);
}

void add_engine_options(CLI::App& command, ModelOptions& options) {
  command.add_option("-t,--threads", options.engine.threads, "Threads; 0 = all cores")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command.add_option("--ctx", options.engine.context_tokens, "Context length in tokens");
  command.add_option("--kernels", options.engine.kernels, "auto, portable, avx2 or avx512")
      ->capture_default_str();
}

CLI::App* add_generate(CLI::App& model, ModelOptions& options) {
  auto* command = model.add_subcommand("generate", "Answer one prompt");
  command->add_option("FILE", options.path, "GGUF file")->required();
  command->add_option("--prompt", options.prompt, "Text of the prompt")->required();
  command->add_option("-n", options.tokens, "Tokens to generate at most")
      ->check(whole_number(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--temperature", options.sampling.temperature, "0 is greedy")
      ->capture_default_str();
  command->add_option("--top-k", options.sampling.top_k, "0 = all")->capture_default_str();
  command->add_option("--top-p", options.sampling.top_p, "1 = all")->capture_default_str();
  command->add_option("--seed", options.sampling.seed, "Of the sampling")
      ->check(whole_number(0))
      ->capture_default_str();
  command->add_flag("--raw", options.raw, "No chat template");
  command->add_flag("--json", options.json, "Text, ids and log-probabilities as JSON");
  add_engine_options(*command, options);
  command->footer(
      "Example:\n  pennyweight model generate model.gguf --prompt 'Count to five.' -n 32");
  return command;
}

}  // namespace

void add_model(CLI::App& app, Action& chosen) {
  auto* model = app.add_subcommand("model", "GGUF files: facts, synthesis, tokens, answers");
  model->require_subcommand(1);
  auto options = std::make_shared<ModelOptions>();
  const auto bind = [options, &chosen](CLI::App* command,
                                       Result<ExitStatus> (*action)(const ModelOptions&)) {
    command->callback(
        [options, action, &chosen] { chosen = [options, action] { return action(*options); }; });
  };
  auto* facts = model->add_subcommand("info", "What a file holds and what it takes to run");
  facts->add_option("FILE", options->path, "GGUF file")->required();
  facts->add_flag("--json", options->json, "As JSON");
  add_engine_options(*facts, *options);
  bind(facts, info);
  add_model_synth(*model, chosen);
  add_model_quantize(*model, chosen);
  add_model_tokenize(*model, chosen);
  bind(add_generate(*model, *options), generate);
  add_model_list(*model, chosen);
  add_model_perplexity(*model, chosen);
}

}  // namespace pennyweight
