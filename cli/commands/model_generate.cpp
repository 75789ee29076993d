#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "local_backend/engine.h"
#include "local_backend/grammar/json_schema.h"
#include "metrics/base/file_io.h"
#include "metrics/base/text_template.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct Options {
  std::string model, prompt, system, grammar, json_schema;
  std::vector<std::string> stop;
  llm::EngineOptions engine;
  llm::SamplingParams sampling;
  int tokens = 64, top = 0;
  bool json = false, raw = false, json_object = false;
};

// Prints as it goes, or collects for --json.
class Printer final : public llm::StepSink {
 public:
  Printer(const llm::Tokenizer& tokenizer, const Options& options)
      : tokenizer_(tokenizer), json_(options.json), top_(options.top > 0) {}
  void on_prefill(llm::SequenceId, int, int) override {}
  void on_token(llm::SequenceId, const llm::GeneratedToken& token) override {
    ids_.emplace_back(static_cast<std::int64_t>(token.token));
    logprobs_.emplace_back(static_cast<double>(token.logprob));
    Value::List others;
    for (const llm::Candidate& other : token.top) {
      Value one;
      one.set("id", static_cast<std::int64_t>(other.token));
      one.set("text", replace_invalid_utf8(tokenizer_.piece(other.token, true)));
      one.set("logprob", static_cast<double>(other.logprob));
      others.push_back(std::move(one));
    }
    top_logprobs_.emplace_back(std::move(others));
    take(token.bytes);
  }
  void on_finished(llm::SequenceId, llm::FinishReason reason, std::string_view tail,
                   const Error* error) override {
    take(tail);
    reason_ = reason;
    if (error != nullptr) error_ = *error;
  }

  // `chat_template`: null where none was used.
  Result<ExitStatus> finish(const std::vector<llm::Token>& prompt,
                            const llm::ChatTemplate* chat_template) {
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
    if (top_) out.set("top_logprobs", std::move(top_logprobs_));
    out.set("prompt_ids", std::move(prompt_ids));
    if (chat_template != nullptr) {
      out.set("chat_template", std::string(chat_template->name()));
      out.set("chat_template_sha256", chat_template->hash());
    }
    out.set("finish", reason_ == llm::FinishReason::stop ? "stop" : "length");
    print_text(to_json(out) + "\n");
    return ExitStatus::ok;
  }

 private:
  void take(std::string_view bytes) {
    if (json_) {
      text_ += bytes;
    } else {
      print_text(replace_invalid_utf8(bytes));
    }
  }
  const llm::Tokenizer& tokenizer_;
  bool json_, top_;
  std::string text_;
  Value::List ids_, logprobs_, top_logprobs_;
  llm::FinishReason reason_ = llm::FinishReason::error;
  std::optional<Error> error_;
};

// Null: any text.
Result<std::shared_ptr<const llm::Grammar>> grammar_of(const Options& options) {
  const bool is_schema = !options.json_schema.empty();
  if (options.json_object + is_schema + !options.grammar.empty() > 1)
    return fail(ErrorKind::usage, "two formats for one answer",
                "--json-object, --json-schema and --grammar exclude each other", "keep one");
  if (options.json_object) return llm::json_object_grammar();
  if (!is_schema && options.grammar.empty()) return nullptr;
  const std::string& path = is_schema ? options.json_schema : options.grammar;
  const auto text = read_file(path);
  if (!text) return fail(text.error());
  auto grammar = is_schema ? llm::grammar_of_json_schema(*text) : llm::Grammar::parse(*text);
  if (!grammar) grammar.error().what = path + ": " + grammar.error().what;
  return grammar;
}

