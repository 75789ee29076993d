#include "metrics/machine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "metrics/base/hash.h"

namespace pennyweight {
namespace {

namespace fs = std::filesystem;

// Instruction sets that kernels of this program or of its rivals make use of.
constexpr std::array<std::string_view, 20> kFlags{
    "sse4_2",   "avx",      "f16c",     "fma",         "avx2",        "avx_vnni",    "avx512f",
    "avx512bw", "avx512vl", "avx512dq", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
    "amx_int8", "amx_bf16", "asimd",    "asimddp",     "i8mm",        "sve"};

// Empty when it cannot be read. Files of /proc and /sys do not know their size.
std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return in ? std::move(out).str() : std::string();
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\0'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string first_line(const fs::path& path) {
  const std::string text = contents(path);
  return std::string(trimmed(std::string_view(text).substr(0, text.find('\n'))));
}

// The value of the first "key<separator>value" line.
std::string_view value_of(std::string_view text, std::string_view key, char separator) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t at = line.find(separator);
    if (at != std::string_view::npos && trimmed(line.substr(0, at)) == key) {
      return trimmed(line.substr(at + 1));
    }
  }
  return {};
}

std::uint64_t leading_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "0.52 0.58 0.59 1/467 12345": the first.
std::optional<double> load_of(std::string_view text) {
  double load = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), load);
  if (read.ec != std::errc() || !(load >= 0 && load < 1e6)) return std::nullopt;
  return load;
}

// "0-3,8" -> 5; 0 when it is no list.
int count_of_list(std::string_view list) {
  std::uint64_t count = 0;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), range.size() + 1));
    if (range.empty() || range.front() < '0' || range.front() > '9') return 0;
    const std::size_t dash = range.find('-');
    const std::uint64_t first = leading_number(range);
    const std::uint64_t last =
        dash == std::string_view::npos ? first : leading_number(range.substr(dash + 1));
    if (last < first || last > 1'000'000) return 0;
    count += last - first + 1;
  }
  return static_cast<int>(std::min<std::uint64_t>(count, 1'000'000));
}

bool has_word(std::string_view text, std::string_view word) {
  const std::string padded = " " + std::string(text) + " ";
  return padded.find(" " + std::string(word) + " ") != std::string::npos;
}

void detect_cpu(Machine& m, const fs::path& root) {
  const std::string cpuinfo = contents(root / "proc/cpuinfo");
  m.cpu_model = value_of(cpuinfo, "model name", ':');
  if (m.cpu_model.empty()) m.cpu_model = first_line(root / "proc/device-tree/model");  // arm64
  std::string_view flags = value_of(cpuinfo, "flags", ':');
  if (flags.empty()) flags = value_of(cpuinfo, "Features", ':');
  for (const std::string_view flag : kFlags) {
    if (!has_word(flags, flag)) continue;
    if (!m.cpu_flags.empty()) m.cpu_flags += ' ';
    m.cpu_flags += flag;
  }
  m.cores_online = count_of_list(first_line(root / "sys/devices/system/cpu/online"));
  m.cores_allowed =
      count_of_list(value_of(contents(root / "proc/self/status"), "Cpus_allowed_list", ':'));
  m.governor = first_line(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  m.hypervisor = first_line(root / "sys/hypervisor/type");
  if (m.hypervisor.empty() && has_word(flags, "hypervisor")) {
    m.hypervisor = first_line(root / "sys/class/dmi/id/sys_vendor");
    if (m.hypervisor.empty()) m.hypervisor = "unnamed";
  }
}

void detect_system(Machine& m, const fs::path& root) {
  const std::string meminfo = contents(root / "proc/meminfo");
  m.memory_bytes = leading_number(value_of(meminfo, "MemTotal", ':')) * 1024;
  m.swap_bytes = leading_number(value_of(meminfo, "SwapTotal", ':')) * 1024;
  m.load_average_1m = load_of(first_line(root / "proc/loadavg"));
  m.kernel = first_line(root / "proc/sys/kernel/osrelease");
  const std::string release = contents(root / "etc/os-release");
  std::string_view name = value_of(release, "PRETTY_NAME", '=');
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'')) {
    name = name.substr(1, name.size() - 2);
  }
  m.distribution = name;
  const std::string host = first_line(root / "proc/sys/kernel/hostname");
  if (!host.empty()) m.hostname_sha256 = sha256(host);
}

