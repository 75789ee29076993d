#include "runners/plan.h"

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

PlanSpec parsed(std::string_view toml, std::string_view path = "PLAN.toml") {
  auto plan = parse_plan(toml, path);
  INFO((plan ? "" : plan.error().what + " " + plan.error().fix));
  REQUIRE(plan);
  return *plan;
}

Error refused(std::string_view toml) {
  auto plan = parse_plan(toml, "PLAN.toml");
  INFO(toml);
  REQUIRE(!plan);
  CHECK(plan.error().kind == ErrorKind::usage);
  return plan.error();
}

constexpr const char* kWhole = R"([run]
name = "invoices"
repeat = 3
seed = 7
warm_up = 1
output = "invoices.db"
reports = ["invoices.xlsx", "invoices.md"]
[[target]]
use = "local:models/phi-3-mini.Q4_K_M.gguf"
name = "phi3-local"
threads = 8
[[target]]
use = "openai:gpt-4o"
api_key_file = "key.txt"
[[target]]
use = "sim:"
ttft = "200ms"
fail = 0.25
answer = "a, b"
[[task_set]]
use = "invoices/taskset.json"
limit = 100
[[task_set]]
use = "table_arith"
[[load]]
concurrency = 1
[[load]]
concurrency = 4
[generate]
max_tokens = 256
temperature = 0
top_p = 0.9
top_k = 40
frequency_penalty = 0.5
presence_penalty = -0.25
repeat_penalty = 1.1
response_format = '{"type":"object"}'
stream = false
[energy]
sources = ["off"]
[cost]
electricity_usd_per_kwh = 0.15
machine_usd_per_hour = 0.40
[budget]
max_cost_usd = 2.00
max_duration = "5m"
max_error_rate = 0.02
[timeouts]
connect = "2s"
idle = "1500ms"
total = "10m"
)";

void check_same(const PlanSpec& a, const PlanSpec& b) {
  CHECK(to_toml(a) == to_toml(b));
  REQUIRE(a.targets.size() == b.targets.size());
  for (std::size_t i = 0; i < a.targets.size(); ++i) {
    CHECK(a.targets[i].name == b.targets[i].name);
    CHECK(a.targets[i].location == b.targets[i].location);
    CHECK(a.targets[i].options == b.targets[i].options);
  }
  CHECK(a.max_cost == b.max_cost);
  CHECK(a.electricity_per_kwh == b.electricity_per_kwh);
  CHECK(a.loads == b.loads);
  CHECK(a.timeouts.idle == b.timeouts.idle);
}

}  // namespace

