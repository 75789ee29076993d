// A target whose times and answers follow exactly from its specification: for tests of the runner
// on a simulated loop, and for trying a plan without a model.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "runners/target.h"

namespace pennyweight {

struct SimulatedSpec {
  Duration ttft = std::chrono::milliseconds(200);  // from sent
  Duration tpot = std::chrono::milliseconds(20);   // between tokens
  Duration send_delay{};                           // from issue to sent
  int tokens = 16;     // of the answer, one a chunk; at most max_tokens, and one a byte of `answer`
  std::string answer;  // one for all; "" = the word "ok", once a token
  double failure_rate = 0;  // share of attempts that fail, by `seed`
  Failure failure = Failure::server_error;
  int slots = 0;  // at once, more wait; 0 = no limit
  std::uint64_t seed = 1;
};

// Usage: input tokens are a quarter of the input bytes, rounded up.
// "ttft=200ms,tpot=20ms,tokens=32,fail=0.1,failure=rate_limited,slots=1,answer=42,send_delay=5ms,seed=7"
Result<SimulatedSpec> parse_simulated(std::string_view options);
std::unique_ptr<Target> make_simulated_target(std::string name, SimulatedSpec spec);

}  // namespace pennyweight
