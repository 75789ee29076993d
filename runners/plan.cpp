#include "runners/plan.h"

#include <charconv>
#include <filesystem>

#include <toml++/toml.h>

#include "metrics/base/units.h"
#include "runners/option_list.h"

namespace pennyweight {
namespace {

using Keys = std::vector<std::string>;

const Keys kSections = {"run",    "target", "task_set", "load",    "generate",
                        "energy", "cost",   "budget",   "timeouts"};
const Keys kLaterSections = {"slo", "gate"};
const Keys kRun = {"name", "repeat", "seed", "warm_up", "output", "reports"};
const Keys kTaskSet = {"use", "limit"};
const Keys kLoad = {"concurrency"};
const Keys kLaterLoad = {"rate", "arrival", "duration"};
const Keys kGenerate = {"max_tokens",     "temperature",       "top_p",
                        "top_k",          "frequency_penalty", "presence_penalty",
                        "repeat_penalty", "response_format",   "stream"};
const Keys kEnergy = {"sources"};
const Keys kCost = {"electricity_usd_per_kwh", "machine_usd_per_hour"};
const Keys kBudget = {"max_cost_usd", "max_duration", "max_error_rate"};
const Keys kTimeouts = {"connect", "idle", "total"};

bool contains(const Keys& keys, std::string_view word) {
  return std::find(keys.begin(), keys.end(), word) != keys.end();
}

std::string shortest(double number) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, number).ptr);
}

// Reads tables into a PlanSpec. The first error is kept, later reads do no harm.
class Reader {
 public:
  explicit Reader(std::string_view path)
      : path_(path), directory_(std::filesystem::path(path).parent_path()) {}

  Result<PlanSpec> read(const toml::table& root) {
    check_keys(root, "the plan", kSections, kLaterSections);
    each(root, "run", [&](const toml::table& t) { read_run(t); });
    each(
        root, "target", [&](const toml::table& t) { read_target(t); }, true);
    each(
        root, "task_set", [&](const toml::table& t) { read_task_set(t); }, true);
    each(
        root, "load", [&](const toml::table& t) { read_load(t); }, true);
    each(root, "generate", [&](const toml::table& t) { read_generate(t); });
    each(root, "energy", [&](const toml::table& t) { read_energy(t); });
    each(root, "cost", [&](const toml::table& t) {
      check_keys(t, "[cost]", kCost);
      money(t, "electricity_usd_per_kwh", plan_.electricity_per_kwh);
      money(t, "machine_usd_per_hour", plan_.machine_per_hour);
    });
    each(root, "budget", [&](const toml::table& t) { read_budget(t); });
    each(root, "timeouts", [&](const toml::table& t) {
      check_keys(t, "[timeouts]", kTimeouts);
      duration(t, "connect", plan_.timeouts.connect);
      duration(t, "idle", plan_.timeouts.idle);
      duration(t, "total", plan_.timeouts.total);
    });
    if (error_) return fail(*error_);
    return std::move(plan_);
  }

 private:
  void complain(const toml::source_region& where, std::string what, std::string fix = {}) {
    if (error_) return;
    error_ = Error{ErrorKind::usage,
                   path_ + ":" + std::to_string(where.begin.line) + ": " + std::move(what), "",
                   std::move(fix)};
  }
  void wrong(const toml::node& node, std::string_view key, std::string_view wanted) {
    complain(node.source(), std::string(key) + " must be " + std::string(wanted));
  }

  void check_keys(const toml::table& table, std::string_view where, const Keys& known,
                  const Keys& later = {}) {
    for (const auto& [key, node] : table) {
      if (contains(known, key.str())) continue;
      const std::string name(key.str());
      if (contains(later, name)) {
        complain(key.source(), "\"" + name + "\" is not supported by this version", "leave it out");
      }
      complain(key.source(), "unknown key \"" + name + "\" in " + std::string(where),
               did_you_mean(name, known, "its keys are " + list(known)));
    }
  }
  static std::string list(const Keys& keys) {
    std::string out;
    for (const auto& key : keys) out += (out.empty() ? "" : ", ") + key;
    return out;
  }

