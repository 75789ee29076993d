#include "reports/warnings.h"

#include <algorithm>

#include "metrics/statistics/quantiles.h"
#include "reports/pricing.h"

namespace pennyweight {
namespace {

constexpr double kMostErrors = 0.01, kMostTruncated = 0.01;  // shares of the requests
constexpr double kMostCached = 0.05;  // share of the input tokens
constexpr int kOldPriceDays = 180;
constexpr double kMostLoad = 0.5;  // a core, when a sitting begins

// "12 of 100".
std::string part_of(int part, int whole) {
  return std::to_string(part) + " of " + std::to_string(whole);
}

// A demo's models go away with it, so its run cannot go on.
std::string how_to_go_on(const RunInfo& run) {
  const std::string& line = run.command_line;
  const std::size_t word = std::min(line.find(' '), line.size());
  const bool demo = line.compare(word, 6, " demo ") == 0 || line.substr(word) == " demo";
  return demo ? "a demo is not resumed: run it again" : "run --resume goes on where it stopped";
}

int count(const Summary& summary, Outcome outcome) {
  int n = 0;
  for (const auto& [kind, number] : summary.outcomes) n += kind == outcome ? number : 0;
  return n;
}

// Collects the codes of one cell beside the warnings.
class CellWarnings {
 public:
  CellWarnings(const std::string& label, WarningList& list) : label_(label), list_(list) {}
  void add(Warning warning, const std::string& detail = {}) {
    flags_ += (flags_.empty() ? "" : ";") + warning.code;
    list_.add(std::move(warning), detail.empty() ? label_ : label_ + " (" + detail + ")");
  }
  const std::string& flags() const { return flags_; }

