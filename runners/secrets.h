// Keys never reach a message, a log, a report or the store. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennyweight {

// What is shorter is no key, and is refused where a key is read.
constexpr std::size_t kShortestKey = 4;  // bytes

// Call when a key is read. What nobody needs to hide is not registered, since replacing it
// everywhere would garble answers: what is shorter than 8 bytes, and the placeholders that servers
// without keys tell people to send ("no-key-required").
void register_secret(std::string secret);

// Takes registered secrets and whatever looks like one (Authorization and api-key values, key= and
// token= in URLs, user info) out of a text.
std::string redact(std::string_view text);

// Takes out registered secrets only: for answers, in which what looks like a key is part of the
// task.
std::string redact_registered(std::string_view text);

}  // namespace pennyweight
