#include "local_backend/grammar/grammar_matcher.h"

#include <algorithm>
#include <utility>

namespace pennyweight::llm {
namespace {

using Op = GrammarStep::Kind;

// Bounds of what a hostile grammar can take, far above what honest ones need.
constexpr std::size_t kMaxWays = 1 << 16;    // in one state
constexpr std::uint64_t kMaxWork = 1 << 23;  // steps followed for one token
constexpr std::size_t kMaxStates = 1 << 15;  // found for one token
constexpr std::size_t kMaxFrames = 1 << 21;  // of stacks
// From token to token.
constexpr std::size_t kKeptStates = 2048, kKeptFrames = 1 << 16, kKeptWays = 1 << 20;

constexpr std::uint64_t kWhole = ~std::uint64_t{0};
constexpr std::int32_t kUnknown = -1;

std::uint64_t way_of(std::uint32_t step, std::uint32_t stack) {
  return (std::uint64_t{step} << 32) | stack;
}
std::uint32_t step_of(std::uint64_t way) {
  return static_cast<std::uint32_t>(way >> 32);
}
std::uint32_t stack_of(std::uint64_t way) {
  return static_cast<std::uint32_t>(way);
}

}  // namespace

GrammarMatcher::GrammarMatcher(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)), frames_{{0, 0}} {
  keep({}, {});  // kDead
}

GrammarMatcher::State GrammarMatcher::start() {
  std::vector<Way> ways;
  seen_.clear();
  follow(way_of(grammar_->start(), 0), ways);
  return keep({}, std::move(ways));
}

