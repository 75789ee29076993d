#include "datasets/task_set.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "datasets/manifest.h"
#include "datasets/row_source.h"
#include "datasets/scorer.h"
#include "metrics/base/file_io.h"
#include "metrics/base/hash.h"

namespace pennyweight {
namespace {

// An error of a row as a whole, placed at its beginning.
tl::unexpected<Error> fail_row(const SourceText& source, const std::string& id, Error error) {
  error.what = fmt::format("{}: row \"{}\": {}", place(source, 0), id, error.what);
  return fail(std::move(error));
}

Result<Row> read_row(const SourceText& source, Value* json = nullptr) {
  auto value = parse_json_source(source);
  if (!value) return fail(std::move(value).error());
  auto row = parse_row(*value, source);
  if (json != nullptr) *json = std::move(*value);
  return row;
}

Result<Task> make_task(const Manifest& manifest, Row row) {
  auto messages = render_prompt(manifest.prompt, row);
  if (!messages) return fail(std::move(messages).error());
  Task task;
  task.scorer = scorer_of(manifest, row);
  task.messages = std::move(*messages);
  task.is_text = manifest.prompt.as_text;
  task.id = std::move(row.id);
  task.group = std::move(row.group);
  task.cluster = std::move(row.cluster);
  task.tags = std::move(row.tags);
  task.choices = std::move(row.choices);
  task.targets = std::move(row.targets);
  task.meta = std::move(row.meta);
  task.has_images = row.has_images;
  for (std::size_t i = 0; asks_likelihood(task.scorer) && i < task.choices.size(); ++i) {
    task.continuations.push_back(manifest.prompt.target_delimiter + task.choices[i]);
  }
  return task;
}

// Everything about a row that can be wrong is found when its set is opened.
Result<void> check_row(const Manifest& manifest, const SourceText& source, Row row) {
  const std::string id = row.id;
  auto task = make_task(manifest, std::move(row));
  if (!task) return fail_row(source, id, std::move(task).error());
  const auto scorer = make_scorer(task->scorer);
  if (!scorer) return fail_row(source, id, scorer.error());
  auto checked = (*scorer)->check(task->targets, task->choices);
  if (!checked) return fail_row(source, id, std::move(checked).error());
  return {};
}

Result<void> check_pin(const RowsFile& pinned, const std::string& name, const std::string& found) {
  if (pinned.sha256.empty() || pinned.sha256 == found) return {};
  return fail(ErrorKind::invalid_input, name + ": not the file that the manifest pins",
              fmt::format("its SHA-256 is {}, the manifest says {}", found, pinned.sha256),
              "restore the file, or update the manifest and its version");
}

// Reads the examples of few_shot into the manifest, in the order of picking; returns their hash.
Result<std::string> read_examples(const std::filesystem::path& directory, Manifest& manifest) {
  const auto source = RowSource::open_file(directory / manifest.examples.path);
  if (!source) return fail(source.error());
  auto hash = source->hash();
  if (!hash) return hash;
  if (auto pinned = check_pin(manifest.examples, source->name(), *hash); !pinned) {
    return fail(std::move(pinned).error());
  }
  std::vector<Row>& rows = manifest.prompt.few_shot.rows;
  LineReader lines(*source);
  for (;;) {
    auto line = lines.next();
    if (!line) return fail(std::move(line).error());
    if (!*line) break;
    auto row = read_row({source->name(), (*line)->text, (*line)->number});
    if (!row) return fail(std::move(row).error());
    rows.push_back(std::move(*row));
  }
  if (manifest.examples_by_hash) {
    const auto key = [&](const Row& row) {
      return sha256(std::to_string(manifest.info.seed.value_or(0)) + "\n" + row.id);
    };
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row& a, const Row& b) { return key(a) < key(b); });
  }
  return hash;
}

}  // namespace

