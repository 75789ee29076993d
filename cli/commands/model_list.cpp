#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "local_backend/model_families.h"
#include "metrics/base/text_template.h"

namespace pennyweight {
namespace {

Result<ExitStatus> list(bool json) {
  Value::List rows;
  std::vector<std::vector<std::string>> table{
      {"family", "maker", "sizes", "architecture", "tokenizer", "runs"}};
  for (const llm::ModelFamily& f : llm::model_families()) {
    const bool runs = f.why_not.empty();
    table.push_back({std::string(f.name), std::string(f.maker), std::string(f.sizes),
                     std::string(f.architecture.empty() ? "-" : f.architecture),
                     std::string(f.tokenizer.empty() ? "-" : f.tokenizer),
                     runs ? "yes" : "no: " + std::string(f.why_not)});
    Value row;
    row.set("family", f.name);
    row.set("maker", f.maker);
    row.set("sizes", f.sizes);
    row.set("architecture", f.architecture);
    row.set("tokenizer", f.tokenizer);
    row.set("runs", runs);
    row.set("why_not", f.why_not);
    rows.emplace_back(std::move(row));
  }
  if (json)
    print_text(to_json(Value(std::move(rows))) + "\n");
  else
    print_columns(table);
  return ExitStatus::ok;
}

}  // namespace

void add_model_list(CLI::App& model, Action& chosen) {
  auto json = std::make_shared<bool>(false);
  auto* command =
      model.add_subcommand("list", "Families of small models: which run, which not, why");
  command->add_flag("--json", *json, "As JSON");
  command->callback([json, &chosen] { chosen = [json] { return list(*json); }; });
}

}  // namespace pennyweight
