#include <charconv>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "local_backend/model_source.h"
#include "local_backend/tokenizer.h"

namespace pennyweight {
namespace {

struct Options {
  std::string path;
  bool special = false, detokenize = false, whole = false;
};

Result<llm::Tokenizer> load_tokenizer(const std::string& path) {
  auto file = llm::open_model(path);
  if (!file) return fail(file.error());
  auto tokenizer = llm::Tokenizer::load(*file);
  if (!tokenizer) tokenizer.error().what = path + ": " + tokenizer.error().what;
  return tokenizer;
}

std::string ids_text(const std::vector<llm::Token>& ids) {
  std::string line;
  for (const llm::Token id : ids) line += (line.empty() ? "" : " ") + std::to_string(id);
  return line + "\n";
}

Result<std::string> tokenize_one(const llm::Tokenizer& tokenizer, const std::string& input,
                                 const Options& options) {
  if (!options.detokenize) {
    return ids_text(
        tokenizer.encode(input, options.special ? llm::Specials::parse : llm::Specials::as_text));
  }
  std::vector<llm::Token> ids;
  const char* at = input.data();
  const char* end = at + input.size();
  while (at != end) {
    if (std::string_view(" ,\n\r\t").find(*at) != std::string_view::npos) {
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

Result<ExitStatus> tokenize(const Options& options) {
  auto tokenizer = load_tokenizer(options.path);
  if (!tokenizer) return fail(tokenizer.error());
  if (tokenizer->guessed()) {
    print_note(options.path +
               " does not name its pre-tokenizer; \"default\" may cut words otherwise "
               "than the model was trained with");
  }
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

}  // namespace

void add_model_tokenize(CLI::App& model, Action& chosen) {
  auto options = std::make_shared<Options>();
  auto* command = model.add_subcommand("tokenize", "Text on stdin to token ids, a line each");
  command->add_option("FILE", options->path, "GGUF file")->required();
  command->add_flag("--special", options->special, "Control tokens in the text are tokens");
  command->add_flag("--detokenize", options->detokenize, "Lines of ids back to text");
  command->add_flag("--whole", options->whole, "All of stdin is one input, line ends included");
  command->footer(
      "Ids are without the tokens that mark beginning and end.\n"
      "Example:\n  echo '안녕하세요' | pennyweight model tokenize model.gguf");
  command->callback([options, &chosen] { chosen = [options] { return tokenize(*options); }; });
}

}  // namespace pennyweight
