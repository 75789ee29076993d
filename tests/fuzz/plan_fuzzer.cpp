// Any bytes are read or refused; a plan that is read can be written and read again as the same
// plan.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runners/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pennyweight;
  const auto plan = parse_plan({reinterpret_cast<const char*>(data), size}, "");
  if (!plan) return 0;
  const auto again = parse_plan(to_toml(*plan), "");
  if (!again || to_toml(*again) != to_toml(*plan)) std::abort();
  return 0;
}