Result<ExitStatus> generate(const Options& options) {
  if (options.top > 0 && !options.json)
    return fail(ErrorKind::usage, "--top-logprobs without --json", "they are shown in JSON only",
                "add --json");
  if (options.raw && !options.system.empty())
    return fail(ErrorKind::usage, "--system together with --raw",
                "without a chat template there is no system message", "put it into --prompt");
  auto grammar = grammar_of(options);
  if (!grammar) return fail(grammar.error());
  auto engine = llm::Engine::open(options.model, options.engine);
  if (!engine) return fail(engine.error());
  const std::string& note = (*engine)->info().chat_template_note;
  if (!note.empty() && !options.raw) print_note(note);
  llm::Prompt prompt;
  if (options.raw) {
    prompt = llm::PromptText{options.prompt};
  } else {
    std::vector<llm::ChatMessage> chat;
    if (!options.system.empty()) chat.push_back({"system", options.system});
    chat.push_back({"user", options.prompt});
    prompt = std::move(chat);
  }
  auto tokens = (*engine)->encode(prompt);
  if (!tokens) return fail(tokens.error());
  llm::SequenceSpec spec;
  spec.prompt = *tokens;
  spec.sampling = options.sampling;
  spec.sampling.logprobs = options.json;
  spec.stop = options.stop;
  spec.max_tokens = options.tokens;
  spec.top = options.top;
  spec.grammar = *std::move(grammar);
  auto id = (*engine)->submit(std::move(spec));
  if (!id) return fail(id.error());
  Printer printer((*engine)->tokenizer(), options);
  while ((*engine)->step(printer)) {
  }
  return printer.finish(*tokens, options.raw ? nullptr : &(*engine)->chat_template());
}

void add_sampling_options(CLI::App& command, llm::SamplingParams& sampling) {
  command.add_option("--temperature", sampling.temperature, "0 is greedy")
      ->check(real_number(0, 100))
      ->capture_default_str();
  command.add_option("--top-k", sampling.top_k, "0 = all")
      ->check(whole_number(0, 1 << 30))
      ->capture_default_str();
  command.add_option("--top-p", sampling.top_p, "1 = all")
      ->check(real_number(0, 1))
      ->capture_default_str();
  command.add_option("--min-p", sampling.min_p, "Share of the likeliest's probability; 0 = all")
      ->check(real_number(0, 1))
      ->capture_default_str();
  command.add_flag("--temperature-first", sampling.temperature_first,
                   "Temperature before top-p and min-p, as OpenAI does");
  command
      .add_option("--repeat-penalty", sampling.repeat_penalty,
                  "Of tokens that were there: logits divided by it, or multiplied where negative")
      ->check(real_number(0.01, 100))
      ->capture_default_str();
  command
      .add_option("--frequency-penalty", sampling.frequency_penalty,
                  "Taken from the logit for each time")
      ->check(real_number(-10, 10))
      ->capture_default_str();
  command.add_option("--presence-penalty", sampling.presence_penalty, "Taken from the logit once")
      ->check(real_number(-10, 10))
      ->capture_default_str();
  command
      .add_option("--repeat-last-n", sampling.penalty_last_n,
                  "Tokens that the penalties look back at; -1 = all")
      ->check(whole_number(-1, 1 << 30))
      ->capture_default_str();
  command.add_option("--seed", sampling.seed, "Of the sampling")
      ->check(whole_number(0))
      ->capture_default_str();
}

}  // namespace

void add_model_generate(CLI::App& model, Action& chosen) {
  auto options = std::make_shared<Options>();
  auto* command = model.add_subcommand("generate", "Answer one prompt");
  command->add_option("FILE", options->model, "GGUF file")->required();
  command->add_option("--prompt", options->prompt, "Text of the prompt")->required();
  command->add_option("-n", options->tokens, "Tokens to generate at most")
      ->check(whole_number(1, 1'000'000))
      ->capture_default_str();
  add_sampling_options(*command, options->sampling);
  command->add_flag("--json-object", options->json_object, "A JSON object only");
  command->add_option("--json-schema", options->json_schema,
                      "File of a JSON schema: JSON that it allows only");
  command->add_option("--grammar", options->grammar, "GBNF file: a text of this grammar only");
  command->add_option("--system", options->system, "System message before the prompt");
  command->add_option("--stop", options->stop, "The answer ends before this text; may be repeated")
      ->check(not_empty());
  command->add_flag("--raw", options->raw,
                    "No chat template; special tokens spelled in the prompt are tokens");
  command->add_flag("--json", options->json, "Text, ids and log-probabilities as JSON");
  command->add_option("--top-logprobs", options->top, "With --json: likeliest tokens beside each")
      ->check(whole_number(0, llm::kMaxTop))
      ->capture_default_str();
  add_engine_options(*command, options->engine);
  command->footer(
      "Example:\n  pennyweight model generate model.gguf --prompt 'Count to five.' -n 32\n"
      "  pennyweight model generate model.gguf --prompt 'A person, as JSON.' --json-schema p.json");
  command->callback([options, &chosen] { chosen = [options] { return generate(*options); }; });
}

}  // namespace pennyweight
