#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/long_work.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "cli/wiring.h"
#include "local_backend/quantize_model.h"

namespace pennyweight {
namespace {

struct Options {
  std::string from, to, type;
  bool pure = false;
  int threads = 0;
};

Result<void> check_paths(const Options& options) {
  if (auto file = refuse_directory(options.to, "model.gguf"); !file) return file;
  std::error_code ignored;
  if (std::filesystem::equivalent(options.from, options.to, ignored)) {
    return fail(ErrorKind::usage, "\"" + options.to + "\" is the model to read itself",
                "the new model is another file", "name another file");
  }
  if (std::filesystem::exists(options.to, ignored)) {
    return fail(ErrorKind::usage, "\"" + options.to + "\" exists already",
                "quantize never overwrites a model", "name another file, or remove this one");
  }
  return {};
}

double bits(std::uint64_t bytes, std::uint64_t elements) {
  return elements == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(elements);
}

Result<ExitStatus> quantize(const Options& options) {
  const auto mixture = llm::mixture_named(options.type);
  if (!mixture) {
    return fail(ErrorKind::usage, "no type \"" + options.type + "\" to quantize to", "",
                "use one of " + llm::mixture_names());
  }
  if (auto paths = check_paths(options); !paths) return fail(paths.error());
  llm::QuantizeOptions how;
  how.mixture = *mixture;
  how.pure = options.pure;
  how.threads = options.threads;
  Result<llm::QuantizeSummary> made;
  {
    LongWork work;
    how.progress = [&](std::uint64_t done, std::uint64_t total) { return work.go_on(done, total); };
    made = llm::quantize_model(options.from, options.to, how);
  }
  if (!made) return LongWork::failed(made.error());
  if (made->elements == 0)
    print_note("the file holds no tensors: a vocabulary alone");
  std::string types;
  for (const auto& [type, count] : made->types) {
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", count, type);
  }
  print_note(fmt::format("wrote {}: {}, {:.2f} bits a weight ({:.2f} before); tensors: {}",
                         options.to, llm::mixture_name(*mixture),
                         bits(made->bytes_after, made->elements),
                         bits(made->bytes_before, made->elements), types));
  if (made->from_quantized) {
    print_note(
        "weights that were quantized before are rounded twice; begin with F16 where you can");
  }
  return ExitStatus::ok;
}

}  // namespace

void add_model_quantize(CLI::App& model, Action& chosen) {
  auto options = std::make_shared<Options>();
  auto* command = model.add_subcommand("quantize", "Make a smaller file of a model");
  command->add_option("IN", options->from, "GGUF file to read")->required()->check(not_empty());
  command->add_option("OUT", options->to, "GGUF file to write")->required()->check(not_empty());
  command->add_option("TYPE", options->type, llm::mixture_names())->required();
  command->add_flag("--pure", options->pure, "One type for all matrices, no mixture");
  command->add_option("-t,--threads", options->threads, "Threads; 0 = all cores")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command->footer(
      "The bytes are those of llama-quantize without an importance matrix.\n\n"
      "Example:\n  pennyweight model quantize model-f16.gguf model-q4.gguf Q4_K_M");
  command->callback([options, &chosen] { chosen = [options] { return quantize(*options); }; });
}

}  // namespace pennyweight
