#include <csignal>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sys/prctl.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "local_backend/openai_server.h"

namespace pennyweight {
namespace {

struct ServeOptions {
  std::string model;
  llm::EngineOptions engine;
  llm::ServerOptions server;
  bool die_with_parent = false;
};

llm::OpenAiServer* g_server = nullptr;  // for the signal handler only

void on_signal(int) {
  if (g_server != nullptr) g_server->stop();
}

Result<ExitStatus> serve(const ServeOptions& options) {
  if (options.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  auto engine = llm::Engine::open(options.model, options.engine);
  if (!engine) return fail(engine.error());
  const llm::ModelInfo info = (*engine)->info();
  auto server = llm::OpenAiServer::listen(std::move(*engine), options.server);
  if (!server) return fail(server.error());
  g_server = server->get();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  // The port alone on stdout, for whoever started us; the rest is for people.
  print_text(fmt::format("{}\n", (*server)->port()));
  print_note(fmt::format("serving {} ({}, {} threads, {} kernels) at http://{}:{}/v1", info.name,
                         info.quantization, info.threads, info.kernels, options.server.host,
                         (*server)->port()));
  if (!info.chat_template_note.empty()) print_note(info.chat_template_note);
  auto served = (*server)->run();
  g_server = nullptr;
  if (!served) return fail(served.error());
  return ExitStatus::ok;
}

}  // namespace

void add_serve(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("serve", "OpenAI-compatible HTTP server for a GGUF model");
  auto options = std::make_shared<ServeOptions>();
  command->add_option("MODEL", options->model, "GGUF file")->required()->check(not_empty());
  command->add_option("--host", options->server.host, "Address to listen on")
      ->capture_default_str();
  command->add_option("--port", options->server.port, "Port; 0 picks a free one and prints it")
      ->check(whole_number(0, 65535))
      ->capture_default_str();
  command->add_option("--name", options->server.model_name, "Model name in replies");
  command->add_option("-t,--threads", options->engine.threads, "Threads; 0 = all cores")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command->add_option("--ctx", options->engine.context_tokens, "Context length in tokens");
  command
      ->add_option("--parallel", options->engine.parallel,
                   "Requests that run side by side, the others wait; 0 = 8")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command->add_flag("--prefix-cache", options->engine.reuse_prefix,
                    "Reuse the beginnings of earlier prompts; reported as cached tokens");
  command->add_option("--max-queued", options->server.max_queued, "Waiting requests before 503")
      ->check(whole_number(0, 1'000'000))
      ->capture_default_str();
  command->add_flag("--die-with-parent", options->die_with_parent,
                    "Stop when the process that started this one ends");
  command->footer(
      "Example:\n  pennyweight serve model.gguf --port 8080\n"
      "  curl http://127.0.0.1:8080/v1/chat/completions -d "
      "'{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":32}'");
  command->callback([options, &chosen] { chosen = [options] { return serve(*options); }; });
}

}  // namespace pennyweight
