// Walks a grammar byte by byte: all ways to read what came so far, side by side.
//
// A way is the step that must match next and the stack of returns below it. A set of ways is a
// state; states and their transitions are kept, so that what was walked once is a table look-up
// afterwards. Inside a character a state holds the code points that are still possible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "local_backend/grammar/grammar.h"

namespace pennyweight::llm {

// One answer, one thread at a time.
class GrammarMatcher {
 public:
  using State = std::int32_t;
  static constexpr State kDead = 0;  // nothing the grammar allows begins so

  explicit GrammarMatcher(std::shared_ptr<const Grammar> grammar);

  State start();
  State next(State state, std::uint8_t byte);
  // The text so far is a whole answer.
  bool complete(State state) const { return states_[index(state)].complete; }
  // A whole answer that nothing may follow.
  bool ended(State state) const {
    return complete(state) && states_[index(state)].ways.size() == 1;
  }
  // A limit was met: there are too many ways to read the text. Every state is dead from then on.
  bool overflowed() const { return overflowed_; }

  // Begins a new budget of work, and forgets what is far from `state` once there is much of it:
  // from here on only the state returned counts.
  State settle(State state);

 private:
  // Code points that the bytes of an unfinished character leave; all that fit where `any`.
  struct Partial {
    std::uint8_t missing = 0;  // bytes
    bool any = false;
    char32_t first = 0, last = 0;
  };
  using Way = std::uint64_t;  // step << 32 | stack; kWhole: the root rule has returned
  struct Node {
    Partial partial;
    std::vector<Way> ways;  // ascending
    bool complete = false;
    std::array<State, 256> next{};
  };
  struct Frame {
    std::uint32_t step, below;
  };

  static std::size_t index(State state) { return static_cast<std::size_t>(state); }
  static bool extend(Partial& partial, std::uint8_t byte);
  State compute(State from, std::uint8_t byte);
  State keep(const Partial& partial, std::vector<Way> ways);
  void follow(Way way, std::vector<Way>& out);
  std::uint32_t push(std::uint32_t step, std::uint32_t below);
  State give_up();
  std::uint32_t rebuilt(std::uint32_t stack, const std::vector<Frame>& old);

  std::shared_ptr<const Grammar> grammar_;
  std::vector<Node> states_;
  std::map<std::vector<std::uint64_t>, State> by_content_;
  std::vector<Frame> frames_;  // 0: the empty stack
  std::unordered_map<std::uint64_t, std::uint32_t> frame_ids_;
  std::unordered_set<Way> seen_;  // within one step
  std::uint64_t work_ = 0;
  std::size_t ways_kept_ = 0;  // of all states
  bool overflowed_ = false;
};

}  // namespace pennyweight::llm
