#include "datasets/manifest.h"

#include <cstdint>

#include <fmt/format.h>

#include "datasets/scorer.h"
#include "metrics/base/hash.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr std::int64_t kMaxTokens = 1'000'000;

RowsFile read_rows_file(ObjectReader& reader, std::string_view path_key) {
  RowsFile file{reader.required_text(path_key), reader.text("sha256").value_or("")};
  if (!is_safe_path(file.path)) {
    reader.wrong(path_key, "the path of the rows must lie inside the task set's directory");
  }
  if (reader.has("sha256") && !is_sha256(file.sha256)) {
    reader.wrong("sha256", "\"sha256\" must be 64 lower-case hexadecimal digits");
  }
  return file;
}

std::optional<TextTemplate> read_template(ObjectReader& reader, std::string_view key) {
  const auto source = reader.text(key);
  if (!source) return std::nullopt;
  auto parsed = TextTemplate::parse(*source);
  if (parsed) return std::move(*parsed);
  const Error& error = parsed.error();
  reader.wrong(key, error.what + (error.why.empty() ? "" : ": " + error.why), error.fix);
  return std::nullopt;
}

void read_prompt(ObjectReader& prompt, Manifest& manifest) {
  prompt.allow({"system", "user", "as", "target_delimiter", "few_shot"});
  manifest.prompt.system = read_template(prompt, "system");
  manifest.prompt.user = read_template(prompt, "user");
  manifest.prompt.as_text = prompt.one_of("as", {"chat", "text"}) == "text";
  manifest.prompt.target_delimiter =
      prompt.text("target_delimiter").value_or(manifest.prompt.as_text ? " " : "");
  if (manifest.prompt.as_text && manifest.prompt.system) {
    prompt.wrong("system", "a prompt as \"text\" has no system message", "put it into prompt.user");
  }
  if (!prompt.has("few_shot")) return;
  ObjectReader reader = prompt.object("few_shot");
  reader.allow({"rows", "sha256", "k", "pick", "as", "delimiter"});
  manifest.examples = read_rows_file(reader, "rows");
  if (!reader.has("k")) reader.wrong("k", "\"k\" is missing", "give the number of examples");
  FewShot& few_shot = manifest.prompt.few_shot;
  few_shot.count = static_cast<std::size_t>(reader.integer("k", 0, 1000).value_or(0));
  manifest.examples_by_hash = reader.one_of("pick", {"first", "hash"}) == "hash";
  few_shot.as_turns = !(manifest.prompt.as_text && !reader.has("as")) &&
                      reader.one_of("as", {"turns", "text"}) == "turns";
  if (few_shot.as_turns && manifest.prompt.as_text) {
    reader.wrong("as", "a prompt as \"text\" has no turns", "give \"text\"");
  }
  few_shot.delimiter = reader.text("delimiter").value_or(few_shot.delimiter);
}

void read_generate(ObjectReader reader, GenerationDefaults& generate) {
  reader.allow({"max_tokens", "temperature", "stop", "repeats", "json_mode"});
  if (const auto n = reader.integer("max_tokens", 1, kMaxTokens)) {
    generate.max_tokens = static_cast<int>(*n);
  }
  generate.temperature = reader.number("temperature", 0, 10);
  generate.stop = reader.texts("stop");
  if (reader.integer("repeats", 1, 1000).value_or(1) != 1) {
    reader.wrong("repeats", "a set that repeats itself is not supported", "repeat the run instead",
                 ErrorKind::unsupported);
  }
  generate.json_mode = reader.flag("json_mode", false);
}

void read_score(ObjectReader reader, Manifest& manifest) {
  reader.allow({"default", "extract", "primary"});
  reader.one_of("primary", {"score"});
  if (reader.has("extract")) manifest.extract = *reader.any("extract");
  manifest.scorer = {"exact_match", Value()};
  if (reader.has("default")) manifest.scorer = read_scorer(reader, "default");
  // The extractor is checked by making the scorer with it.
  if (const auto scorer = make_scorer(scorer_of(manifest, Row())); reader.ok() && !scorer) {
    reader.wrong("extract", scorer.error().what, scorer.error().fix);
  }
  // Nothing is generated, so there is nothing that the author could bound.
  if (asks_likelihood(manifest.scorer) && !manifest.info.generate.max_tokens) {
    manifest.info.generate.max_tokens = 1;
  }
}