constexpr const char* kLoad = "load_average_1m";

// The fields in the order of the stored text; `f` gets each name with its field.
template <class M, class F>
void fields(M& m, F f) {
  f("cpu_model", m.cpu_model);
  f("cpu_flags", m.cpu_flags);
  f("cores_online", m.cores_online);
  f("cores_allowed", m.cores_allowed);
  f("governor", m.governor);
  f("hypervisor", m.hypervisor);
  f("memory_bytes", m.memory_bytes);
  f("swap_bytes", m.swap_bytes);
  f(kLoad, m.load_average_1m);
  f("kernel", m.kernel);
  f("distribution", m.distribution);
  f("hostname_sha256", m.hostname_sha256);
  f("compiler", m.compiler);
  f("build_type", m.build_type);
  f("version", m.version);
  f("commit", m.commit);
  f("optimised_build", m.optimised_build);
  f("sanitizer_build", m.sanitizer_build);
}

bool take(const Value& value, std::string& out) {
  if (value.text() != nullptr) out = *value.text();
  return value.text() != nullptr;
}
bool take(const Value& value, bool& out) {
  if (value.boolean() != nullptr) out = *value.boolean();
  return value.boolean() != nullptr;
}
bool take(const Value& value, std::optional<double>& out) {
  if (value.real() != nullptr) out = *value.real();
  if (value.integer() != nullptr) out = static_cast<double>(*value.integer());
  return out || value.is_null();
}
template <class T>
bool take(const Value& value, T& out) {
  if (value.integer() != nullptr) out = static_cast<T>(*value.integer());
  return value.integer() != nullptr;
}

Value as_value(const std::string& text) {
  return Value(text);
}
Value as_value(bool flag) {
  return Value(flag);
}
Value as_value(const std::optional<double>& number) {
  return number ? Value(*number) : Value();
}
template <class T>
Value as_value(T number) {
  return Value(static_cast<std::int64_t>(number));
}

}  // namespace

Machine Machine::detect(const std::filesystem::path& root) {
  Machine m;
  detect_cpu(m, root);
  detect_system(m, root);
  const BuildInfo& build = build_info();
  m.compiler = build.compiler;
  m.build_type = build.build_type;
  m.version = build.version;
  m.commit = build.commit;
  m.optimised_build = build.optimised;
  m.sanitizer_build = build.sanitizer;
  return m;
}

Value to_value(const Machine& machine) {
  Value value;
  fields(machine, [&](const char* name, const auto& field) { value.set(name, as_value(field)); });
  return value;
}

std::vector<std::string> differences(const Machine& a, const Machine& b) {
  std::vector<std::string> out;
  const Value other = to_value(b);
  fields(a, [&](const char* name, const auto& field) {
    if (std::string_view(name) != kLoad && !(as_value(field) == *other.find(name)))
      out.emplace_back(name);
  });
  return out;
}

// A field that an older version did not know stays empty.
Result<Machine> machine_from_value(const Value& value) {
  Machine machine;
  std::string wrong = value.map() == nullptr ? "it is no object" : "";
  fields(machine, [&](const char* name, auto& field) {
    const Value* found = value.find(name);
    if (found != nullptr && !take(*found, field))
      wrong = "\"" + std::string(name) + "\" is of the wrong type";
  });
  if (wrong.empty()) return machine;
  return fail(ErrorKind::invalid_input, "this is no description of a machine", wrong);
}

}  // namespace pennyweight