TEST_CASE("A plan says all that flags can say") {
  const PlanSpec p = parsed(kWhole);
  CHECK(p.name == "invoices");
  CHECK(p.repeat == 3);
  CHECK(p.seed == 7);
  CHECK(p.warm_up == 1);
  CHECK(p.output == "invoices.db");
  CHECK(p.reports == std::vector<std::string>{"invoices.xlsx", "invoices.md"});
  REQUIRE(p.targets.size() == 3);
  CHECK(p.targets[0].name == "phi3-local");
  CHECK(scheme_options(p.targets[0]) == "threads=8");
  CHECK(p.targets[1].api_key_file == "key.txt");
  CHECK(scheme_options(p.targets[2]) == "answer=a%2C b,fail=0.25,ttft=200ms");
  REQUIRE(p.task_sets.size() == 2);
  CHECK(p.task_sets[0].limit == 100u);
  CHECK_FALSE(p.task_sets[1].limit);
  REQUIRE(p.loads.size() == 2);
  CHECK(p.loads[1].name() == "c4");
  CHECK(p.max_tokens == 256);
  CHECK(p.temperature == 0.0);
  CHECK(p.top_p == 0.9);
  CHECK(p.top_k == 40);
  CHECK(p.frequency_penalty == 0.5);
  CHECK(p.presence_penalty == -0.25);
  CHECK(p.repeat_penalty == 1.1);
  CHECK(p.response_format == "{\"type\":\"object\"}");
  CHECK_FALSE(p.stream);
  CHECK(p.energy == "off");
  CHECK(p.electricity_per_kwh == Money{150'000'000'000});
  CHECK(p.machine_per_hour == Money{400'000'000'000});
  CHECK(p.max_cost == Money{2'000'000'000'000});
  CHECK(p.max_duration == Duration(std::chrono::minutes(5)));
  CHECK(p.max_error_rate == 0.02);
  CHECK(p.timeouts.connect == Duration(std::chrono::seconds(2)));
  CHECK(p.timeouts.idle == Duration(std::chrono::milliseconds(1500)));
  CHECK(check_plan(p));
}

TEST_CASE("A plan written back reads as the same plan") {
  const PlanSpec p = parsed(kWhole);
  check_same(p, parsed(to_toml(p)));
  PlanSpec odd;
  odd.name = "quote \" backslash \\ tab \t 한국어";
  check_same(odd, parsed(to_toml(odd)));
}

TEST_CASE("The example is a plan that can run") {
  const PlanSpec p = parsed(example_plan());
  CHECK(check_plan(p));
  CHECK(p.targets.size() == 2);
  CHECK(p.max_tokens);
}

TEST_CASE("Paths of a plan start at its directory") {
  const PlanSpec p = parsed(kWhole, "plans/a.toml");
  CHECK(p.output == "plans/invoices.db");
  CHECK(p.reports[1] == "plans/invoices.md");
  CHECK(p.targets[0].location == "plans/models/phi-3-mini.Q4_K_M.gguf");
  CHECK(p.targets[1].api_key_file == "plans/key.txt");
  CHECK(p.task_sets[0].use == "plans/invoices/taskset.json");
  CHECK(p.task_sets[1].use == "table_arith");
  check_same(p, parsed(to_toml(p)));
  CHECK(parsed("[run]\noutput = \"/x/y.db\"\n", "plans/a.toml").output == "/x/y.db");
}

TEST_CASE("An unknown key is named with its line and the key that was meant") {
  const Error e = refused("[run]\nname = \"x\"\nrepeats = 3\n");
  CHECK(e.what.find("PLAN.toml:3") == 0);
  CHECK(e.what.find("repeats") != std::string::npos);
  CHECK(e.fix.find("\"repeat\"") != std::string::npos);
  CHECK(refused("[budgt]\n").fix.find("budget") != std::string::npos);
  CHECK(refused("[[target]]\nuse = \"sim:\"\nttfs = \"1s\"\n").what.find("PLAN.toml:3") == 0);
}

TEST_CASE("Keys of later versions are refused by name") {
  for (const char* toml : {"[slo]\nttft_p95 = \"800ms\"\n", "[[gate]]\nexpr = \"x\"\n",
                           "[[load]]\nrate = \"0.5/s\"\n", "[[load]]\narrival = \"poisson\"\n"}) {
    CHECK(refused(toml).what.find("not supported by this version") != std::string::npos);
  }
}

TEST_CASE("Values of the wrong kind are refused with their line") {
  for (const char* line : {"repeat = \"3\"", "repeat = 0", "repeat = 99999999999", "seed = -1",
                           "reports = \"x.csv\"", "reports = [1]", "name = 1", "warm_up = 1.5"}) {
    CHECK(refused("[run]\n" + std::string(line) + "\n").what.find("PLAN.toml:2") == 0);
  }
  for (const char* toml :
       {"run = 1\n", "[target]\nuse = \"sim:\"\n", "target = [1]\n", "[[target]]\n",
        "[[target]]\nuse = \"nonsense\"\n", "[[target]]\nuse = \"sim:\"\nttft = [1]\n",
        "[[task_set]]\nlimit = 1\n", "[[load]]\nconcurrency = 0\n", "[generate]\ntemperature = 3\n",
        "[generate]\ntemperature = nan\n", "[generate]\nstream = 1\n",
        "[energy]\nsources = [\"rapl\"]\n", "[energy]\nsources = []\n",
        "[cost]\nmachine_usd_per_hour = -1\n", "[budget]\nmax_duration = \"soon\"\n",
        "[timeouts]\ntotal = 5\n", "[timeouts]\ntotal = \"\"\n", "[run\n", "\xff"}) {
    refused(toml);
  }
}

TEST_CASE("A plan cut anywhere is read or refused, never worse") {
  const std::string whole = kWhole;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto plan = parse_plan(std::string_view(whole).substr(0, n), "PLAN.toml");
    if (plan) CHECK(parse_plan(to_toml(*plan), ""));
  }
}

TEST_CASE("A plan that cannot run is refused before anything is opened") {
  const auto base = [] { return parsed(kWhole); };
  CHECK(check_plan(base()));
  const auto broken = [&](auto change) {
    PlanSpec p = base();
    change(p);
    return !check_plan(p);
  };
  CHECK(broken([](PlanSpec& p) { p.targets.clear(); }));
  CHECK(broken([](PlanSpec& p) { p.targets[1].name = p.targets[0].name; }));
  CHECK(broken([](PlanSpec& p) { p.task_sets.clear(); }));
  CHECK(broken([](PlanSpec& p) { p.task_sets[1] = p.task_sets[0]; }));
  CHECK(broken([](PlanSpec& p) { p.task_sets[0].limit = 0; }));
  CHECK(broken([](PlanSpec& p) { p.loads[0].concurrency = 0; }));
  CHECK(broken([](PlanSpec& p) { p.loads[1] = p.loads[0]; }));
  CHECK(broken([](PlanSpec& p) { p.repeat = 0; }));
  CHECK(broken([](PlanSpec& p) { p.warm_up = -1; }));
  CHECK(broken([](PlanSpec& p) { p.seed = ~std::uint64_t{0}; }));
  CHECK(broken([](PlanSpec& p) { p.max_tokens = 0; }));
  CHECK(broken([](PlanSpec& p) { p.temperature = -1; }));
  CHECK(broken([](PlanSpec& p) { p.max_error_rate = 2; }));
  CHECK(broken([](PlanSpec& p) { p.frequency_penalty = 3; }));
  CHECK(broken([](PlanSpec& p) { p.repeat_penalty = 0; }));
  CHECK(broken([](PlanSpec& p) { p.response_format = "xml"; }));
  CHECK(broken([](PlanSpec& p) { p.response_format = "{\"not\":{}}"; }));  // a local target's limit
  CHECK(broken([](PlanSpec& p) { p.energy = "wind"; }));
}

}  // namespace pennyweight

// The fuzz target, on its corpus.
#define LLVMFuzzerTestOneInput fuzz_plan
#include "tests/fuzz/plan_fuzzer.cpp"

TEST_CASE("The plan fuzzer's corpus holds") {
  int files = 0;
  const auto corpus = pennyweight::test::source_path("tests/fuzz/corpus/plan");
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    const std::string bytes = pennyweight::test::read_file(entry.path());
    INFO(entry.path());
    CHECK(fuzz_plan(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) == 0);
    ++files;
  }
  CHECK(files > 0);
}
