#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "local_backend/model_facts.h"
#include "local_backend/model_source.h"
#include "metrics/base/text_template.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct InfoOptions {
  std::string path;
  int context = 0;
  bool json = false;
};

Value types_of(const llm::ModelFacts& facts) {
  Value::List list;
  for (const llm::TypeShare& share : facts.types) {
    list.emplace_back(Value::Map{{"type", share.type},
                                 {"tensors", static_cast<std::int64_t>(share.tensors)},
                                 {"parameters", static_cast<std::int64_t>(share.parameters)},
                                 {"bytes", static_cast<std::int64_t>(share.bytes)}});
  }
  return list;
}

// At the context asked for, else at some that people use and the longest.
std::vector<int> contexts_of(const llm::ModelInfo& info, int asked) {
  if (asked > 0) return {asked};
  std::vector<int> out;
  for (const int usual : {2048, 4096, 8192, 32'768, 131'072}) {
    if (usual < info.context_limit) out.push_back(usual);
  }
  out.push_back(info.context_limit);
  return out;
}

Value memory_of(const llm::ModelFacts& facts, int asked) {
  Value::List list;
  for (const int context : contexts_of(facts.info, asked)) {
    list.emplace_back(Value::Map{{"context_tokens", context},
                                 {"bytes", static_cast<std::int64_t>(facts.memory(context))}});
  }
  return list;
}

// Empty where nobody knows: a model that does not run.
Value::Map shape_of(const llm::ModelInfo& info) {
  return {{"weight_bytes_per_token", static_cast<std::int64_t>(info.weight_bytes)},
          {"kv_bytes_per_token", static_cast<std::int64_t>(info.kv_bytes_per_token)},
          {"layers", info.layers},
          {"embedding_length", info.embedding_length},
          {"feed_forward_length", info.feed_forward_length},
          {"heads", info.heads},
          {"kv_heads", info.kv_heads},
          {"head_length", info.head_length},
          {"vocabulary_size", info.vocabulary_size},
          {"context_limit", info.context_limit}};
}

Value::Map facts_map(const llm::ModelFacts& facts, const std::string& sha256, int context) {
  const llm::ModelInfo& info = facts.info;
  Value::Map map{{"name", info.name},
                 {"architecture", info.architecture},
                 {"runs", !facts.refusal},
                 {"parameters", static_cast<std::int64_t>(info.parameters)},
                 {"file_bytes", static_cast<std::int64_t>(info.file_bytes)},
                 {"bits_per_weight", facts.bits_per_weight},
                 {"types", types_of(facts)}};
  if (!facts.refusal) {
    map.emplace_back("quantization", info.quantization);
    for (auto& entry : shape_of(info)) map.push_back(std::move(entry));
    map.emplace_back("memory", memory_of(facts, context));
  } else {
    map.emplace_back("why_not", facts.refusal->what + ": " + facts.refusal->why);
  }
  if (!facts.tokenizer.empty()) map.emplace_back("tokenizer", facts.tokenizer);
  if (!info.chat_template.empty()) {
    map.emplace_back("chat_template", info.chat_template);
    map.emplace_back("chat_template_sha256", info.chat_template_sha256);
    if (!info.chat_template_note.empty()) {
      map.emplace_back("chat_template_note", info.chat_template_note);
    }
  }
  map.emplace_back("sha256", sha256);
  return map;
}

std::string bytes_text(std::int64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1024.0 * 1024 * 1024));
}

std::string types_text(const llm::ModelFacts& facts) {
  std::string out;
  for (const llm::TypeShare& share : facts.types) {
    out += fmt::format(
        "{}{} {:.1f} %", out.empty() ? "" : ", ", share.type,
        100.0 * static_cast<double>(share.parameters) / static_cast<double>(facts.info.parameters));
  }
  return out;
}

std::vector<std::vector<std::string>> rows_of(const llm::ModelFacts& facts, const Value::Map& map) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : map) {
    if (key == "types") {
      rows.push_back({key, types_text(facts)});
    } else if (key == "bits_per_weight") {
      rows.push_back({key, fmt::format("{:.2f}", facts.bits_per_weight)});
    } else if (key == "memory") {
      for (const Value& one : *value.list()) {
        rows.push_back({fmt::format("memory at {} tokens", *one.find("context_tokens")->integer()),
                        bytes_text(*one.find("bytes")->integer())});
      }
    } else {
      rows.push_back(
          {key, value.text() != nullptr ? printable(shortened(*value.text())) : to_json(value)});
    }
  }
  return rows;
}

Result<ExitStatus> info(const InfoOptions& options) {
  const auto facts = llm::read_model_facts(options.path);
  if (!facts) return fail(facts.error());
  if (options.context > facts->info.context_limit && !facts->refusal) {
    return fail(ErrorKind::usage, fmt::format("a context of {} tokens", options.context),
                fmt::format("this model was made for 1 to {}", facts->info.context_limit),
                "ask for fewer, or leave it out");
  }
  auto hash = llm::model_sha256(options.path);
  if (!hash) return fail(hash.error());
  Value::Map map = facts_map(*facts, *hash, options.context);
  if (options.json) {
    print_text(to_json(Value(std::move(map)), JsonStyle::indented) + "\n");
    return ExitStatus::ok;
  }
  print_columns(rows_of(*facts, map));
  if (facts->tokenizer_guessed) {
    print_note(
        "the file does not name its pre-tokenizer; \"default\" stands in, and its tokens may "
        "not be those that the model was trained on");
  }
  return ExitStatus::ok;
}

}  // namespace

void add_model_info(CLI::App& model, Action& chosen) {
  auto options = std::make_shared<InfoOptions>();
  auto* command = model.add_subcommand("info", "What a file holds and what it takes to run");
  command->add_option("FILE", options->path, "GGUF file")->required();
  command
      ->add_option("--ctx", options->context, "Context length for the memory it takes, in tokens")
      ->check(whole_number(1));
  command->add_flag("--json", options->json, "As JSON");
  command->callback([options, &chosen] { chosen = [options] { return info(*options); }; });
}

}  // namespace pennyweight
