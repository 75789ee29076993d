// One line of a rows file: keys and kinds checked, nothing rendered.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/json_place.h"
#include "datasets/object_reader.h"
#include "datasets/task_set.h"

namespace pennyweight {

struct Row {
  std::string id, group, cluster;
  std::vector<std::string> tags;
  // One of the three is there.
  Value vars;
  std::vector<Message> messages;
  std::string turn;  // the only one of `turns`
  std::vector<std::string> choices;
  std::vector<std::string> targets;
  std::optional<ScorerSpec> scorer;
  Value meta;
  bool has_images = false;
};

Result<Row> parse_row(const Value& json, const SourceText& source);

// {"name": ..., parameters...}; the scorer is made once to check them.
ScorerSpec read_scorer(ObjectReader& owner, std::string_view key);

// Whether a set may name this file: relative, and inside the set's directory. What a set refers to
// is sent to a server, so it must not reach the rest of the disk.
bool is_safe_path(std::string_view path);
bool is_sha256(std::string_view text);

}  // namespace pennyweight
