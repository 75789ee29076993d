// The commands: one file each, its flags with it. A command declares itself on the app and, when it
// was the one asked for, leaves what to do in `chosen`.
#pragma once

#include <functional>

#include "cli/exit_status.h"
#include "metrics/base/result.h"

namespace CLI {
class App;
}

namespace pennyweight {

namespace llm {
struct EngineOptions;
}

using Action = std::function<Result<ExitStatus>()>;

void add_run(CLI::App& app, Action& chosen);
void add_init(CLI::App& app, Action& chosen);
void add_report(CLI::App& app, Action& chosen);
void add_serve(CLI::App& app, Action& chosen);
void add_demo(CLI::App& app, Action& chosen);
void add_doctor(CLI::App& app, Action& chosen);
void add_model(CLI::App& app, Action& chosen);
void add_tasks(CLI::App& app, Action& chosen);
void add_prices(CLI::App& app, Action& chosen);

// Subcommands of `model`.
void add_model_info(CLI::App& model, Action& chosen);
void add_model_synth(CLI::App& model, Action& chosen);
void add_model_quantize(CLI::App& model, Action& chosen);
void add_model_tokenize(CLI::App& model, Action& chosen);
void add_model_list(CLI::App& model, Action& chosen);
void add_model_generate(CLI::App& model, Action& chosen);
void add_model_perplexity(CLI::App& model, Action& chosen);

// --threads, --ctx and --kernels.
void add_engine_options(CLI::App& command, llm::EngineOptions& options);

}  // namespace pennyweight
