#include "datasets/row.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "datasets/scorer.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

std::vector<Message> read_messages(ObjectReader& row) {
  std::vector<Message> out;
  const Value::List* list = row.list("messages");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    ObjectReader message = row.element("messages", i);
    message.allow({"role", "content"});
    out.push_back({message.one_of("role", {"user", "system", "assistant"}),
                   message.required_text("content")});
  }
  if (list != nullptr && (out.empty() || out.back().role != "user")) {
    row.wrong("messages", "\"messages\" must end with a user's");
  }
  return out;
}

std::string read_turn(ObjectReader& row) {
  const std::vector<std::string> turns = row.texts("turns");
  if (turns.empty()) {
    row.wrong("turns", "\"turns\" is empty");
    return {};
  }
  if (turns.size() > 1) {
    row.wrong("turns", fmt::format("{} turns, and only one is supported", turns.size()),
              "give the conversation as \"messages\" that end with the user's question",
              ErrorKind::unsupported);
  }
  return turns.front();
}

bool read_images(ObjectReader& row) {
  const Value::List* list = row.list("images");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    ObjectReader image = row.element("images", i);
    image.allow({"name", "path", "sha256"});
    image.required_text("name");
    if (!is_safe_path(image.required_text("path"))) {
      image.wrong("path", "the path of an image must lie inside the task set's directory");
    }
    if (!is_sha256(image.required_text("sha256"))) {
      image.wrong("sha256", "\"sha256\" must be 64 lower-case hexadecimal digits");
    }
  }
  return list != nullptr && !list->empty();
}

std::vector<std::string> read_targets(ObjectReader& row) {
  if (!row.has("target")) {
    row.wrong("target", "\"target\" is missing", "give the right answer as a string");
    return {};
  }
  if (const std::string* target = row.any("target")->text()) return {*target};
  if (row.any("target")->list() == nullptr) {
    row.wrong("target", "\"target\" must be a string or a list of strings");
    return {};
  }
  auto targets = row.texts("target");
  if (targets.empty()) row.wrong("target", "\"target\" must hold at least one string");
  return targets;
}

void read_prompt(ObjectReader& reader, Row& row) {
  const int given =
      int{reader.has("vars")} + int{reader.has("messages")} + int{reader.has("turns")};
  if (given != 1) {
    reader.wrong("", given == 0 ? "has no prompt" : "has more than one prompt",
                 "give one of \"vars\", \"messages\" and \"turns\"");
  }
  if (reader.has("vars")) {
    row.vars = *reader.any("vars");
    if (row.vars.map() == nullptr) reader.wrong("vars", "\"vars\" must be an object");
  }
  row.messages = read_messages(reader);
  if (reader.has("turns")) row.turn = read_turn(reader);
}

}  // namespace

Result<Row> parse_row(const Value& json, const SourceText& source) {
  ObjectReader reader("row", json, &source);
  reader.allow({"id", "group", "tags", "cluster", "vars", "messages", "turns", "images", "choices",
                "target", "scorer", "meta"});
  Row row;
  row.id = reader.required_text("id");
  if (reader.has("id") && row.id.empty()) reader.wrong("id", "\"id\" is empty");
  if (printable(row.id) != row.id) reader.wrong("id", "\"id\" has a control character");
  row.group = reader.text("group").value_or("");
  row.cluster = reader.text("cluster").value_or("");
  row.tags = reader.texts("tags");
  read_prompt(reader, row);
  row.has_images = read_images(reader);
  row.choices = reader.texts("choices");
  if (reader.has("scorer")) row.scorer = read_scorer(reader, "scorer");
  row.targets = read_targets(reader);
  if (reader.has("meta")) row.meta = *reader.any("meta");
  if (!reader.ok()) return fail(reader.error());
  return row;
}

ScorerSpec read_scorer(ObjectReader& owner, std::string_view key) {
  ObjectReader reader = owner.object(key);
  ScorerSpec spec{reader.required_text("name"), Value()};
  if (!reader.ok()) return spec;
  for (const auto& [name, value] : *owner.any(key)->map()) {
    if (name != "name") spec.parameters.set(name, value);
  }
  if (const auto scorer = make_scorer(spec); !scorer) {
    const Error& error = scorer.error();
    const std::string why = error.why.empty() ? "" : ": " + error.why;
    owner.wrong(key, error.what + why, error.fix, error.kind);
  }
  return spec;
}

bool is_safe_path(std::string_view path) {
  const std::filesystem::path p(path);
  return !path.empty() && path.find('\0') == path.npos && p.is_relative() &&
         std::find(p.begin(), p.end(), "..") == p.end();
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace pennyweight
