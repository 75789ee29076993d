#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/usage.h"
#include "local_backend/engine.h"

namespace pennyweight {

void add_engine_options(CLI::App& command, llm::EngineOptions& options) {
  command.add_option("-t,--threads", options.threads, "Threads; 0 = all cores")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command.add_option("--ctx", options.context_tokens, "Context length in tokens; default the model's, at most 4096");
  command.add_option("--kernels", options.kernels, "auto, portable, avx2 or avx512")
      ->capture_default_str();
}

void add_model(CLI::App& app, Action& chosen) {
  auto* model = app.add_subcommand("model", "GGUF files: facts, synthesis, tokens, answers");
  model->require_subcommand(1);
  add_model_info(*model, chosen);
  add_model_list(*model, chosen);
  add_model_synth(*model, chosen);
  add_model_quantize(*model, chosen);
  add_model_tokenize(*model, chosen);
  add_model_generate(*model, chosen);
  add_model_perplexity(*model, chosen);
}

}  // namespace pennyweight
