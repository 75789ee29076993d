#include "reports/report.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "metrics/measured_requests.h"
#include "metrics/outcome.h"
#include "reports/dictionary_table.h"
#include "reports/environment_table.h"
#include "reports/pricing.h"
#include "reports/ratio_line.h"
#include "reports/requests_table.h"
#include "reports/rescore.h"
#include "reports/summary_table.h"
#include "reports/warnings.h"

namespace pennyweight {
namespace {

// What one run holds, read once for all its cells.
struct RunContent {
  RunFacts facts;
  std::map<std::string, std::vector<StoredScore>> scores;  // by cell
  std::optional<EnergyLedger> energy;
  std::string no_energy;  // why there is no ledger
  std::optional<Rescorer> rescorer;
  std::int64_t n_requests = 0;  // numbered so far
};

// A cell's records, and the attempts that ended its measured requests.
struct CellRecords {
  std::vector<RequestRecord> all;
  std::vector<const RequestRecord*> final_attempts;
  std::set<std::string> models_served;
};

Result<CellRecords> read_records(StoreReader& store, const CellInfo& cell,
                                 const std::string& run_id) {
  CellRecords out;
  auto read = store.for_each_record(run_id, cell.cell_id, [&](const RequestRecord& record) {
    out.all.push_back(record);
    if (!record.model_served.empty()) out.models_served.insert(record.model_served);
    return true;
  });
  if (!read) return fail(read.error());
  for (const MeasuredRequest& request : measured_requests(out.all)) {
    out.final_attempts.push_back(&request.last());
  }
  return out;
}

std::string text_fact(const CellInfo& cell, std::string_view key) {
  const Value* value = cell.target_facts.find(key);
  return value != nullptr && value->text() != nullptr ? *value->text() : "";
}

bool on_this_machine(const CellInfo& cell) {
  const Value* value = cell.target_facts.find("on_this_machine");
  if (value != nullptr && value->boolean() != nullptr) return *value->boolean();
  return cell.target_kind == "local";
}

CellFacts facts_of(const CellInfo& cell, const CellRecords& records) {
  CellFacts facts;
  facts.quantization = text_fact(cell, "quantization");
  std::set<std::string> tasks;
  for (const RequestRecord* record : records.final_attempts) {
    if (is_unfinished(record->failure)) continue;
    tasks.insert(record->task_id);
    facts.n_timeout += record->failure == Failure::timeout ? 1 : 0;
    if (facts.model_served.empty()) facts.model_served = record->model_served;
  }
  facts.n_tasks = static_cast<int>(tasks.size());
  return facts;
}

using ScoreOf = std::map<std::pair<std::string, int>, const StoredScore*>;  // task, repeat

// A blank without a reason reads as a fault of the program.
void add_blanks(const SummaryRow& row, const std::vector<Cell>& cells, const std::string& label,
                Table& table) {
  std::map<std::string_view, std::string_view> reasons;
  for (const auto& [column, reason] : row.summary.blanks) reasons[column] = reason;
  reasons["price_basis"] = reasons["cost_usd_total"];
  if (row.summary.n_requests == 0) {
    for (const char* rate : {"error_rate", "retry_rate", "truncated_rate", "unparsed_rate",
                             "refused_rate", "empty_rate"}) {
      reasons[rate] = "no request was measured";
    }
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string& key = table.columns[i].key;
    if (!std::holds_alternative<std::monostate>(cells[i]) || reasons[key].empty()) continue;
    table.blanks.push_back({key, label, std::string(reasons[key])});
  }
}

class ReportBuilder {
 public:
  ReportBuilder(StoreReader& store, const ReportOptions& options)
      : store_(store), options_(options) {}

  Result<Report> build() {
    auto runs = store_.runs();
    if (!runs) return fail(runs.error());
    if (runs->empty()) {
      return fail(ErrorKind::invalid_input, "the store holds no run", "nothing was measured yet",
                  "pennyweight run makes one");
    }
    several_ = runs->size() > 1;
    report_.title = runs->back().name.empty() ? "Pennyweight" : "Pennyweight: " + runs->back().name;
    report_.database = options_.database;
    report_.started = runs->back().started;
    report_.summary = summary_table(several_);
    report_.requests = requests_table(options_.answers);
    report_.environment = environment_table();
    for (RunInfo& run : *runs) {
      if (auto added = add_run(std::move(run)); !added) return fail(added.error());
    }
    add_choices();
    report_.warnings = warnings_.take();
    const std::array<const Table*, 3> tables{&report_.summary, &report_.requests,
                                             &report_.environment};
    report_.dictionary = dictionary_table(tables);
    return std::move(report_);
  }

