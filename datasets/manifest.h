// taskset.json: what a set is, how its rows become prompts and scores. Format: docs/task_sets.md.
#pragma once

#include <optional>
#include <string>

#include "datasets/prompt_template.h"
#include "datasets/task_set.h"

namespace pennyweight {

struct RowsFile {
  std::string path;    // relative to the manifest
  std::string sha256;  // "" where the manifest does not pin it
};

struct Manifest {
  TaskSetInfo info;  // all but its hash, which needs the rows'
  RowsFile rows;
  RowsFile examples;              // of few_shot; path "" without
  bool examples_by_hash = false;  // pick: "hash"; else the first
  PromptTemplate prompt;          // its few_shot.rows not yet read
  ScorerSpec scorer;              // of rows without their own
  Value extract;                  // null, or the extractor of rows whose scorer has none
  Value json;
};

Result<Manifest> parse_manifest(const SourceText& source);

// Of a bare rows file: one variable, {{ input }}, and exact_match.
std::string default_manifest(const std::string& name);

// SHA-256 of the manifest's canonical JSON with the hashes of its rows filled in, so that neither
// formatting nor pinning changes it.
std::string manifest_hash(const Manifest& manifest, const std::string& rows_sha256,
                          const std::string& examples_sha256);

// The scorer of a row, with the set's extractor where it names none.
ScorerSpec scorer_of(const Manifest& manifest, const Row& row);

}  // namespace pennyweight
