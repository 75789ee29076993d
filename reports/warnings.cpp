#include "reports/warnings.h"

#include <algorithm>

#include "metrics/statistics/quantiles.h"
#include "reports/pricing.h"

namespace pennyweight {
namespace {

constexpr double kMostErrors = 0.01, kMostTruncated = 0.01;  // shares of the requests
constexpr int kOldPriceDays = 180;

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
  if (!pricing.price) {
    warnings.add({"no_price", "no price is known for its day",
                  "pennyweight prices list shows the price book"},
                 pricing.rule.price_key);
    return;
  }
  if (const int unknown = cell.summary.cost_unknown_calls; unknown > 0) {
    warnings.add({"cost_lower_bound",
                  "the cost is a lower bound: " + std::to_string(unknown) +
                      " calls may be billed and their usage is unknown",
                  "compare it with the provider's bill"});
  }
  const PriceRow& price = *pricing.price;
  if (!price.verified) {
    warnings.add({"unverified_price", "the price row is not verified",
                  "check it at its source before relying on the cost"},
                 price.key());
  }
  const auto age = days_between(pricing.checked, pricing.date);
  if (age && *age > kOldPriceDays) {
    warnings.add({"old_price", "the price was checked more than 180 days before its day",
                  "check that it still holds; --price-book recomputes without a new call"},
                 price.key() + ", checked " + pricing.checked);
  }
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
  if (run.machine.sanitizer_build) {
    warnings.add({"sanitizer_build", "the program was built with a sanitizer: it was slow",
                  "measure with the release build", true});
  } else if (!run.machine.optimised_build) {
    warnings.add({"debug_build", "the program was not optimised: local figures are too slow",
                  "measure with the release build", true});
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
}

std::string warn_about_cell(const DoubtfulCell& cell, WarningList& warnings) {
  CellWarnings of_cell(cell.label, warnings);
  warn_about_answers(cell, of_cell);
  warn_about_energy(cell.summary, of_cell);
  warn_about_price(cell, of_cell);
  return of_cell.flags();
}

}  // namespace pennyweight
