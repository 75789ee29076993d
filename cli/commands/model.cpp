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
  std::string path;
  llm::EngineOptions engine;
  bool json = false;
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
  auto* facts = model->add_subcommand("info", "What a file holds and what it takes to run");
  facts->add_option("FILE", options->path, "GGUF file")->required();
  facts->add_flag("--json", options->json, "As JSON");
  add_engine_options(*facts, options->engine);
  facts->callback([options, &chosen] { chosen = [options] { return info(*options); }; });
  add_model_list(*model, chosen);
  add_model_synth(*model, chosen);
  add_model_quantize(*model, chosen);
  add_model_tokenize(*model, chosen);
  add_model_generate(*model, chosen);
  add_model_perplexity(*model, chosen);
}

}  // namespace pennyweight
