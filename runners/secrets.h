// Keys never reach a message, a log, a report or the store. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace pennyweight {

// Call when a key is read. What is shorter than 8 bytes is no secret, and is left alone: replacing
// it everywhere would garble what people read.
void register_secret(std::string secret);

// Takes registered secrets and whatever looks like one (Authorization and api-key values, key= and
// token= in URLs, user info) out of a text.
std::string redact(std::string_view text);

// Takes out registered secrets only: for answers, in which what looks like a key is part of the
// task.
std::string redact_registered(std::string_view text);

}  // namespace pennyweight
