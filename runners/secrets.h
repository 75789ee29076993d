// Keys never reach a message, a log, a report or the store. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennyweight {

// What is shorter is no key, and is not registered: replacing it everywhere would garble what
// people read.
constexpr std::size_t kShortestKey = 4;  // bytes

// Call when a key is read.
void register_secret(std::string secret);

// Takes registered secrets and whatever looks like one (Authorization and api-key values, key= and
// token= in URLs, user info) out of a text.
std::string redact(std::string_view text);

// Takes out registered secrets only: for answers, in which what looks like a key is part of the
// task.
std::string redact_registered(std::string_view text);

}  // namespace pennyweight
