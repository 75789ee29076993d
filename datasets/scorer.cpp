#include "datasets/scorer.h"

#include <fmt/format.h>

#include "datasets/scorer_parts.h"
#include "datasets/text_metrics.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct Entry {
  const char* name;
  ScorerFactory make;
};
constexpr Entry kScorers[] = {
    {"exact_match", make_exact_match},
    {"includes", make_includes},
    {"regex", make_regex},
    {"numeric_close", make_numeric_close},
    {"mc_letter", make_mc_letter},
    {"loglikelihood", make_loglikelihood},
};

std::vector<std::string> read_extract(ObjectReader& parameters) {
  if (!parameters.has("extract")) return {};
  ObjectReader extract = parameters.object("extract");
  extract.allow({"name", "markers"});
  extract.required_text("name");
  extract.one_of("name", {"final_line"});
  auto markers = extract.texts("markers");
  for (std::string& marker : markers) {
    marker = nfc(marker);
    if (marker.empty()) extract.wrong("markers", "a marker is empty");
  }
  if (markers.empty()) extract.wrong("markers", "\"markers\" must name at least one");
  return markers;
}

}  // namespace

PreparedScorer::PreparedScorer(ObjectReader& parameters, const std::vector<std::string>& own_keys,
                               std::string_view name)
    : name_(name), nfc_(parameters.flag("nfc", true)), markers_(read_extract(parameters)) {
  std::vector<std::string> keys = own_keys;
  keys.insert(keys.end(), {"nfc", "extract"});
  parameters.allow(keys);
}

void PreparedScorer::sign(const std::vector<std::string>& parts, int version) {
  signature_ = name_;
  for (const std::string& part : parts) {
    if (!part.empty()) signature_ += "|" + part;
  }
  signature_ += nfc_ ? "|nfc:yes" : "|nfc:no";
  if (!markers_.empty()) {
    const Value::List markers(markers_.begin(), markers_.end());
    signature_ += "|extract:final_line" + to_json(markers);
  }
  signature_ += fmt::format("|v{}", version);
}

std::string PreparedScorer::prepare(std::string_view text) const {
  std::string valid = replace_invalid_utf8(text);
  return nfc_ ? nfc(valid) : valid;
}

std::optional<Pattern> PreparedScorer::compile(ObjectReader& parameters, std::string_view key,
                                               const std::string& source,
                                               Pattern::Options options) const {
  auto pattern = Pattern::compile(prepare(source), options);
  if (pattern) return std::move(*pattern);
  const Error& error = pattern.error();
  parameters.wrong(key, error.what + (error.why.empty() ? "" : ": " + error.why), error.fix);
  return std::nullopt;
}

std::string PreparedScorer::objection(const std::string&, const std::vector<std::string>&) const {
  return {};
}

Result<void> PreparedScorer::check(const std::vector<std::string>& targets,
                                   const std::vector<std::string>& choices) const {
  for (const std::string& target : targets) {
    const std::string why = objection(prepare(target), choices);
    if (why.empty()) continue;
    return fail(ErrorKind::invalid_input,
                fmt::format("target \"{}\" does not fit {}", printable(target), name_), why);
  }
  return {};
}

Score PreparedScorer::score(std::string_view answer, const std::vector<std::string>& targets,
                            const std::vector<std::string>& choices) const {
  std::string prepared = prepare(answer);
  if (!markers_.empty()) {
    auto line = final_line(prepared, markers_);
    if (!line) return {0, false, {}};
    prepared = std::move(*line);
  }
  std::vector<std::string> prepared_targets;
  for (const std::string& target : targets) prepared_targets.push_back(prepare(target));
  return compare(prepared, prepared_targets, choices);
}

Result<std::unique_ptr<Scorer>> make_scorer(const ScorerSpec& spec) {
  for (const auto& [name, make] : kScorers) {
    if (spec.name != name) continue;
    ObjectReader parameters("scorer " + spec.name, spec.parameters);
    auto scorer = make(parameters);
    if (!parameters.ok()) return fail(parameters.error());
    return scorer;
  }
  const std::string_view meant = nearest(spec.name, scorer_names());
  return fail(ErrorKind::invalid_input, fmt::format("unknown scorer \"{}\"", printable(spec.name)),
              "",
              meant.empty() ? fmt::format("scorers: {}", fmt::join(scorer_names(), ", "))
                            : fmt::format("did you mean \"{}\"?", meant));
}

const std::vector<std::string>& scorer_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const auto& entry : kScorers) out.emplace_back(entry.name);
    return out;
  }();
  return names;
}

}  // namespace pennyweight
