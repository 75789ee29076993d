// Errors as values. Nothing throws across a folder border; an Error travels up to cli, which prints
// it once and picks the exit status.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace pennyweight {

// A closed set. cli/exit_status.h maps each kind to the program's exit status.
enum class ErrorKind : std::uint8_t {
  usage,           // the command line or plan asks for something that does not exist
  invalid_input,   // a file, plan or reply that is not what it claims to be
  not_found,       // a path or name that is not there
  unsupported,     // valid, but not something this program does
  io,              // the operating system refused: permissions, disk full, broken pipe
  authentication,  // no key, or a key that was refused
  unreachable,     // a server that does not answer
  budget,          // the money or time cap is reached
  interrupted,     // the user asked to stop
  internal,        // a bug of ours
};

// What happened, why, and what to do about it. Each is one sentence without a final full stop;
// why and fix may be empty. Never holds a key: text that came from a server is redacted first.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string what;
  std::string why;
  std::string fix;
};

template <class T>
using Result = tl::expected<T, Error>;

// return fail(ErrorKind::not_found, "no file \"x.gguf\"", "", "check the path");
inline tl::unexpected<Error> fail(ErrorKind kind, std::string what, std::string why = {},
                                  std::string fix = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(what), std::move(why), std::move(fix)});
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace pennyweight
