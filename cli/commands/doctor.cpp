#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "local_backend/kernels/kernels.h"
#include "metrics/base/clock.h"
#include "metrics/base/file_io.h"
#include "metrics/base/text_template.h"
#include "metrics/energy/meter.h"
#include "metrics/machine.h"
#include "metrics/price_book.h"
#include "reports/report.h"

namespace pennyweight {
namespace {

enum class Health { ok, warn, fail };

struct Check {
  std::string name;
  Health health = Health::ok;
  std::string found, fix;
};

const char* word(Health health) {
  return health == Health::ok ? "ok" : health == Health::warn ? "warn" : "fail";
}

Check build_check() {
  const BuildInfo& build = build_info();
  const std::string found =
      fmt::format("{} ({}, {}, {})", build.version, build.commit, build.compiler, build.build_type);
  if (build.sanitizer || !build.optimised) {
    return {"build", Health::warn, found + ": times of this build mean nothing",
            "build with ./bootstrap build"};
  }
  return {"build", Health::ok, found, ""};
}

Check kernels_check() {
  const llm::KernelTable* table = llm::kernels("auto");
  const std::string name(table->name);
  if (name == "portable") {
    return {"kernels", Health::warn, "portable: this CPU has no AVX2, local speed will be low", ""};
  }
  return {"kernels", Health::ok, name, ""};
}

Check cpu_check(const Machine& machine) {
  std::string found = fmt::format("{}, {} of {} cores allowed", machine.cpu_model,
                                  machine.cores_allowed, machine.cores_online);
  if (!machine.hypervisor.empty()) found += ", virtual machine";
  if (!machine.governor.empty() && machine.governor != "performance") {
    return {"cpu", Health::warn, found + ", governor " + machine.governor,
            "for steady times: cpupower frequency-set -g performance"};
  }
  return {"cpu", Health::ok, found, ""};
}

Check memory_check(const Machine& machine) {
  const double gib = static_cast<double>(machine.memory_bytes) / (1 << 30);
  return {"memory", machine.memory_bytes == 0 ? Health::warn : Health::ok,
          fmt::format("{:.1f} GiB", gib), ""};
}

Check energy_check() {
  const SteadyClock clock;
  const auto meter = EnergyMeter::discover("/sys", clock);
  if (!meter->why_none().empty()) {
    return {"energy", Health::warn, "unavailable: " + meter->why_none(), ""};
  }
  std::string found;
  for (const EnergySourceInfo& source : meter->sources()) {
    if (source.counted) found += (found.empty() ? "" : ", ") + source.id + " " + source.name;
  }
  return {"energy", Health::ok, found, ""};
}

Check key_check() {
  const char* key = std::getenv("OPENAI_API_KEY");
  if (key == nullptr || *key == '\0') {
    return {"keys", Health::ok, "OPENAI_API_KEY is not set",
            "needed only for openai: targets; export it, or name api_key_file in the plan"};
  }
  return {"keys", Health::ok,
          fmt::format("OPENAI_API_KEY is set ({} characters)", std::string(key).size()), ""};
}

Check directory_check() {
  if (auto writable = probe_writable("./pennyweight-doctor-probe.db"); !writable) {
    return {"directory", Health::fail, writable.error().what,
            "change to a directory you can write to"};
  }
  std::error_code ignored;
  const auto space = std::filesystem::space(".", ignored);
  const double gib = static_cast<double>(space.available) / (1 << 30);
  if (gib < 0.5)
    return {"directory", Health::warn, fmt::format("{:.1f} GiB free", gib), "make room"};
  return {"directory", Health::ok, fmt::format("writable, {:.0f} GiB free", gib), ""};
}

Check prices_check() {
  const PriceBook& book = PriceBook::embedded();
  return {"prices", Health::ok,
          fmt::format("{} rows, newest check {}", book.rows().size(), book.as_of()), ""};
}

Result<ExitStatus> doctor(bool json) {
  const Machine machine = Machine::detect();
  const std::vector<Check> checks{build_check(),         cpu_check(machine), kernels_check(),
                                  memory_check(machine), energy_check(),     key_check(),
                                  prices_check(),        directory_check()};
  bool failed = false;
  Value::List list;
  std::vector<std::vector<std::string>> rows{{"check", "state", "found"}};
  for (const Check& check : checks) {
    failed = failed || check.health == Health::fail;
    rows.push_back({check.name, word(check.health), check.found});
    if (!check.fix.empty()) rows.push_back({"", "", "fix: " + check.fix});
    list.emplace_back(Value::Map{{"check", check.name},
                                 {"state", word(check.health)},
                                 {"found", check.found},
                                 {"fix", check.fix}});
  }
  if (json) {
    print_text(to_json(Value(std::move(list)), JsonStyle::indented) + "\n");
  } else {
    print_columns(rows);
  }
  return failed ? ExitStatus::preflight : ExitStatus::ok;
}

}  // namespace

void add_doctor(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("doctor", "Is this machine ready, and what can it measure?");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "As JSON");
  command->callback([json, &chosen] { chosen = [json] { return doctor(*json); }; });
}

}  // namespace pennyweight
