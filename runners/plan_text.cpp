#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "local_backend/grammar/json_schema.h"
#include "metrics/base/units.h"
#include "runners/option_list.h"
#include "runners/plan.h"

namespace pennyweight {
namespace {

std::string toml_string(std::string_view text) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string number(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// In the largest unit that divides it.
std::string duration_text(Duration d) {
  const std::int64_t ns = d.count();
  for (const auto& [unit, size] : {std::pair<const char*, std::int64_t>{"s", 1'000'000'000},
                                   {"ms", 1'000'000},
                                   {"us", 1'000}}) {
    if (ns % size == 0) return std::to_string(ns / size) + unit;
  }
  return std::to_string(ns) + "ns";
}

class Writer {
 public:
  void table(std::string_view name) { heading_ = "[" + std::string(name) + "]\n"; }
  void entry(std::string_view name) {
    table("[" + std::string(name) + "]");
    begin();
  }
  void raw(std::string_view key, const std::string& value) {
    begin();
    out_ += std::string(key) + " = " + value + "\n";
  }
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) raw(key, toml_string(value));
  }
  void money(std::string_view key, const std::optional<Money>& value) {
    if (value) raw(key, toml_string(money_text(*value)));
  }
  template <class T>
  void integer(std::string_view key, const std::optional<T>& value) {
    if (value) raw(key, std::to_string(*value));
  }
  void real(std::string_view key, const std::optional<double>& value) {
    if (value) raw(key, number(*value));
  }
  std::string take() { return std::move(out_); }

 private:
  // A heading is written with its first key: no empty tables.
  void begin() { out_ += std::exchange(heading_, {}); }
  std::string out_, heading_;
};

void write_target(const TargetSpec& target, Writer& w) {
  w.entry("target");
  const bool simulated = target.scheme == TargetScheme::simulated;
  w.text("use", simulated ? "sim:" : target.use.substr(0, target.use.find(',')));
  for (const auto& [key, value] : target.options) w.raw(key, toml_string(value));
}

void write_generate(const PlanSpec& plan, Writer& w) {
  w.table("generate");
  w.integer("max_tokens", plan.max_tokens);
  w.real("temperature", plan.temperature);
  w.real("top_p", plan.top_p);
  w.integer("top_k", plan.top_k);
  w.real("frequency_penalty", plan.frequency_penalty);
  w.real("presence_penalty", plan.presence_penalty);
  w.real("repeat_penalty", plan.repeat_penalty);
  w.text("response_format", plan.response_format);
  w.raw("stream", plan.stream ? "true" : "false");
}

}  // namespace

std::string to_toml(const PlanSpec& plan) {
  Writer w;
  w.table("run");
  w.text("name", plan.name);
  w.raw("repeat", std::to_string(plan.repeat));
  w.raw("seed", std::to_string(plan.seed));
  w.raw("warm_up", std::to_string(plan.warm_up));
  w.text("output", plan.output);
  std::string reports;
  for (const auto& file : plan.reports)
    reports += (reports.empty() ? "" : ", ") + toml_string(file);
  if (!reports.empty()) w.raw("reports", "[" + reports + "]");
  for (const auto& target : plan.targets) write_target(target, w);
  for (const auto& set : plan.task_sets) {
    w.entry("task_set");
    w.text("use", set.use);
    w.integer("limit", set.limit);
  }
  for (const auto& load : plan.loads) {
    w.entry("load");
    w.raw("concurrency", std::to_string(load.concurrency));
  }
  write_generate(plan, w);
  w.table("energy");
  w.raw("sources", "[" + toml_string(plan.energy) + "]");
  w.table("cost");
  w.money("electricity_usd_per_kwh", plan.electricity_per_kwh);
  w.money("machine_usd_per_hour", plan.machine_per_hour);
  w.table("budget");
  w.money("max_cost_usd", plan.max_cost);
  if (plan.max_duration) w.text("max_duration", duration_text(*plan.max_duration));
  w.raw("max_error_rate", number(plan.max_error_rate));
  w.table("timeouts");
  w.text("connect", duration_text(plan.timeouts.connect));
  w.text("idle", duration_text(plan.timeouts.idle));
  w.text("total", duration_text(plan.timeouts.total));
  return w.take();
}

std::string example_plan() {
  return R"(# A plan for `pennyweight run PLAN.toml`: every target answers the same task sets.
# It runs as it stands, on two models made for the purpose; put your own in their place.

[run]
name = "first"              # appears in reports
repeat = 1                  # how often each task is asked
seed = 1                    # order, selection and sampling follow from it
warm_up = 2                 # requests before the measured ones; never in a figure
# output = "first.db"       # default: ./pennyweight-<UTC>-<id>.db
reports = ["first.csv", "first.md"]   # also .xlsx and .json

# A target is the system under test. `use` says what and where:
#   local:models/tinyllama-1.1b.Q4_0.gguf  a GGUF file, run here
#   openai:gpt-4o-mini                     key from OPENAI_API_KEY
#   http://127.0.0.1:8080/v1#NAME          any OpenAI-compatible server; no key unless
#                                          api_key_env or api_key_file names its place
#   sim:ttft=200ms,tpot=20ms               made-up times, to try a plan
[[target]]
use = "local:synth/tiny:Q4_0"
name = "small"              # shown in tables
# threads = 4
# ctx = 4096

[[target]]
use = "local:synth/small:F16"
name = "large"
# price = "openai/gpt-4o-mini"   # a row of `pennyweight prices list`
# illustrative = true            # when the price is of another model

# A task set is a built-in name (`pennyweight tasks list`), a taskset.json or a .jsonl file.
[[task_set]]
use = "table_arith"
limit = 25                  # a fixed sample; leave it out for all tasks

[[load]]
concurrency = 1             # requests in flight

[generate]
max_tokens = 64             # overrides the task set's own
temperature = 0

[energy]
sources = ["auto"]          # or ["off"]

[cost]                      # of targets on this machine
machine_usd_per_hour = 0.40
electricity_usd_per_kwh = 0.15

[budget]
# max_cost_usd = 2.00       # sending stops before this is passed
# max_duration = "30m"
max_error_rate = 0.01       # more failures than this: exit status 5

[timeouts]
connect = "5s"
idle = "120s"               # no byte for so long
total = "600s"
)";
}

namespace {

// What the targets of this machine will be asked for; a server's own limits are the server's to
// say.
Result<void> check_response_format(const PlanSpec& plan) {
  const std::string& format = plan.response_format;
  if (format.empty() || format == "json_object") return {};
  if (!format.starts_with('{'))
    return fail(ErrorKind::usage, "the response format is \"" + format.substr(0, 40) + "\"", "",
                "json_object, or the text of a JSON schema");
  const bool local = std::ranges::any_of(
      plan.targets, [](const auto& target) { return target.scheme == TargetScheme::local; });
  if (!local) return {};
  const auto grammar = llm::grammar_of_json_schema(format);
  return grammar ? Result<void>() : fail(grammar.error());
}

}  // namespace

Result<void> check_plan(const PlanSpec& plan) {
  const auto bad = [](std::string what, std::string fix) {
    return fail(ErrorKind::usage, std::move(what), "", std::move(fix));
  };
  if (plan.targets.empty()) return bad("no target is named", "add --target, or [[target]]");
  if (plan.task_sets.empty()) return bad("no task set is named", "add --task-set, or [[task_set]]");
  std::set<std::string> names;
  for (const auto& target : plan.targets) {
    if (!names.insert(target.name).second) {
      return bad("two targets are named \"" + target.name + "\"", "give one of them a name=");
    }
  }
  std::set<std::string> sets;
  for (const auto& set : plan.task_sets) {
    if (!sets.insert(set.use).second) return bad("task set \"" + set.use + "\" is named twice", "");
    if (set.limit && *set.limit == 0) return bad("a limit of 0 tasks leaves nothing to ask", "");
  }
  std::set<int> loads;
  for (const auto& load : plan.loads) {
    if (load.concurrency < 1) return bad("concurrency must be 1 or more", "");
    if (!loads.insert(load.concurrency).second) return bad("one load point is given twice", "");
  }
  if (plan.repeat < 1) return bad("repeat must be 1 or more", "");
  if (plan.warm_up < 0) return bad("warm-up must be 0 or more", "");
  if (plan.seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return bad("the seed must be below 2^63", "");
  }
  if (plan.max_tokens && *plan.max_tokens < 1) return bad("max-tokens must be 1 or more", "");
  const auto outside = [](double x, double low, double high) { return !(x >= low && x <= high); };
  if (outside(plan.temperature.value_or(0), 0, 2)) return bad("temperature is from 0 to 2", "");
  if (outside(plan.top_p.value_or(1), 0, 1)) return bad("top-p is from 0 to 1", "");
  if (plan.top_k.value_or(0) < 0) return bad("top-k must be 0 or more", "");
  for (const auto& penalty : {plan.frequency_penalty, plan.presence_penalty})
    if (outside(penalty.value_or(0), -2, 2)) return bad("a penalty is from -2 to 2", "");
  if (outside(plan.repeat_penalty.value_or(1), 0.01, 100))
    return bad("repeat-penalty is from 0.01 to 100", "1 is none");
  if (auto checked = check_response_format(plan); !checked) return checked;
  if (outside(plan.max_error_rate, 0, 1)) return bad("the error rate is a share from 0 to 1", "");
  if (plan.max_cost && plan.max_cost->pico < 0) return bad("the cost cap is below 0", "");
  if (plan.energy != "auto" && plan.energy != "off") {
    return bad("\"" + plan.energy + "\" is no energy source of this version", "auto or off");
  }
  return {};
}

}  // namespace pennyweight
