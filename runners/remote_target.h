// Any HTTP API, as a Target: a dialect over the HTTP client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runners/dialects/dialect.h"
#include "runners/target.h"

namespace pennyweight {

std::unique_ptr<Target> make_remote_target(std::string name, const Dialect& dialect,
                                           DialectConfig config);

// Takes known secrets (registered when a key is read) and whatever looks like one (Authorization
// values, key= and token= in URLs, user info) out of a text. Any thread.
void register_secret(std::string secret);
std::string redact(std::string_view text);

}  // namespace pennyweight
