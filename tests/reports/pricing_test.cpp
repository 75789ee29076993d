#include "reports/pricing.h"

#include "tests/reports/read_report.h"
#include "tests/support/temp_dir.h"

using namespace pennyweight;
using namespace pennyweight::test;
using namespace std::chrono_literals;

namespace {

constexpr UnixTime kMidnight{1'718'582'400s};  // 2024-06-17

// The price is ten times that of before from 2024-06-17 on.
PriceRow dearer(const PriceRow& row) {
  PriceRow out = row;
  out.effective_from = "2024-06-17";
  out.input_per_1m = parse_money("0.5", kUsd);
  out.output_per_1m = parse_money("0.8", kUsd);
  return out;
}

// One request to demo-large a second, the first 40.5 s before midnight: t0 to t40 are of the old
// day.
StoredRun over_midnight() {
  StoredRun run = sample_run();
  run.run.started = kMidnight - 41s;
  run.sittings[0].clock_pairs = {{Instant(0s), kMidnight - 41s}};
  run.prices.push_back(dearer(run.prices[0]));
  return run;
}

constexpr double kOld = 1.8e-6, kNew = 1.8e-5;  // dollars a request

std::string cost_of(const Report& report, const std::string& task) {
  for (std::size_t r = 0; r < report.requests.rows.size(); ++r) {
    if (text(report.requests, r, "target") != "demo-large") continue;
    if (text(report.requests, r, "task_id") == task) return text(report.requests, r, "cost_usd");
  }
  return "no such task";
}

}  // namespace

TEST_CASE("A run over midnight pays each request at the price of the UTC day it was sent on") {
  const TempDir directory;
  write_store(over_midnight(), directory / "run.db");
  auto store = StoreReader::open(directory / "run.db");
  REQUIRE(store);
  const Report report = built(**store);
  CHECK(cost_of(report, "t40") == "0.0000018");
  CHECK(cost_of(report, "t41") == "0.000018");
  // t76 to t79 fail and are not billed.
  CHECK(number(report.summary, kLarge, "cost_usd_total") == Approx(41 * kOld + 35 * kNew));
  CHECK(text(report.summary, kLarge, "price_id") ==
        "groq/llama-3.1-8b-instant@2024-05-14;groq/llama-3.1-8b-instant@2024-06-17");
  CHECK(report.assumptions.at(1).find("$0.05 in, $0.08 out per 1M tokens; then "
                                      "groq/llama-3.1-8b-instant from 2024-06-17: $0.5 in") !=
        std::string::npos);
}

TEST_CASE("A request sent after midnight though scheduled before it has the price of the new day") {
  StoredRun run = over_midnight();
  for (RequestRecord& r : run.records) {
    if (r.cell_id == "large" && r.task_id == "t40") *r.sent += 1s;
  }
  CHECK(cost_of(built(run), "t40") == "0.000018");
}

TEST_CASE("A sitting of a later day is paid at that day's price, the first stays as it was") {
  StoredRun run = sample_run();
  run.run.started = kMidnight - 24h;
  run.sittings[0].clock_pairs = {{Instant(0s), kMidnight - 24h}};
  run.sittings.push_back({1, {{Instant(0s), kMidnight + 24h}}});
  for (RequestRecord& r : run.records) {
    if (r.task_id.size() == 2) r.sitting = 1;  // t0 to t9
  }
  const TempDir directory;
  const auto path = directory / "run.db";
  write_store(run, path);
  {  // the resumed run brings the row of its own day
    auto store = StoreWriter::open(path, OpenMode::resume);
    REQUIRE(store);
    REQUIRE((*store)->begin_run(run.run, run.cells, {dearer(run.prices[0])}));
    REQUIRE((*store)->close());
  }
  auto store = StoreReader::open(path);
  REQUIRE(store);
  const Report report = built(**store);
  CHECK(number(report.summary, kLarge, "cost_usd_total") == Approx(66 * kOld + 10 * kNew));

  ReportOptions options;
  options.price_date = "2024-06-16";  // one price for all, when asked for
  const auto book = PriceBook::parse(R"({"as_of": "2024-06-18", "about": "", "rows": [
    {"provider": "groq", "model": "llama-3.1-8b-instant", "input": "0.5", "output": "0.8",
     "currency": "USD", "from": "2024-01-01", "verified": true, "source": "test"}]})");
  REQUIRE(book);
  options.price_book = *book;
  CHECK(number(built(**store, options).summary, kLarge, "cost_usd_total") == Approx(76 * kNew));
}

TEST_CASE("A day without a price leaves the whole cost blank, and is warned about") {
  StoredRun run = over_midnight();
  run.prices.erase(run.prices.begin());  // none before 2024-06-17
  const Report report = built(run);
  CHECK(text(report.summary, kLarge, "cost_usd_total").empty());
  CHECK(reason(report.summary, "demo-large", "cost_usd_total") ==
        "no price for groq/llama-3.1-8b-instant on the day of its requests");
  CHECK(warning(report, "no_price") != nullptr);
  CHECK(cost_of(report, "t40").empty());
  CHECK(cost_of(report, "t41") == "0.000018");
}
