// A named, versioned, hashed list of tasks. Rows are read on demand: a set of a million rows costs
// an index. Format: docs/task_sets.md. Immutable after opening; row() is safe from several threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight {

struct Manifest;
struct Row;
class RowSource;

struct Message {
  std::string role;  // system, user, assistant
  std::string content;
  friend bool operator==(const Message&, const Message&) = default;
};

// Name and parameters, checked when the set is opened.
struct ScorerSpec {
  std::string name;
  Value parameters;  // a map, or null
  friend bool operator==(const ScorerSpec&, const ScorerSpec&) = default;
};

// One question, rendered: what will be sent, and what a right answer is.
struct Task {
  std::string id, group, cluster;
  std::vector<std::string> tags;
  std::vector<Message> messages;  // where `is_text`, one of the user's
  bool is_text = false;           // the prompt is this text as it stands: no chat template
  // Not empty: how likely each of these is after the prompt is asked for, not an answer.
  std::vector<std::string> continuations;
  std::vector<std::string> choices;
  std::vector<std::string> targets;  // any of them is right
  ScorerSpec scorer;
  Value meta;               // never affects the prompt
  bool has_images = false;  // a text-only target answers `unsupported`
  std::string row_sha256;
};

// From the manifest; flags and plans may override.
struct GenerationDefaults {
  std::optional<int> max_tokens;
  std::optional<double> temperature;
  std::vector<std::string> stop;
  bool json_mode = false;  // the answer is a JSON object, where the target can promise it
};

// What happens to each outcome (docs/task_sets.md). The shares of refused and empty count as wrong,
// errors are excluded and flagged.
struct OutcomeRules {
  double max_error_rate = 0.01;
};

// The facts of a set, apart from its rows.
struct TaskSetInfo {
  std::string name, version, language, license, source;
  std::string description;
  std::string limits;                 // what it does not prove
  std::string sha256;                 // of the manifest with rows.sha256 filled in
  std::optional<std::uint64_t> seed;  // of a generated set
  std::optional<double> chance;       // score of guessing
  GenerationDefaults generate;
  OutcomeRules outcomes;
};

class TaskSet {
 public:
  // taskset.json, or a bare .jsonl: its rows then hold `messages`, or `vars` with `input`, and its
  // manifest is the default one. An error names file, line and column, and suggests the key that
  // was meant. All lines are checked here: bad JSON, unknown key, missing id or target, duplicate
  // id, unknown scorer, pinned hash that differs.
  static Result<TaskSet> open(const std::filesystem::path& path);
  // The same from memory, for built-in sets and tests; `name` stands for the path in errors. An
  // empty manifest is the default one. Examples of few_shot need a file, so they are refused here.
  static Result<TaskSet> parse(std::string_view manifest_json, std::string rows, std::string name);

  const TaskSetInfo& info() const { return info_; }
  std::size_t size() const { return index_.size(); }
  const std::string& id(std::size_t row) const { return index_[row].id; }
  // Reads, parses and renders one row. A file that changed since opening is an error.
  Result<Task> task(std::size_t row) const;
  // The row as JSON, for the store.
  Result<Value> row(std::size_t row) const;

 private:
  struct Entry {
    std::string id;
    std::uint64_t offset, length;
    std::size_t line;
    std::string sha256;
  };
  static Result<TaskSet> index(Manifest manifest, std::string examples_sha256, RowSource rows);
  Result<Value> read(const Entry& entry, Row* row) const;

  TaskSetInfo info_;
  std::shared_ptr<const Manifest> manifest_;
  std::shared_ptr<const RowSource> rows_;
  std::vector<Entry> index_;
};

}  // namespace pennyweight