 private:
  Result<RunContent> read(RunInfo run) {
    RunContent out;
    const std::string id = run.run_id;
    out.facts.run = std::move(run);
    const auto take = [](auto result, auto& into) -> Result<void> {
      if (!result) return fail(result.error());
      into = std::move(*result);
      return {};
    };
    std::vector<StoredScore> scores;
    std::vector<EnergySample> samples;
    if (auto r = take(store_.cells(id), out.facts.cells); !r) return fail(r.error());
    if (auto r = take(store_.sittings(id), out.facts.sittings); !r) return fail(r.error());
    if (auto r = take(store_.prices(id), out.facts.prices); !r) return fail(r.error());
    if (auto r = take(store_.scores(id), scores); !r) return fail(r.error());
    if (auto r = take(store_.energy_sources(id), out.facts.energy_sources); !r)
      return fail(r.error());
    if (auto r = take(store_.energy_samples(id), samples); !r) return fail(r.error());
    for (StoredScore& score : scores) out.scores[score.cell_id].push_back(std::move(score));
    const Value* none = out.facts.run.energy_notes.find("why_none");
    if (none != nullptr && none->text() != nullptr) out.no_energy = *none->text();
    if (out.no_energy.empty() || !samples.empty())
      out.energy.emplace(out.facts.energy_sources, samples);
    if (options_.rescore) {
      const auto tasks = store_.tasks(id);
      if (!tasks) return fail(tasks.error());
      auto rescorer = Rescorer::open(*tasks);
      if (!rescorer) return fail(rescorer.error());
      out.rescorer = std::move(*rescorer);
    }
    return out;
  }

  Result<void> add_run(RunInfo run) {
    auto content = read(std::move(run));
    if (!content) return fail(content.error());
    add_header(content->facts);
    warn_about_run(content->facts, warnings_);
    std::vector<Summary> summaries;
    for (const CellInfo& cell : content->facts.cells) {
      auto summary = add_cell(*content, cell);
      if (!summary) return fail(summary.error());
      summaries.push_back(std::move(*summary));
    }
    add_environment(content->facts, report_.environment);
    for (std::string& line : ratio_lines(summaries, when(content->facts.run))) {
      report_.comparisons.push_back(std::move(line));
    }
    return {};
  }

  Result<Summary> add_cell(RunContent& content, const CellInfo& cell) {
    const RunInfo& run = content.facts.run;
    auto records = read_records(store_, cell, run.run_id);
    if (!records) return fail(records.error());
    content.facts.models_served[cell.target].insert(records->models_served.begin(),
                                                    records->models_served.end());
    auto pricing = price_cell(content.facts, cell, records->all, options_);
    if (!pricing) return fail(pricing.error());
    std::vector<StoredScore>& scores = content.scores[cell.cell_id];
    if (content.rescorer) {
      scores = content.rescorer->score(cell, records->final_attempts, scores);
    }
    ScoreOf score_of;
    for (const StoredScore& score : scores) score_of[{score.task_id, score.repeat}] = &score;

    SummaryInput input;
    input.cell = cell;
    input.records = records->all;
    input.scores = scores;
    const bool here = on_this_machine(cell);
    input.energy = here && content.energy ? &*content.energy : nullptr;
    input.no_energy_reason = here ? content.no_energy : "not measurable from here";
    input.cost_rule = pricing->rule;
    input.price_of = [&](const RequestRecord& record) {
      return pricing->of_day(price_day(content.facts, record, options_));
    };
    Summary summary = summarize(input);
    add_summary(content.facts, summary, facts_of(cell, *records), *records, *pricing);
    add_assumption(summary, *pricing);
    if (options_.requests) add_requests(content, cell, *records, score_of, *pricing);
    return summary;
  }

  void add_summary(const RunFacts& facts, const Summary& summary, const CellFacts& cell_facts,
                   const CellRecords& records, const Pricing& pricing) {
    const std::string label = label_of(facts, summary.cell);
    const auto& finals = records.final_attempts;
    const auto in_flight = std::count_if(finals.begin(), finals.end(), [](const auto* record) {
      return record->failure == Failure::in_flight;
    });
    const DoubtfulCell doubtful{label, summary, pricing, records.models_served,
                                static_cast<int>(in_flight)};
    const SummaryRow row{facts.run, summary, cell_facts, pricing,
                         warn_about_cell(doubtful, warnings_)};
    std::vector<Cell> cells = summary_cells(row);
    add_blanks(row, cells, label, report_.summary);
    report_.summary.rows.push_back(std::move(cells));
  }

