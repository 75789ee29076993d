#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "local_backend/fidelity.h"
#include "metrics/base/file_io.h"
#include "metrics/base/text_template.h"

namespace pennyweight {
namespace {

struct Options {
  std::string model, text, reference, saved;
  llm::EngineOptions engine;
  llm::FidelityOptions fidelity;
  bool json = false;
};

Value facts_of(const llm::Perplexity& p) {
  Value out;
  out.set("perplexity", p.value);
  out.set("perplexity_error", p.error);
  out.set("tokens", static_cast<std::int64_t>(p.tokens));
  out.set("chunks", p.chunks);
  return out;
}

std::string line_of(std::string_view name, const llm::Perplexity& p) {
  return fmt::format("{}: perplexity {:.4f} +- {:.4f} ({} tokens in {} chunks)\n", name, p.value,
                     p.error, p.tokens, p.chunks);
}

void print_alone(const Options& options, const llm::Perplexity& p) {
  print_text(options.json ? to_json(facts_of(p)) + "\n" : line_of(options.model, p));
}

void print_compared(const Options& options, const llm::Fidelity& f) {
  if (options.json) {
    Value out = facts_of(f.candidate);
    out.set("reference", facts_of(f.reference));
    out.set("mean_kld", f.mean_kld);
    out.set("mean_kld_error", f.kld_error);
    out.set("p99_kld", f.p99_kld);
    out.set("max_kld", f.max_kld);
    out.set("same_top_rate", f.same_top_rate);
    out.set("same_top_rate_error", f.same_top_error);
    out.set("probability_rms", f.probability_rms);
    return print_text(to_json(out) + "\n");
  }
  print_text(line_of(options.model, f.candidate) + line_of(options.reference, f.reference) +
             fmt::format("KL divergence: mean {:.6f} +- {:.6f} nats, p99 {:.6f}, max {:.6f}\n"
                         "same likeliest token: {:.3f} % +- {:.3f} %\n"
                         "probability of the text's token: RMS difference {:.4f}\n",
                         f.mean_kld, f.kld_error, f.p99_kld, f.max_kld, 100 * f.same_top_rate,
                         100 * f.same_top_error, f.probability_rms));
}

Result<std::vector<llm::Token>> read_tokens(const Options& options, const llm::Engine& engine) {
  auto text = read_file(options.text);
  if (!text) return fail(text.error());
  auto tokens = engine.tokenizer().encode(*text, llm::Specials::as_text);
  if (engine.tokenizer().add_bos()) tokens.insert(tokens.begin(), engine.tokenizer().bos());
  return tokens;
}

void show_chunk(int done, int all) {
  fmt::print(stderr, "\rchunk {} of {}{}", done, all, done == all ? "\n" : "");
}

Result<ExitStatus> perplexity(Options options) {
  if (options.text.empty() == options.saved.empty())
    return fail(ErrorKind::usage, "which text?", "TEXT and --logits each bring one",
                "give a text file, or a file of saved logits, and not both");
  std::optional<llm::SavedLogits> saved;
  if (!options.saved.empty()) {
    auto opened = llm::SavedLogits::open(options.saved);
    if (!opened) return fail(opened.error());
    saved = *std::move(opened);
    options.fidelity.context = saved->context();
  }
  // As long as a chunk: longrope models rotate otherwise in a longer context than in a shorter one.
  options.engine.context_tokens = options.fidelity.context;
  options.engine.parallel = 1;
  auto engine = llm::Engine::open(options.model, options.engine);
  if (!engine) return fail(engine.error());
  if (stderr_is_terminal()) options.fidelity.on_chunk = show_chunk;
  if (saved) {
    options.reference = options.saved;
    const auto measured = llm::measure_fidelity(*saved, **engine, options.fidelity);
    if (!measured) return fail(measured.error());
    print_compared(options, *measured);
    return ExitStatus::ok;
  }
  const auto tokens = read_tokens(options, **engine);
  if (!tokens) return fail(tokens.error());
  if (options.reference.empty()) {
    const auto measured = llm::measure_perplexity(**engine, *tokens, options.fidelity);
    if (!measured) return fail(measured.error());
    print_alone(options, *measured);
    return ExitStatus::ok;
  }
  auto reference = llm::Engine::open(options.reference, options.engine);
  if (!reference) return fail(reference.error());
  const auto measured = llm::measure_fidelity(**reference, **engine, *tokens, options.fidelity);
  if (!measured) return fail(measured.error());
  print_compared(options, *measured);
  return ExitStatus::ok;
}

}  // namespace

void add_model_perplexity(CLI::App& model, Action& chosen) {
  auto options = std::make_shared<Options>();
  auto* command = model.add_subcommand("perplexity",
                                       "How well a model predicts a text, and how a quantised one "
                                       "differs from its original");
  command->add_option("FILE", options->model, "GGUF file")->required();
  command->add_option("TEXT", options->text, "UTF-8 text file");
  command->add_option("--reference", options->reference,
                      "The full-precision GGUF file: adds KL divergence and the share of tokens "
                      "whose likeliest is the same");
  command->add_option("--logits", options->saved,
                      "In place of TEXT: a file of llama-perplexity --kl-divergence-base, to "
                      "compare with another engine");
  command->add_option("--ctx", options->fidelity.context, "Tokens in a chunk")
      ->check(whole_number(4, 1 << 24))
      ->capture_default_str();
  command->add_option("--chunks", options->fidelity.most_chunks, "Chunks at most; 0 = all")
      ->check(whole_number(0, 1 << 30))
      ->capture_default_str();
  command->add_option("-t,--threads", options->engine.threads, "Threads; 0 = all cores")
      ->check(whole_number(0, 1024))
      ->capture_default_str();
  command->add_flag("--json", options->json, "As JSON");
  command->footer(
      "The same procedure as llama-perplexity: chunks on their own, the second half of "
      "each predicted.\n\nExample:\n"
      "  pennyweight model perplexity model.Q4_K_M.gguf wiki.txt --reference model.F16.gguf");
  command->callback([options, &chosen] { chosen = [options] { return perplexity(*options); }; });
}

}  // namespace pennyweight