 private:
  const std::string& label_;
  WarningList& list_;
  std::string flags_;
};

// The share of failures above which a run is doubtful.
double most_errors(const CellInfo& cell) {
  const Value* stored = cell.target_facts.find("max_error_rate");
  return stored != nullptr && stored->real() != nullptr ? *stored->real() : kMostErrors;
}

void warn_about_truncation(const Summary& s, CellWarnings& warnings) {
  const int truncated = count(s, Outcome::truncated);
  if (truncated > 0 && truncated == s.n_requests) {
    warnings.add({"truncated", "every answer was cut at max_tokens",
                  "raise --max-tokens: the quality is that of half answers", true},
                 std::to_string(truncated));
  } else if (truncated > kMostTruncated * s.n_requests) {
    warnings.add({"truncated", "more than 1 % of the answers were cut at max_tokens",
                  "raise --max-tokens: a cut answer may have been right"},
                 part_of(truncated, s.n_requests));
  }
}

void warn_about_answers(const DoubtfulCell& cell, CellWarnings& warnings) {
  const Summary& s = cell.summary;
  if (s.n_requests == 0) {
    warnings.add(
        {"no_requests", "nothing was measured", "see the requests table, or resume the run"});
  }
  const int floor = least_samples(0.95);
  if (s.ttft_ms.n > 0 && s.ttft_ms.n < floor) {
    warnings.add({"few_samples", "too few samples for a p95, which needs " + std::to_string(floor),
                  "raise --repeat, or take a larger task set"},
                 std::to_string(s.ttft_ms.n));
  }
  const double allowed = most_errors(s.cell);
  if (s.n_failed > allowed * s.n_requests) {
    warnings.add({"error_rate",
                  "more than " + significant(100 * allowed, 3, 3) + " % of the requests failed",
                  "their times are in no figure; the requests table says why each failed"},
                 part_of(s.n_failed, s.n_requests));
  }
  if (const int unsupported = count(s, Outcome::unsupported); unsupported > 0) {
    warnings.add({"unsupported", "tasks that the target cannot take: the set counts as not run",
                  "the requests table says why; choose another target, or a longer context", true},
                 part_of(unsupported, s.n_requests));
  }
  // The best case for TTFT and tokens/s, so it must not pass for the usual one.
  if (const double cached = static_cast<double>(s.cached_tokens.value_or(0)),
      input = static_cast<double>(s.input_tokens.value_or(0));
      cached > kMostCached * input) {
    warnings.add({"cached", "prompt tokens came from a cache: times are shorter than without",
                  "compare with targets that cache alike, or switch it off (prefix_cache=off)"},
                 significant(100 * cached / input, 3, 3) + " %");
  }
  warn_about_truncation(s, warnings);
  if (const int unscored = count(s, Outcome::unscored); unscored > 0) {
    warnings.add({"unscored", "answers without a score",
                  "pennyweight report --rescore scores what is stored"},
                 std::to_string(unscored));
  }
  if (cell.n_in_flight > 0) {
    warnings.add({"in_flight", "requests were in flight when the program died",
                  "they may have been billed; run --resume asks them again"},
                 std::to_string(cell.n_in_flight));
  }
}

// A blank says itself why it is blank; a figure that is not a measurement must say so.
void warn_about_energy(const Summary& s, CellWarnings& warnings) {
  if (s.energy.state == EnergyState::measured || s.energy.state == EnergyState::unavailable) return;
  const std::string state(to_text(s.energy.state));
  warnings.add({"energy_" + state, "energy is " + state + ", not measured",
                "compare it only with care: " + s.energy.reason});
}

void warn_about_price(const DoubtfulCell& cell, CellWarnings& warnings) {
  const Pricing& pricing = cell.pricing;
  if (pricing.rule.kind != CostRule::Kind::tokens) return;
  if (!pricing.complete) {
    warnings.add({"no_price", "no price is known for its day",
                  "pennyweight prices list shows the price book"},
                 pricing.rule.price_key);
  }
  if (pricing.used.empty()) return;
  if (const int unknown = cell.summary.cost_unknown_calls; unknown > 0) {
    warnings.add({"cost_lower_bound",
                  "the cost is a lower bound: " + std::to_string(unknown) +
                      " calls may be billed and their usage is unknown",
                  "compare it with the provider's bill"});
  }
  std::string unverified, old;
  const auto join = [](std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
  };
  for (const UsedPrice& price : pricing.used) {
    const std::string key = price.row.key();
    if (!price.row.verified) join(unverified, key);
    const auto age = days_between(price.checked, price.day);
    if (age && *age > kOldPriceDays) join(old, key + ", checked " + price.checked);
  }
  if (!unverified.empty()) {
    warnings.add({"unverified_price", "the price row is not verified",
                  "check it at its source before relying on the cost"},
                 unverified);
  }
  if (!old.empty()) {
    warnings.add({"old_price", "the price was checked more than 180 days before its day",
                  "check that it still holds; --price-book recomputes without a new call"},
                 old);
  }
}

// Whether `served` is what `asked` stands for: the same name, or a dated one of it, as
// "gpt-4o-2024-08-06" is of "gpt-4o".
bool is_version_of(std::string_view served, std::string_view asked) {
  constexpr std::string_view kLatest = "-latest";
  if (served == asked) return true;
  if (asked.size() > kLatest.size() && asked.substr(asked.size() - kLatest.size()) == kLatest) {
    asked.remove_suffix(kLatest.size());
  }
  if (served.substr(0, asked.size()) != asked) return false;
  const std::string_view rest = served.substr(asked.size());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return rest.empty() || (!is_digit(rest.front()) &&
                          rest.find_first_not_of("0123456789-@:") == std::string_view::npos &&
                          std::count_if(rest.begin(), rest.end(), is_digit) >= 4);
}

void warn_about_model(const DoubtfulCell& cell, CellWarnings& warnings) {
  const CellInfo& info = cell.summary.cell;
  const Value* asked = info.target_facts.find("model");
  if (asked == nullptr || asked->text() == nullptr) return;
  std::string others;
  for (const std::string& name : cell.models_served) {
    if (!is_version_of(name, *asked->text())) others += (others.empty() ? "" : ", ") + name;
  }
  if (others.empty()) return;
  warnings.add({"other_model", "the server named another model than it was asked for",
                "check what the server runs: the figures, and the price, are those of its answers"},
               "asked for " + *asked->text() + ", got " + others);
}

// Of all sittings, or of the run where none is stored.
std::vector<Machine> machines(const RunFacts& facts) {
  std::vector<Machine> out;
  for (const Sitting& sitting : facts.sittings) out.push_back(machine_of(facts, sitting));
  if (out.empty()) out.push_back(facts.run.machine);
  return out;
}

void warn_about_build(const Machine& machine, WarningList& warnings) {
  if (machine.sanitizer_build) {
    warnings.add({"sanitizer_build", "the program was built with a sanitizer: it was slow",
                  "measure with the release build", true});
  } else if (!machine.optimised_build) {
    warnings.add({"debug_build", "the program was not optimised: local figures are too slow",
                  "measure with the release build", true});
  }
}

// Before the first request nothing of ours runs; half the cores leave room for what always does.
void warn_about_load(const Machine& machine, WarningList& warnings) {
  const int cores = std::max(machine.cores_online, machine.cores_allowed);
  const double load = machine.load_average_1m.value_or(0);
  if (cores == 0 || load <= cores * kMostLoad) return;
  warnings.add({"busy_machine",
                "the machine was busy at the start: latencies and energy may include other work",
                "stop what else runs, wait a minute and measure again"},
               "load " + significant(load, 3, 2) + " on " + std::to_string(cores) + " cores");
}

// "sitting 1 (cpu_model, kernel)"; empty where all is the same.
std::string changes(const RunFacts& facts) {
  const std::vector<Machine> all = machines(facts);
  std::string out;
  for (std::size_t i = 1; i < all.size(); ++i) {
    std::string names;
    for (const std::string& name : differences(all[0], all[i])) {
      names += (names.empty() ? "" : ", ") + name;
    }
    if (names.empty()) continue;
    out += (out.empty() ? "" : "; ") + std::string("sitting ") +
           std::to_string(facts.sittings[i].number) + " (" + names + ")";
  }
  return out;
}

}  // namespace

void WarningList::add(Warning warning, std::string about) {
  auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& other) {
    return other.warning.code == warning.code && other.warning.what == warning.what;
  });
  if (entry == entries_.end()) entry = entries_.insert(entry, Entry{std::move(warning), {}});
  if (about.empty()) return;
  if (std::find(entry->about.begin(), entry->about.end(), about) == entry->about.end()) {
    entry->about.push_back(std::move(about));
  }
}

