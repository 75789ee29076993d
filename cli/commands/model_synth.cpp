#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/long_work.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "cli/wiring.h"
#include "local_backend/synthetic_model.h"

namespace pennyweight {
namespace {

struct Options {
  std::string shape, type, output;
  std::uint64_t seed = 1;
  float margin = 0;
};

std::string_view type_name(const llm::SyntheticSpec& spec) {
  return spec.mixture ? llm::mixture_name(*spec.mixture) : llm::block_format(spec.type)->name;
}

Result<llm::SyntheticSpec> spec_of(const Options& options) {
  if (!options.type.empty() && options.shape.find(':') != std::string::npos) {
    return fail(ErrorKind::usage, "a type twice", "it is after the shape's colon and in --type",
                "give it once");
  }
  auto spec = llm::parse_synthetic(options.type.empty() ? options.shape
                                                        : options.shape + ":" + options.type);
  if (!spec) return spec;
  spec->seed = options.seed;
  spec->margin = options.margin;
  return spec;
}

Result<ExitStatus> synth(const Options& options) {
  if (options.output.empty())
    return fail(ErrorKind::usage, "--output is missing", "a model needs a file to be written to",
                "write pennyweight model synth SHAPE --output VALUE");
  auto spec = spec_of(options);
  if (!spec) return fail(spec.error());
  if (auto file = refuse_directory(options.output, "model.gguf"); !file) return fail(file.error());
  if (std::filesystem::exists(options.output)) {
    return fail(ErrorKind::usage, "\"" + options.output + "\" exists already",
                "synth never overwrites a model", "name another file, or remove this one");
  }
  const auto start = std::chrono::steady_clock::now();
  Result<void> written;
  {
    LongWork work;
    written = llm::write_synthetic_model(
        *spec, options.output,
        [&](std::uint64_t done, std::uint64_t total) { return work.go_on(done, total); });
  }
  if (!written) return LongWork::failed(written.error());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const bool by_default = options.type.empty() && options.shape.find(':') == std::string::npos;
  const double megabytes = static_cast<double>(std::filesystem::file_size(options.output)) / 1e6;
  print_note(fmt::format(
      "wrote {}: {}, weights {}{}; {:.1f} MB in {:.1f} s", options.output, spec->name,
      type_name(*spec),
      by_default ? fmt::format(" (the default; another: {}:q4_0)", spec->name) : std::string(),
      megabytes, took.count()));
  return ExitStatus::ok;
}

std::string names_of(const std::vector<llm::SyntheticSpec>& shapes) {
  std::string names, line;
  for (const llm::SyntheticSpec& shape : shapes) {
    if (line.size() + shape.name.size() > 90) {
      names += line + "\n";
      line.clear();
    }
    line += "  " + shape.name;
  }
  return names + line;
}

}  // namespace

void add_model_synth(CLI::App& model, Action& chosen) {
  auto options = std::make_shared<Options>();
  auto* command =
      model.add_subcommand("synth", "Make a model of random weights, for tests and speed");
  command
      ->add_option("SHAPE", options->shape,
                   "tiny, small, medium, 1b, an architecture or a published model (below), also as "
                   "SHAPE:TYPE; f16 where no type is given")
      ->required();
  auto* place = command->add_option("OUT", options->output, "GGUF file to write");
  command->add_option("-o,--output", options->output, "The same")
      ->check(not_empty())
      ->excludes(place);
  command->add_option("--type", options->type, llm::synthetic_type_names() + " (all matrices)");
  command->add_option("--seed", options->seed, "Of the weights")
      ->check(whole_number(0))
      ->capture_default_str();
  command
      ->add_option("--margin", options->margin,
                   "> 0: predictable next tokens, for comparing engines")
      ->capture_default_str();
  command->footer(
      "A published shape has the matrices and types of that model's file, and as many bytes: its "
      "speed and\npower can be measured before it is downloaded. Its text is noise, its vocabulary "
      "an invented one (SPM),\nand it has no long-context rope factors.\n\n"
      "Architectures, as small as rows of 256 allow, with every feature at work, for comparing "
      "engines:\n" +
      names_of(llm::architecture_shapes()) + "\n\nPublished shapes:\n" +
      names_of(llm::published_shapes()) +
      "\n\nExamples:\n  pennyweight model synth small:q4_0 -o small.gguf\n"
      "  pennyweight model synth llama-3.2-1b --type Q4_K_M llama.gguf");
  command->callback([options, &chosen] { chosen = [options] { return synth(*options); }; });
}

}  // namespace pennyweight