  // Calls `take` with the table, or with each table of the array.
  template <class Take>
  void each(const toml::table& root, const std::string& key, Take take, bool many = false) {
    const toml::node* node = root.get(key);
    if (node == nullptr) return;
    const std::string form = many ? "tables: [[" + key + "]]" : "a table: [" + key + "]";
    if (!many) {
      const auto* table = node->as_table();
      return table != nullptr ? take(*table) : wrong(*node, key, form);
    }
    const auto* array = node->as_array();
    if (array == nullptr) return wrong(*node, key, form);
    for (const auto& entry : *array) {
      const auto* table = entry.as_table();
      if (table == nullptr) return wrong(entry, key, form);
      take(*table);
    }
  }

  void text(const toml::table& t, std::string_view key, std::string& out) {
    const toml::node* node = t.get(key);
    if (node == nullptr) return;
    const auto* value = node->as_string();
    if (value == nullptr) return wrong(*node, key, "a text in quotes");
    out = value->get();
  }
  template <class Integer>
  void integer(const toml::table& t, std::string_view key, Integer& out, std::int64_t least) {
    const toml::node* node = t.get(key);
    if (node == nullptr) return;
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < least || !std::in_range<Integer>(value->get())) {
      return wrong(*node, key, "a whole number from " + std::to_string(least));
    }
    out = static_cast<Integer>(value->get());
  }
  template <class Integer>
  void integer(const toml::table& t, std::string_view key, std::optional<Integer>& out,
               std::int64_t least) {
    if (t.get(key) != nullptr) integer(t, key, out.emplace(), least);
  }
  void number(const toml::table& t, std::string_view key, double& out, double low, double high) {
    const toml::node* node = t.get(key);
    if (node == nullptr) return;
    const auto value = node->value<double>();
    if (!node->is_number() || !value || !(*value >= low && *value <= high)) {
      return wrong(*node, key, "a number from " + shortest(low) + " to " + shortest(high));
    }
    out = *value;
  }
  void number(const toml::table& t, std::string_view key, std::optional<double>& out, double low,
              double high) {
    if (t.get(key) != nullptr) number(t, key, out.emplace(), low, high);
  }
  void duration(const toml::table& t, std::string_view key, Duration& out) {
    std::string written;
    text(t, key, written);
    if (written.empty()) {
      if (t.get(key) != nullptr) wrong(*t.get(key), key, "a duration such as \"30s\"");
      return;
    }
    const auto parsed = parse_duration(written);
    if (!parsed || *parsed <= Duration{})
      return wrong(*t.get(key), key, "a duration such as \"30s\"");
    out = *parsed;
  }
  void money(const toml::table& t, std::string_view key, std::optional<Money>& out) {
    const toml::node* node = t.get(key);
    if (node == nullptr) return;
    const auto parsed = parse_money(scalar(*node).value_or(""), kUsd);
    if (!parsed || parsed->pico < 0) return wrong(*node, key, "an amount in USD such as 0.15");
    out = *parsed;
  }
  // A TOML scalar as an option's text. 0.15 is read back as it was written: the shortest decimal
  // that gives the same double.
  static std::optional<std::string> scalar(const toml::node& node) {
    if (const auto* s = node.as_string()) return s->get();
    if (const auto* i = node.as_integer()) return std::to_string(i->get());
    if (const auto* f = node.as_floating_point()) return shortest(f->get());
    if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
    return std::nullopt;
  }
  std::string resolve(const std::string& file) const {
    const std::filesystem::path path(file);
    if (file.empty() || path.is_absolute() || directory_.empty()) return file;
    return (directory_ / path).lexically_normal().string();
  }

  void read_run(const toml::table& t) {
    check_keys(t, "[run]", kRun);
    text(t, "name", plan_.name);
    integer(t, "repeat", plan_.repeat, 1);
    integer(t, "seed", plan_.seed, 0);
    integer(t, "warm_up", plan_.warm_up, 0);
    text(t, "output", plan_.output);
    plan_.output = resolve(plan_.output);
    const toml::node* node = t.get("reports");
    if (node == nullptr) return;
    const auto* array = node->as_array();
    if (array == nullptr) return wrong(*node, "reports", "a list of file names");
    for (const auto& entry : *array) {
      const auto* file = entry.as_string();
      if (file == nullptr) return wrong(entry, "reports", "a list of file names");
      plan_.reports.push_back(resolve(file->get()));
    }
  }

  // Keys become the options of the target's text, so plan and command line know the same ones.
  void read_target(const toml::table& t) {
    Keys known = target_option_names();
    known.push_back("use");
    check_keys(t, "[[target]]", known);
    std::string use;
    text(t, "use", use);
    if (use.empty()) return complain(t.source(), "[[target]] needs use = \"...\"");
    use = resolve_target(use);
    for (const auto& [key, node] : t) {
      if (key.str() == "use") continue;
      const auto value = scalar(node);
      if (!value) return wrong(node, key.str(), "a text or a number");
      use = with_option(use, key.str(), key.str() == "api_key_file" ? resolve(*value) : *value);
    }
    auto target = parse_target(use);
    if (!target) {
      const Error& e = target.error();
      return complain(t.source(), e.what + (e.why.empty() ? "" : ": " + e.why), e.fix);
    }
    plan_.targets.push_back(std::move(*target));
  }
  std::string resolve_target(const std::string& use) const {
    constexpr std::string_view kLocal = "local:";
    if (!use.starts_with(kLocal) || use.starts_with("local:synth/")) return use;
    const std::size_t end = std::min(use.find(','), use.size());
    const std::string file = unescape_commas(use.substr(kLocal.size(), end - kLocal.size()));
    return std::string(kLocal) + escape_commas(resolve(file)) + use.substr(end);
  }

  // "table_arith:quick" is built in; a path has a slash or the ending of a file.
  void read_task_set(const toml::table& t) {
    check_keys(t, "[[task_set]]", kTaskSet);
    TaskSetSpec set;
    text(t, "use", set.use);
    if (set.use.empty()) return complain(t.source(), "[[task_set]] needs use = \"...\"");
    const bool is_path = set.use.find('/') != std::string::npos || set.use.ends_with(".json") ||
                         set.use.ends_with(".jsonl");
    if (is_path) set.use = resolve(set.use);
    integer(t, "limit", set.limit, 1);
    plan_.task_sets.push_back(std::move(set));
  }

  void read_load(const toml::table& t) {
    check_keys(t, "[[load]]", kLoad, kLaterLoad);
    LoadPoint load;
    integer(t, "concurrency", load.concurrency, 1);
    plan_.loads.push_back(load);
  }

  void read_generate(const toml::table& t) {
    check_keys(t, "[generate]", kGenerate);
    integer(t, "max_tokens", plan_.max_tokens, 1);
    number(t, "temperature", plan_.temperature, 0, 2);
    number(t, "top_p", plan_.top_p, 0, 1);
    integer(t, "top_k", plan_.top_k, 0);
    number(t, "frequency_penalty", plan_.frequency_penalty, -2, 2);
    number(t, "presence_penalty", plan_.presence_penalty, -2, 2);
    number(t, "repeat_penalty", plan_.repeat_penalty, 0.01, 100);
    text(t, "response_format", plan_.response_format);
    const toml::node* node = t.get("stream");
    if (node == nullptr) return;
    const auto* flag = node->as_boolean();
    if (flag == nullptr) return wrong(*node, "stream", "true or false");
    plan_.stream = flag->get();
  }

  void read_energy(const toml::table& t) {
    check_keys(t, "[energy]", kEnergy);
    const toml::node* node = t.get("sources");
    if (node == nullptr) return;
    const auto* array = node->as_array();
    const auto* word =
        array != nullptr && array->size() == 1 ? array->get(0)->as_string() : nullptr;
    if (word == nullptr || (word->get() != "auto" && word->get() != "off")) {
      return wrong(*node, "sources", "[\"auto\"] or [\"off\"] in this version");
    }
    plan_.energy = word->get();
  }

  void read_budget(const toml::table& t) {
    check_keys(t, "[budget]", kBudget);
    money(t, "max_cost_usd", plan_.max_cost);
    if (t.get("max_duration") != nullptr) duration(t, "max_duration", plan_.max_duration.emplace());
    number(t, "max_error_rate", plan_.max_error_rate, 0, 1);
  }

  std::string path_;
  std::filesystem::path directory_;
  PlanSpec plan_;
  std::optional<Error> error_;
};

}  // namespace

Result<PlanSpec> parse_plan(std::string_view toml, std::string_view path) {
  try {
    const toml::table root = toml::parse(toml, path);
    return Reader(path).read(root);
  } catch (const toml::parse_error& e) {
    return fail(ErrorKind::usage, std::string(path) + ":" + std::to_string(e.source().begin.line) +
                                      ": " + std::string(e.description()));
  }
}

}  // namespace pennyweight
