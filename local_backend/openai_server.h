// The engine behind the HTTP interface that most clients speak: POST /v1/chat/completions (stream
// and not), GET /v1/models, GET /health.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "local_backend/engine_thread.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 = a free one
  std::string model_name;  // in replies and /v1/models; empty = the file's stem
  int max_queued = 64;     // more are refused with 503 and Retry-After
  std::size_t max_body_bytes = 16u << 20;
  int drain_seconds = 30;  // after stop(): how long running answers may take
};

// Listens on the constructor's success; run() serves until stop(). Several connections at once;
// answers come from the one engine, first in first out.
class OpenAiServer {
 public:
  static Result<std::unique_ptr<OpenAiServer>> listen(std::unique_ptr<Engine> engine,
                                                      const ServerOptions& options);
  virtual ~OpenAiServer() = default;
  virtual std::uint16_t port() const = 0;
  // On the calling thread. Returns after stop() and the drain.
  virtual Result<void> run() = 0;
  // Any thread, and from a signal handler: stops accepting, lets running answers finish, then
  // returns from run().
  virtual void stop() noexcept = 0;
};

}  // namespace pennyweight::llm
