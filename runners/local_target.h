// The engine in this process, as a Target. Several requests queue first in first out until batching
// lands; the wait counts in TTFT.
#pragma once

#include <memory>
#include <string>

#include "local_backend/engine.h"
#include "metrics/base/clock.h"
#include "runners/target.h"

namespace pennyweight {

// Stamps each token in the engine's callback with `clock`, into a buffer preallocated for max_tokens;
// the loop is woken at the request's end and at most every 100 ms for progress. Destruction cancels
// what runs and joins the engine's thread.
std::unique_ptr<Target> make_local_target(std::string name, std::unique_ptr<llm::Engine> engine,
                                          const Clock& clock);

}  // namespace pennyweight
