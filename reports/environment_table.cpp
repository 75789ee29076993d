#include "reports/environment_table.h"

#include <set>

#include "reports/summary_table.h"

namespace pennyweight {
namespace {

class Section {
 public:
  Section(Table& table, const std::string& run_id, std::string name)
      : table_(table), run_id_(run_id), name_(std::move(name)) {}
  void add(const std::string& key, const std::string& value, const std::string& unit = {}) {
    if (value.empty()) return;
    table_.rows.push_back(
        {kSchemaVersion, run_id_, name_, key, value, unit.empty() ? Cell() : Cell(unit)});
  }
  // Nested maps as "engine.threads"; lists as JSON.
  void add(const std::string& key, const Value& value) {
    if (const Value::Map* map = value.map()) {
      for (const auto& [name, inner] : *map) add(key.empty() ? name : key + "." + name, inner);
    } else if (const std::string* text = value.text()) {
      add(key, *text);
    } else if (!value.is_null()) {
      add(key, to_json(value));
    }
  }

 private:
  Table& table_;
  const std::string& run_id_;
  std::string name_;
};

void add_run(const RunFacts& facts, Table& table) {
  const RunInfo& run = facts.run;
  Section section(table, run.run_id, "run");
  section.add("name", run.name);
  section.add("started_at_utc", std::string(utc_text(run.started).text));
  section.add("status", std::string(to_text(run.status)));
  section.add("sittings", std::to_string(facts.sittings.size()));
  section.add("seed", std::to_string(run.seed));
  section.add("program_version", run.program_version);
  section.add("program_commit", run.program_commit);
  section.add("build_type", run.build_type);
  section.add("command_line", run.command_line);
  section.add("plan", run.plan_toml);
}

// A run of one sitting says all this itself.
void add_sittings(const RunFacts& facts, Table& table) {
  if (facts.sittings.size() < 2) return;
  Section section(table, facts.run.run_id, "sitting");
  for (const Sitting& sitting : facts.sittings) {
    const std::string number = std::to_string(sitting.number);
    if (!sitting.clock_pairs.empty()) {
      section.add(number + ".started_at_utc",
                  std::string(utc_text(sitting.clock_pairs.front().realtime).text));
    }
    section.add(number + ".program_version", sitting.program_version);
    section.add(number + ".program_commit", sitting.program_commit);
    section.add(number + ".machine", to_value(machine_of(facts, sitting)));
    section.add(number + ".energy", sitting.energy_notes);
  }
}

void add_targets(const RunFacts& facts, Table& table) {
  std::set<std::string> targets, sets;
  for (const CellInfo& cell : facts.cells) {
    if (targets.insert(cell.target).second) {
      Section target(table, facts.run.run_id, "target");
      target.add(cell.target + ".kind", cell.target_kind);
      target.add(cell.target, cell.target_facts);
      const auto served = facts.models_served.find(cell.target);
      if (served != facts.models_served.end()) {
        std::string names;
        for (const std::string& name : served->second) names += (names.empty() ? "" : ", ") + name;
        target.add(cell.target + ".model_served", names);
      }
    }
    if (sets.insert(cell.task_set_sha256).second) {
      Section(table, facts.run.run_id, "task_set")
          .add(cell.task_set + ".sha256", "sha256:" + cell.task_set_sha256);
    }
  }
}

void add_prices(const RunFacts& facts, Table& table) {
  Section section(table, facts.run.run_id, "price");
  for (const PriceRow& row : facts.prices) {
    const std::string key = row.key() + "@" + row.effective_from;
    const auto add = [&](const char* name, const std::optional<Money>& price) {
      if (!price) return;
      section.add(key + name, money_text(*price),
                  std::string(price->currency.text()) + " per 1M tokens");
    };
    add(".input", row.input_per_1m);
    add(".cached_input", row.cached_input_per_1m);
    add(".cache_write", row.cache_write_per_1m);
    add(".output", row.output_per_1m);
    section.add(key + ".source", row.source);
    section.add(key + ".verified", std::string(row.verified ? "yes" : "no"));
  }
}

void add_energy(const RunFacts& facts, Table& table) {
  Section section(table, facts.run.run_id, "energy");
  for (const EnergySourceInfo& source : facts.energy_sources) {
    section.add(source.id + ".name", source.name);
    section.add(source.id + ".state", std::string(to_text(source.state)));
    section.add(source.id + ".counted", std::string(source.counted ? "yes" : "no"));
    section.add(source.id + ".reason", source.reason);
  }
  section.add("", facts.run.energy_notes);
}

}  // namespace

const Machine& machine_of(const RunFacts& facts, const Sitting& sitting) {
  const bool recorded = !differences(sitting.machine, Machine()).empty();
  return recorded ? sitting.machine : facts.run.machine;
}

Table environment_table() {
  Table table;
  table.name = "environment";
  table.title = "What was measured, and on what";
  const auto text = [&](const char* key, const char* description) {
    table.columns.push_back({key, key, CellType::text, 0, description, 0});
  };
  table.columns.push_back(
      {"schema_version", "schema", CellType::integer, 0, "version of the tables' columns", 0});
  text("run_id", "UUIDv7 of the run");
  text("section", "run, machine, sitting, target, task_set, price or energy");
  text("key", "name of the fact; dots separate levels");
  text("value", "the fact");
  text("unit", "its unit, where it has one");
  return table;
}

void add_environment(const RunFacts& facts, Table& table) {
  add_run(facts, table);
  Section(table, facts.run.run_id, "machine").add("", to_value(facts.run.machine));
  add_sittings(facts, table);
  add_targets(facts, table);
  add_prices(facts, table);
  add_energy(facts, table);
}

}  // namespace pennyweight
