// How what the engine's thread reports of a local target's request reaches the loop. Private to
// this folder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "local_backend/engine_thread.h"
#include "runners/event_loop.h"
#include "runners/target.h"

namespace pennyweight {

// One request on its way through the engine. Filled on the engine's thread only, read on the loop's
// only after the hand-over at the end.
struct Recording {
  std::vector<Chunk> chunks;
  bool streamed = true;
  std::string answer;
  int prompt_tokens = 0, cached_tokens = 0, output_tokens = 0;
  std::uint32_t held_back = 0;  // tokens whose text has not come yet
  bool prefilled = false;
  Instant done{};
  llm::FinishReason reason = llm::FinishReason::cancelled;
  std::optional<Error> error;
};

// What the loop's side knows of a request.
struct Call {
  std::vector<llm::GenerationId> generations;  // empty: never reached the engine
  TimerId timeout = 0;
  Instant sent{};
  bool timed_out = false;
};

// Shared by the target and what it posts to the loop, which may run after the target is gone. Only
// the loop's thread looks inside.
struct Desk {
  EventLoop* loop = nullptr;
  EventSink* sink = nullptr;  // null: detached
  std::map<RequestId, Call> calls;
};

// Hands the request over, once. On the loop's thread.
void finish(Desk& desk, RequestId id, Recording recording);

// An answer: every token stamped as it comes.
std::shared_ptr<llm::GenerationSink> record_answer(RequestId id, int most_tokens, bool streamed,
                                                   std::shared_ptr<Desk> desk, const Clock& clock);
// One sink for each continuation of a request, in their order; the request ends with the last.
std::vector<std::shared_ptr<llm::GenerationSink>> record_likelihoods(RequestId id,
                                                                     std::size_t count,
                                                                     std::shared_ptr<Desk> desk,
                                                                     const Clock& clock);

}  // namespace pennyweight