Result<TaskSet> TaskSet::open(const std::filesystem::path& path) {
  std::string text;
  const bool bare = path.extension() == ".jsonl";
  if (bare) {
    text = default_manifest(path.stem().string());
  } else {
    auto read = read_file(path);
    if (!read) return fail(std::move(read).error());
    text = std::move(*read);
    if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.erase(0, 3);
  }
  auto manifest = parse_manifest({path.string(), text});
  if (!manifest) return fail(std::move(manifest).error());
  std::string examples_sha256;
  if (!manifest->examples.path.empty()) {
    auto examples = read_examples(path.parent_path(), *manifest);
    if (!examples) return fail(std::move(examples).error());
    examples_sha256 = std::move(*examples);
  }
  auto rows = RowSource::open_file(bare ? path : path.parent_path() / manifest->rows.path);
  if (!rows) return fail(std::move(rows).error());
  return index(std::move(*manifest), std::move(examples_sha256), std::move(*rows));
}

Result<TaskSet> TaskSet::parse(std::string_view manifest_json, std::string rows, std::string name) {
  const std::string text =
      manifest_json.empty() ? default_manifest(name) : std::string(manifest_json);
  auto manifest = parse_manifest({name, text});
  if (!manifest) return fail(std::move(manifest).error());
  if (!manifest->examples.path.empty()) {
    return fail(ErrorKind::unsupported, name + ": few_shot needs a file of examples");
  }
  return index(std::move(*manifest), "", RowSource::of_text(std::move(rows), std::move(name)));
}

Result<TaskSet> TaskSet::index(Manifest manifest, std::string examples_sha256, RowSource rows) {
  auto hash = rows.hash();
  if (!hash) return fail(std::move(hash).error());
  if (auto pinned = check_pin(manifest.rows, rows.name(), *hash); !pinned) {
    return fail(std::move(pinned).error());
  }
  TaskSet set;
  std::unordered_map<std::string, std::size_t> line_of;  // by id
  LineReader lines(rows);
  for (;;) {
    auto line = lines.next();
    if (!line) return fail(std::move(line).error());
    if (!*line) break;
    const SourceText source{rows.name(), (*line)->text, (*line)->number};
    auto row = read_row(source);
    if (!row) return fail(std::move(row).error());
    const std::string id = row->id;
    if (const auto [first, is_new] = line_of.emplace(id, (*line)->number); !is_new) {
      return fail(ErrorKind::invalid_input,
                  fmt::format("{}: id \"{}\" is already on line {}",
                              place(source, offset_of(source.text, {"id"})), id, first->second),
                  "", "give every row its own id");
    }
    if (auto checked = check_row(manifest, source, std::move(*row)); !checked) {
      return fail(std::move(checked).error());
    }
    set.index_.push_back(
        {id, (*line)->offset, (*line)->text.size(), (*line)->number, sha256((*line)->text)});
  }
  if (set.index_.empty()) return fail(ErrorKind::invalid_input, rows.name() + ": no rows");
  manifest.info.sha256 = manifest_hash(manifest, *hash, examples_sha256);
  set.info_ = manifest.info;
  set.manifest_ = std::make_shared<const Manifest>(std::move(manifest));
  set.rows_ = std::make_shared<const RowSource>(std::move(rows));
  return set;
}

Result<Value> TaskSet::read(const Entry& entry, Row* row) const {
  auto text = rows_->read(entry.offset, entry.length);
  if (!text) return fail(std::move(text).error());
  if (sha256(*text) != entry.sha256) {
    return fail(ErrorKind::invalid_input,
                fmt::format("{}:{}:1: the row \"{}\" changed since the task set was opened",
                            rows_->name(), entry.line, entry.id),
                "", "leave the file alone while a run reads it");
  }
  Value json;
  auto parsed = read_row({rows_->name(), *text, entry.line}, &json);
  if (!parsed) return fail(std::move(parsed).error());
  if (row != nullptr) *row = std::move(*parsed);
  return json;
}

Result<Task> TaskSet::task(std::size_t row) const {
  Row parsed;
  if (auto json = read(index_[row], &parsed); !json) return fail(std::move(json).error());
  auto task = make_task(*manifest_, std::move(parsed));
  if (task) task->row_sha256 = index_[row].sha256;
  return task;
}

Result<Value> TaskSet::row(std::size_t row) const {
  return read(index_[row], nullptr);
}

}  // namespace pennyweight
