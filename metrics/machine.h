// What the rows were measured on. Detection never fails; what cannot be found is empty.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight {

struct Machine {
  std::string cpu_model, cpu_flags;         // flags that matter here, blank-separated
  int cores_online = 0, cores_allowed = 0;  // allowed: this process's affinity
  std::string governor, hypervisor;
  std::uint64_t memory_bytes = 0, swap_bytes = 0;
  // Of the last minute and the whole machine, as it was found: what ran before we did.
  std::optional<double> load_average_1m;
  std::string kernel, distribution, hostname_sha256;  // host names are not ours to publish
  std::string compiler, build_type, version, commit;
  bool optimised_build = true;   // false: every report warns
  bool sanitizer_build = false;  // true: every report warns

  // `root` is "/" but for tests.
  static Machine detect(const std::filesystem::path& root = "/");
};

Value to_value(const Machine& machine);
// The fields in which two machines, or the programs on them, differ; their load is none.
std::vector<std::string> differences(const Machine& a, const Machine& b);
Result<Machine> machine_from_value(const Value& value);

// Of this program.
struct BuildInfo {
  const char *version, *commit, *compiler, *build_type;
  bool optimised, sanitizer;
};
const BuildInfo& build_info();

}  // namespace pennyweight