GrammarMatcher::State GrammarMatcher::next(State state, std::uint8_t byte) {
  const State known = states_[index(state)].next[byte];
  if (known != kUnknown || overflowed_) return overflowed_ ? kDead : known;
  const State found = compute(state, byte);
  if (!overflowed_) states_[index(state)].next[byte] = found;
  return found;
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool GrammarMatcher::extend(Partial& partial, std::uint8_t byte) {
  const char32_t value = byte;
  if (partial.missing == 0) {
    if (byte < 0x80) {
      partial = {0, false, value, value};
    } else if (byte >= 0xC2 && byte <= 0xDF) {
      partial = {1, false, (value & 0x1F) << 6, 0};
    } else if (byte >= 0xE0 && byte <= 0xEF) {
      partial = {2, false, std::max<char32_t>((value & 0x0F) << 12, 0x800), 0};
    } else if (byte >= 0xF0 && byte <= 0xF4) {
      partial = {3, false, std::max<char32_t>((value & 0x07) << 18, 0x10000), 0};
    } else {
      return false;
    }
    if (partial.missing > 0) {
      const int bits = 6 * partial.missing;
      partial.last = (((partial.first >> bits) + 1) << bits) - 1;
      if (byte == 0xED) partial.last = 0xD7FF;
      partial.last = std::min(partial.last, kLastCodePoint);
    }
    return true;
  }
  if ((byte & 0xC0) != 0x80) return false;
  --partial.missing;
  if (partial.any) return true;
  const int bits = 6 * partial.missing;
  const char32_t prefix = ((partial.first >> (bits + 6)) << 6) | (value & 0x3F);
  partial.first = std::max<char32_t>(partial.first, prefix << bits);
  partial.last = std::min<char32_t>(partial.last, ((prefix + 1) << bits) - 1);
  return partial.first <= partial.last;
}

GrammarMatcher::State GrammarMatcher::compute(State from, std::uint8_t byte) {
  Partial partial = states_[index(from)].partial;
  if (!extend(partial, byte)) return kDead;
  std::vector<Way> ways;
  bool all_fit = true;
  for (const Way way : states_[index(from)].ways) {
    if (way == kWhole) continue;
    const CharClass& set = grammar_->char_class(grammar_->step(step_of(way)).a);
    if (!partial.any && !set.meets(partial.first, partial.last)) continue;
    all_fit = all_fit && (partial.any || set.covers(partial.first, partial.last));
    ways.push_back(way);
  }
  if (ways.empty()) return kDead;
  work_ += ways.size();
  if (work_ > kMaxWork) return give_up();
  if (partial.missing > 0) {
    // One state for all the characters between which the grammar makes no difference.
    const char32_t full = char32_t{1} << (6 * partial.missing);
    if (all_fit && (partial.any || partial.last - partial.first + 1 == full))
      partial = {partial.missing, true, 0, 0};
    return keep(partial, std::move(ways));
  }
  std::vector<Way> after;
  seen_.clear();
  for (const Way way : ways) {
    follow(way_of(step_of(way) + 1, stack_of(way)), after);
    if (overflowed_) return kDead;
  }
  return keep({}, std::move(after));
}

// Adds the ways to match the next character from a step on.
void GrammarMatcher::follow(Way way, std::vector<Way>& out) {
  std::vector<Way> work{way};
  while (!work.empty() && !overflowed_) {
    const Way at = work.back();
    work.pop_back();
    if (!seen_.insert(at).second) continue;
    if (++work_ > kMaxWork || out.size() > kMaxWays) return static_cast<void>(give_up());
    const GrammarStep& step = grammar_->step(step_of(at));
    const std::uint32_t stack = stack_of(at);
    switch (step.kind) {
      case Op::match:
        out.push_back(at);
        break;
      case Op::call:
        work.push_back(way_of(step.a, step.b == 1 ? stack : push(step_of(at) + 1, stack)));
        break;
      case Op::fork:
        work.push_back(way_of(step.a, stack));
        work.push_back(way_of(step.b, stack));
        break;
      case Op::jump:
        work.push_back(way_of(step.a, stack));
        break;
      case Op::end:
        if (stack == 0) {
          out.push_back(kWhole);
        } else {
          work.push_back(way_of(frames_[stack].step, frames_[stack].below));
        }
        break;
    }
  }
}

std::uint32_t GrammarMatcher::push(std::uint32_t step, std::uint32_t below) {
  const auto [it, added] =
      frame_ids_.emplace(way_of(step, below), static_cast<std::uint32_t>(frames_.size()));
  if (added) frames_.push_back({step, below});
  if (frames_.size() > kMaxFrames) give_up();
  return it->second;
}

GrammarMatcher::State GrammarMatcher::keep(const Partial& partial, std::vector<Way> ways) {
  if (overflowed_) return kDead;
  std::ranges::sort(ways);
  ways.erase(std::unique(ways.begin(), ways.end()), ways.end());  // kWhole may come several times
  std::vector<std::uint64_t> key{
      (std::uint64_t{partial.missing} << 1) | static_cast<std::uint64_t>(partial.any),
      (std::uint64_t{partial.first} << 32) | partial.last};
  if (partial.missing == 0) key[1] = 0;
  key.insert(key.end(), ways.begin(), ways.end());
  const auto [it, added] = by_content_.emplace(std::move(key), static_cast<State>(states_.size()));
  if (!added) return it->second;
  if (states_.size() > kMaxStates) return give_up();
  ways_kept_ += ways.size();
  Node& node = states_.emplace_back();
  node.partial = partial.missing == 0 ? Partial{} : partial;
  node.complete = partial.missing == 0 && !ways.empty() && ways.back() == kWhole;
  node.ways = std::move(ways);
  node.next.fill(kUnknown);
  return it->second;
}

GrammarMatcher::State GrammarMatcher::give_up() {
  overflowed_ = true;
  return kDead;
}

GrammarMatcher::State GrammarMatcher::settle(State state) {
  work_ = 0;
  if (state == kDead || overflowed_) return kDead;
  if (states_.size() <= kKeptStates && frames_.size() <= kKeptFrames && ways_kept_ <= kKeptWays)
    return state;
  const Node node = std::move(states_[index(state)]);
  const std::vector<Frame> old = std::exchange(frames_, {{0, 0}});
  states_.clear();
  by_content_.clear();
  frame_ids_.clear();
  ways_kept_ = 0;
  keep({}, {});
  std::vector<Way> ways = node.ways;
  for (Way& way : ways)
    if (way != kWhole) way = way_of(step_of(way), rebuilt(stack_of(way), old));
  return keep(node.partial, std::move(ways));
}

std::uint32_t GrammarMatcher::rebuilt(std::uint32_t stack, const std::vector<Frame>& old) {
  std::vector<std::uint32_t> steps;
  for (; stack != 0; stack = old[stack].below) steps.push_back(old[stack].step);
  std::uint32_t out = 0;
  for (; !steps.empty(); steps.pop_back()) out = push(steps.back(), out);
  return out;
}

}  // namespace pennyweight::llm
