#include "metrics/machine.h"

#include "metrics/base/hash.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using pennyweight::test::TempDir;

namespace {

void put(const TempDir& root, std::string_view path, std::string_view text) {
  std::filesystem::create_directories((root / path).parent_path());
  test::write_file(root / path, text);
}

}  // namespace

TEST_CASE("a machine is described by /proc and /sys") {
  const TempDir root;
  put(root, "proc/cpuinfo",
      "processor\t: 0\nmodel name\t: AMD EPYC 7B13\nflags\t\t: fpu avx avx2 fma hypervisor "
      "avx512_vnni_not\n\nprocessor\t: 1\nmodel name\t: other\nflags\t\t: avx512f\n");
  put(root, "proc/self/status", "Name:\tx\nCpus_allowed:\t5\nCpus_allowed_list:\t0,2-3\n");
  put(root, "proc/meminfo", "MemTotal:       16303428 kB\nSwapTotal:       1048572 kB\n");
  put(root, "proc/loadavg", "0.52 1.58 2.59 1/467 12345\n");
  put(root, "proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  put(root, "proc/sys/kernel/hostname", "secret-host\n");
  put(root, "sys/devices/system/cpu/online", "0-3,8\n");
  put(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
  put(root, "sys/class/dmi/id/sys_vendor", "QEMU\n");
  put(root, "etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  const Machine m = Machine::detect(root.path());
  CHECK(m.cpu_model == "AMD EPYC 7B13");
  CHECK(m.cpu_flags == "avx fma avx2");
  CHECK(m.cores_online == 5);
  CHECK(m.cores_allowed == 3);
  CHECK(m.governor == "powersave");
  CHECK(m.hypervisor == "QEMU");
  CHECK(m.memory_bytes == 16303428ULL * 1024);
  CHECK(m.swap_bytes == 1048572ULL * 1024);
  CHECK(m.load_average_1m == 0.52);
  CHECK(m.kernel == "6.1.0-18-amd64");
  CHECK(m.distribution == "Debian GNU/Linux 12 (bookworm)");
  CHECK(m.hostname_sha256 == sha256("secret-host"));
}

TEST_CASE("what a machine does not tell is empty") {
  const TempDir root;
  const Machine m = Machine::detect(root.path());
  CHECK(m.cpu_model.empty());
  CHECK(m.cpu_flags.empty());
  CHECK(m.cores_online == 0);
  CHECK(m.hypervisor.empty());
  CHECK(m.memory_bytes == 0);
  CHECK(!m.load_average_1m);
  CHECK(m.hostname_sha256.empty());
}

TEST_CASE("a load that makes no sense is none, and an idle machine has one") {
  const TempDir root;
  for (const char* const text : {"", "x", "-1 0 0", "nan 0 0", "inf 0 0", "1e300 0 0"}) {
    put(root, "proc/loadavg", text);
    INFO(text);
    CHECK(!Machine::detect(root.path()).load_average_1m);
  }
  put(root, "proc/loadavg", "0.00 0.00 0.00 1/2 3");
  CHECK(Machine::detect(root.path()).load_average_1m == 0.0);
}

TEST_CASE("lists of cores that make no sense count as none") {
  const TempDir root;
  const char* list = GENERATE("", "x", "3-1", "0-99999999999999", "0,,1", "1-");
  put(root, "sys/devices/system/cpu/online", list);
  INFO(list);
  CHECK(Machine::detect(root.path()).cores_online == 0);
}

TEST_CASE("this machine has cores, memory and a kernel") {
  const Machine m = Machine::detect();
  CHECK(m.cores_allowed >= 1);
  CHECK(m.memory_bytes > 64ULL << 20);
  CHECK(!m.kernel.empty());
  CHECK(m.hostname_sha256.size() == 64);
}

TEST_CASE("the build says what it is") {
  const BuildInfo& build = build_info();
  const std::string version = build.version;
  CHECK(std::count(version.begin(), version.end(), '.') == 2);
  const std::string commit = build.commit;
  const std::string hex = commit.substr(0, commit.find('-'));
  CHECK((commit == "unknown" ||
         (hex.size() >= 7 && hex.find_first_not_of("0123456789abcdef") == std::string::npos)));
  const std::string compiler = build.compiler;
  CHECK(compiler.find_first_of("0123456789") != std::string::npos);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  CHECK(build.sanitizer);
#endif
  if (std::string(build.build_type) == "Debug") CHECK(!build.optimised);
}

TEST_CASE("a machine comes back from its value") {
  Machine m = Machine::detect();
  m.governor = "성능";
  m.sanitizer_build = true;
  m.load_average_1m = GENERATE(std::optional<double>(), 0.0, 2.0, 1.25);
  const Result<Machine> back = machine_from_value(to_value(m));
  REQUIRE(back);
  CHECK(to_value(*back) == to_value(m));
  CHECK(back->governor == "성능");
  CHECK(back->memory_bytes == m.memory_bytes);
  CHECK(back->sanitizer_build);
  CHECK(back->load_average_1m == m.load_average_1m);
  const auto stored = parse_json(to_json(to_value(m), JsonStyle::canonical));
  REQUIRE(stored);
  REQUIRE(machine_from_value(*stored));
  CHECK(machine_from_value(*stored)->load_average_1m == m.load_average_1m);
}

TEST_CASE("a machine stored before its load was recorded is read without one") {
  Value::Map old;
  const Value known = to_value(Machine::detect());
  for (const auto& [name, value] : *known.map()) {
    if (name != "load_average_1m") old.emplace_back(name, value);
  }
  const Result<Machine> machine = machine_from_value(Value(old));
  REQUIRE(machine);
  CHECK(!machine->load_average_1m);
  CHECK(!machine->kernel.empty());
}

TEST_CASE("machines differ by what stays, not by their load") {
  Machine a, b;
  b.load_average_1m = 3;
  CHECK(differences(a, b).empty());
  b.cpu_model = "Xeon";
  b.commit = "other";
  CHECK(differences(a, b) == std::vector<std::string>{"cpu_model", "commit"});
}

TEST_CASE("a value that is no machine is refused by the field that is wrong") {
  Value value = to_value(Machine());
  value.set("cores_online", "two");
  const Result<Machine> back = machine_from_value(value);
  REQUIRE(!back);
  CHECK(back.error().why == "\"cores_online\" is of the wrong type");
  CHECK(!machine_from_value(Value(3)));
}