  void add_requests(RunContent& content, const CellInfo& cell, const CellRecords& records,
                    const ScoreOf& scores, const Pricing& pricing) {
    const std::set<const RequestRecord*> finals(records.final_attempts.begin(),
                                                records.final_attempts.end());
    for (const RequestRecord& record : records.all) {
      RequestRow row{cell, record};
      row.number = ++content.n_requests;
      row.final_attempt = finals.count(&record) > 0 && !is_unfinished(record.failure);
      for (const Sitting& sitting : content.facts.sittings) {
        if (sitting.number == record.sitting) row.sitting = &sitting;
      }
      const auto score = scores.find({record.task_id, record.repeat});
      if (row.final_attempt && score != scores.end()) row.score = score->second;
      const PriceRow* price = pricing.of_day(price_day(content.facts, record, options_));
      if (price != nullptr) row.cost = token_cost(record.usage, *price);
      report_.requests.rows.push_back(request_cells(row, options_.answers));
    }
  }

  // As short as tells the rows of the file apart.
  std::string label_of(const RunFacts& facts, const CellInfo& cell) const {
    bool sets = false, loads = false;
    for (const CellInfo& other : facts.cells) {
      sets = sets || other.task_set != cell.task_set;
      loads = loads || other.load_point != cell.load_point;
    }
    std::string label = cell.target;
    if (sets) label += " " + cell.task_set;
    if (loads) label += " " + cell.load_point;
    if (several_) label += " of " + when(facts.run);
    return label;
  }

  // Empty where the file holds one run.
  std::string when(const RunInfo& run) const {
    return several_ ? std::string(utc_text(run.started).text) : std::string();
  }

  void add_assumption(const Summary& summary, const Pricing& pricing) {
    std::string line = in_words(summary.cell.target, pricing);
    const bool wanted = pricing.rule.kind == CostRule::Kind::machine &&
                        pricing.rule.machine.electricity_per_kwh.has_value();
    if (wanted && summary.energy.state == EnergyState::unavailable) {
      line += "; electricity not included: energy is unavailable";
    }
    for (const std::string& said : report_.assumptions) {
      if (said == line) return;
    }
    report_.assumptions.push_back(line);
  }

  void add_header(const RunFacts& facts) {
    const RunInfo& run = facts.run;
    const Machine& m = run.machine;
    std::string status(to_text(run.status));
    report_.header.emplace_back(
        "Run", fmt::format("{}, {}, {}", utc_text(run.started).text, status, run.run_id));
    std::string machine = m.cpu_model.empty() ? "unknown processor" : m.cpu_model;
    if (m.cores_allowed > 0) machine += fmt::format(", {} cores", m.cores_allowed);
    if (m.memory_bytes > 0) {
      machine += fmt::format(", {:.1f} GiB", static_cast<double>(m.memory_bytes) / (1 << 30));
    }
    if (!m.hypervisor.empty()) machine += ", virtual (" + m.hypervisor + ")";
    if (!m.kernel.empty()) machine += ", " + m.kernel;
    report_.header.emplace_back("Machine", machine);
    std::string program = "pennyweight " + run.program_version;
    if (!run.program_commit.empty()) program += " (" + run.program_commit + ")";
    report_.header.emplace_back("Program", program + ", " + run.build_type);
  }

  // What differs from the stored opinions must be seen before the figures.
  void add_choices() {
    report_.header.emplace_back("Prices", prices_in_words(options_));
    if (options_.rescore) {
      report_.header.emplace_back("Scores", "recomputed from the stored answers by this program");
    }
  }

  StoreReader& store_;
  const ReportOptions& options_;
  bool several_ = false;
  Report report_;
  WarningList warnings_;
};

}  // namespace

const Table* Report::table(std::string_view name) const {
  for (const Table* table : {&summary, &requests, &environment, &dictionary}) {
    if (table->name == name) return table;
  }
  return nullptr;
}

Result<Report> build_report(StoreReader& store, const ReportOptions& options) {
  if (auto valid = check_price_date(options); !valid) return fail(valid.error());
  return ReportBuilder(store, options).build();
}

}  // namespace pennyweight
