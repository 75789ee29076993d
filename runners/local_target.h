// The engine in this process, as a Target. Several requests share its steps; those beyond what it
// runs side by side wait first in first out, and the wait counts in TTFT.
#pragma once

#include <memory>
#include <string>

#include "local_backend/engine.h"
#include "metrics/base/clock.h"
#include "runners/target.h"

namespace pennyweight {

// Stamps each token in the engine's callback with `clock`, into a buffer preallocated for
// max_tokens; the loop is woken at the request's end and at most every 100 ms for progress. A token
// whose text is held back (half a character, the start of a stop string) counts in the chunk that
// shows it. Only the total timeout applies. Destruction cancels what runs and joins the engine's
// thread. `model_sha256` is the hash of the model file, part of the target's identity.
std::unique_ptr<Target> make_local_target(std::string name, std::unique_ptr<llm::Engine> engine,
                                          std::string model_sha256, const Clock& clock);

}  // namespace pennyweight