// One rule each for now; they are checked so that a set which wants another is not misread.
void read_outcomes(ObjectReader reader, OutcomeRules& rules) {
  reader.allow({"refused", "truncated", "empty", "error", "max_error_rate"});
  reader.one_of("refused", {"wrong"});
  reader.one_of("truncated", {"score_and_flag"});
  reader.one_of("empty", {"wrong"});
  reader.one_of("error", {"exclude_and_flag"});
  rules.max_error_rate = reader.number("max_error_rate", 0, 1).value_or(rules.max_error_rate);
}

// Read by the tables and comparisons that use them; here only their form is checked.
void check_comparison(ObjectReader& manifest) {
  ObjectReader groups = manifest.object("groups");
  groups.allow({"by", "aggregate"});
  groups.one_of("by", {"group"});
  groups.one_of("aggregate", {"macro", "micro"});
  ObjectReader compare = manifest.object("compare");
  compare.allow({"margin", "alpha"});
  compare.number("margin", 0, 1);
  compare.number("alpha", 0, 0.5);
}

void read_info(ObjectReader& reader, TaskSetInfo& info) {
  info.name = reader.required_text("name");
  if (reader.has("name") && (info.name.empty() || printable(info.name) != info.name)) {
    reader.wrong("name", "\"name\" is empty or has a control character");
  }
  info.version = reader.text("version").value_or("");
  info.language = reader.text("language").value_or("");
  info.license = reader.text("license").value_or("");
  info.source = reader.text("source").value_or("");
  info.description = reader.text("description").value_or("");
  info.limits = reader.text("limits").value_or("");
  if (const auto seed = reader.integer("seed", 0, INT64_MAX)) {
    info.seed = static_cast<std::uint64_t>(*seed);
  }
  info.chance = reader.number("chance", 0, 1);
}

}  // namespace

Result<Manifest> parse_manifest(const SourceText& source) {
  auto json = parse_json_source(source);
  if (!json) return fail(std::move(json).error());
  Manifest manifest;
  manifest.json = std::move(*json);
  ObjectReader reader("manifest", manifest.json, &source);
  reader.allow({"format", "name", "version", "language", "license", "source", "seed", "description",
                "limits", "rows", "prompt", "generate", "score", "groups", "chance", "compare",
                "outcomes"});
  if (!reader.has("format")) reader.wrong("format", "\"format\" is missing", "give \"format\": 1");
  if (reader.integer("format", 1, INT64_MAX).value_or(1) != 1) {
    reader.wrong("format", "a newer format of task sets", "use a newer version of this program",
                 ErrorKind::unsupported);
  }
  read_info(reader, manifest.info);
  if (!reader.has("rows")) reader.wrong("rows", "\"rows\" is missing");
  ObjectReader rows = reader.object("rows");
  rows.allow({"path", "sha256"});
  manifest.rows = read_rows_file(rows, "path");
  ObjectReader prompt = reader.object("prompt");
  read_prompt(prompt, manifest);
  read_generate(reader.object("generate"), manifest.info.generate);
  read_score(reader.object("score"), manifest);
  check_comparison(reader);
  read_outcomes(reader.object("outcomes"), manifest.info.outcomes);
  if (!reader.ok()) return fail(reader.error());
  return manifest;
}

std::string default_manifest(const std::string& name) {
  const auto map = [](Value::Map m) { return Value(std::move(m)); };
  return to_json(map({
      {"format", 1},
      {"name", name},
      {"rows", map({{"path", "rows.jsonl"}})},
      {"prompt", map({{"user", "{{ input }}"}})},
      {"generate", map({{"max_tokens", 256}, {"temperature", 0}})},
      {"score", map({{"default", map({{"name", "exact_match"}, {"strip", true}})}})},
  }));
}

std::string manifest_hash(const Manifest& manifest, const std::string& rows_sha256,
                          const std::string& examples_sha256) {
  Value json = manifest.json;
  Value rows = *json.find("rows");
  rows.set("sha256", rows_sha256);
  json.set("rows", std::move(rows));
  if (!manifest.examples.path.empty()) {
    Value prompt = *json.find("prompt");
    Value few_shot = *prompt.find("few_shot");
    few_shot.set("sha256", examples_sha256);
    prompt.set("few_shot", std::move(few_shot));
    json.set("prompt", std::move(prompt));
  }
  return sha256(to_json(json, JsonStyle::canonical));
}

ScorerSpec scorer_of(const Manifest& manifest, const Row& row) {
  ScorerSpec spec = row.scorer.value_or(manifest.scorer);
  if (!manifest.extract.is_null() && !asks_likelihood(spec) &&
      spec.parameters.find("extract") == nullptr) {
    spec.parameters.set("extract", manifest.extract);
  }
  return spec;
}

}  // namespace pennyweight
