// Any HTTP API, as a Target: a dialect over the HTTP client.
#pragma once

#include <memory>
#include <string>

#include "runners/dialects/dialect.h"
#include "runners/secrets.h"
#include "runners/target.h"

namespace pennyweight {

// Replies are read on a thread of the target's own, so that reading one never delays the stamps of
// another. A server on a loopback address counts as on this machine: its energy is.
std::unique_ptr<Target> make_remote_target(std::string name, const Dialect& dialect,
                                           DialectConfig config);

}  // namespace pennyweight
