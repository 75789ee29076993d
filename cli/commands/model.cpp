#include <charconv>
#include <filesystem>
#include <iostream>
#include <iterator>
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
#include "local_backend/synthetic_model.h"
#include "metrics/base/hash.h"
#include "metrics/base/text_template.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct ModelOptions {
  std::string path, output;
  llm::EngineOptions engine;
  std::uint64_t seed = 1;
  float margin = 0;
  bool json = false, special = false, detokenize = false, whole = false;
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
  auto hash = sha256_file(options.path);
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

Result<ExitStatus> synth(const ModelOptions& options) {
  auto spec = llm::parse_synthetic(options.path);
  if (!spec) return fail(spec.error());
  if (auto file = refuse_directory(options.output, "model.gguf"); !file) return fail(file.error());
  if (std::filesystem::exists(options.output)) {
    return fail(ErrorKind::usage, "\"" + options.output + "\" exists already",
                "synth never overwrites a model", "name another file, or remove this one");
  }
  spec->seed = options.seed;
  spec->margin = options.margin;
  if (auto written = llm::write_synthetic_model(*spec, options.output); !written) {
    return fail(written.error());
  }
  const bool by_default = options.path.find(':') == std::string::npos;
  print_note(fmt::format(
      "wrote {}: {}, weights {}{}", options.output, spec->name, llm::block_format(spec->type)->name,
      by_default ? fmt::format(" (the default; another: {}:q4_0)", spec->name) : std::string()));
  return ExitStatus::ok;
}

Result<llm::Tokenizer> load_tokenizer(const std::string& path) {
  auto file = llm::GgufFile::open(path);
  if (!file) return fail(file.error());
  return llm::Tokenizer::load(*file);
}

std::string ids_text(const std::vector<llm::Token>& ids) {
  std::string line;
  for (const llm::Token id : ids) line += (line.empty() ? "" : " ") + std::to_string(id);
  return line + "\n";
}

Result<std::string> tokenize_one(const llm::Tokenizer& tokenizer, const std::string& input,
                                 const ModelOptions& options) {
  if (!options.detokenize) {
    return ids_text(
        tokenizer.encode(input, options.special ? llm::Specials::parse : llm::Specials::as_text));
  }
  std::vector<llm::Token> ids;
  const char* at = input.data();
  const char* end = at + input.size();
  while (at != end) {
    if (*at == ' ' || *at == ',' || *at == '\n') {
      ++at;
      continue;
    }
    llm::Token id = 0;
    const auto parsed = std::from_chars(at, end, id);
    if (parsed.ec != std::errc() || id < 0 || id >= tokenizer.size()) {
      return fail(ErrorKind::invalid_input,
                  "\"" + input.substr(0, 80) + "\" is not a line of token ids",
                  fmt::format("ids are numbers from 0 to {}", tokenizer.size() - 1),
                  "separate ids by blanks");
    }
    ids.push_back(id);
    at = parsed.ptr;
  }
  return tokenizer.decode(ids, options.special) + "\n";
}

Result<ExitStatus> tokenize(const ModelOptions& options) {
  auto tokenizer = load_tokenizer(options.path);
  if (!tokenizer) return fail(tokenizer.error());
  std::string input;
  if (options.whole) {
    input.assign(std::istreambuf_iterator<char>(std::cin), {});
    auto line = tokenize_one(*tokenizer, input, options);
    if (!line) return fail(line.error());
    print_text(*line);
    return ExitStatus::ok;
  }
  while (std::getline(std::cin, input)) {
    auto line = tokenize_one(*tokenizer, input, options);
    if (!line) return fail(line.error());
    print_text(*line);
  }
  return ExitStatus::ok;
}

CLI::App* add_tokenize(CLI::App& model, ModelOptions& options) {
  auto* command = model.add_subcommand("tokenize", "Text on stdin to token ids, a line each");
  command->add_option("FILE", options.path, "GGUF file")->required();
  command->add_flag("--special", options.special, "Control tokens in the text are tokens");
  command->add_flag("--detokenize", options.detokenize, "Lines of ids back to text");
  command->add_flag("--whole", options.whole, "All of stdin is one input, line ends included");
  command->footer("Example:\n  echo '안녕하세요' | pennyweight model tokenize model.gguf");
  return command;
}

}  // namespace

void add_engine_options(CLI::App& command, llm::EngineOptions& options) {
  command.add_option("-t,--threads", options.threads, "Threads; 0 = all cores")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command.add_option("--ctx", options.context_tokens, "Context length in tokens");
  command.add_option("--kernels", options.kernels, "auto, portable, avx2 or avx512")
      ->capture_default_str();
}

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
  add_engine_options(*facts, options->engine);
  bind(facts, info);
  auto* making =
      model->add_subcommand("synth", "Make a model of random weights, for tests and speed");
  making
      ->add_option("NAME:TYPE", options->path,
                   "Shape (tiny, small, medium, 1b) and type (f32, f16, q8_0, q4_0); f16 where no "
                   "type is given")
      ->required();
  making->add_option("-o,--output", options->output, "GGUF file to write")
      ->required()
      ->check(not_empty());
  making->add_option("--seed", options->seed, "Of the weights")
      ->check(whole_number(0))
      ->capture_default_str();
  making
      ->add_option("--margin", options->margin,
                   "> 0: predictable next tokens, for comparing engines")
      ->capture_default_str();
  making->footer("Example:\n  pennyweight model synth small:q4_0 -o small.gguf");
  bind(making, synth);
  bind(add_tokenize(*model, *options), tokenize);
  add_model_generate(*model, chosen);
  add_model_perplexity(*model, chosen);
}

}  // namespace pennyweight