std::vector<Warning> WarningList::take() {
  std::vector<Warning> out;
  for (Entry& entry : entries_) {
    const char* separator = ": ";
    for (const std::string& about : entry.about) {
      entry.warning.what += separator + about;
      separator = ", ";
    }
    out.push_back(std::move(entry.warning));
  }
  entries_.clear();
  std::stable_partition(out.begin(), out.end(), [](const Warning& w) { return w.severe; });
  return out;
}

void warn_about_run(const RunFacts& facts, WarningList& warnings) {
  const RunInfo& run = facts.run;
  for (const Machine& machine : machines(facts)) {
    warn_about_build(machine, warnings);
    warn_about_load(machine, warnings);
  }
  if (run.status == RunStatus::running) {
    warnings.add(
        {"unfinished", "the run is still going on, or the program died", how_to_go_on(run), true},
        run.name);
  } else if (run.status != RunStatus::complete) {
    std::string status(to_text(run.status));
    std::replace(status.begin(), status.end(), '_', ' ');
    warnings.add(
        {"unfinished", "the run did not end by itself (" + status + ")", how_to_go_on(run), true},
        run.name);
  }
  if (facts.sittings.size() > 1) {
    warnings.add({"resumed",
                  "the run was measured in " + std::to_string(facts.sittings.size()) + " sittings",
                  "drift between sittings is not cancelled by interleaving"},
                 run.name);
  }
  if (const std::string changed = changes(facts); !changed.empty()) {
    warnings.add(
        {"another_machine", "a later sitting ran on another machine or program than the first",
         "its figures are mixed with those of the first: measure again in one place"},
        changed);
  }
}

std::string warn_about_cell(const DoubtfulCell& cell, WarningList& warnings) {
  CellWarnings of_cell(cell.label, warnings);
  warn_about_answers(cell, of_cell);
  warn_about_energy(cell.summary, of_cell);
  warn_about_price(cell, of_cell);
  warn_about_model(cell, of_cell);
  return of_cell.flags();
}

}  // namespace pennyweight
