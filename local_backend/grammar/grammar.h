// What an answer may be: a context-free grammar in the GBNF notation, compiled to a small program
// over code points. Immutable after parsing: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight::llm {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

// A set of code points.
class CharClass {
 public:
  struct Range {
    char32_t first = 0, last = 0;  // both included
    friend bool operator==(const Range&, const Range&) = default;
  };
  // In any order, overlapping or not; `inverted`: all code points but these.
  explicit CharClass(std::vector<Range> ranges, bool inverted = false);

  bool contains(char32_t c) const { return meets(c, c); }
  bool meets(char32_t first, char32_t last) const;           // one of them at least
  bool covers(char32_t first, char32_t last) const;          // all of them
  std::span<const Range> ranges() const { return ranges_; }  // ascending, apart from each other

 private:
  std::vector<Range> ranges_;
};

// One step of the program. A rule begins at its first step and returns at `end`.
struct GrammarStep {
  enum class Kind : std::uint8_t {
    match,  // a code point of class `a`, then the step after this
    call,   // the rule at step `a`; `b` is 1 when nothing but its return follows
    fork,   // both step `a` and step `b`
    jump,   // step `a`
    end,
  };
  Kind kind = Kind::end;
  std::uint32_t a = 0, b = 0;
};

class Grammar {
 public:
  // Notation: name ::= alternatives, beginning at the rule "root"; "literals" and [classes] with
  // escapes \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH, [^negated], . for any character,
  // (groups), * + ? {m} {m,} {m,n}, and # comments. Refused with line or rule name: what is not
  // that, rules that are missing or defined twice, left recursion, rules whose every text goes on
  // for ever, and more than kMaxText bytes or kMaxSteps steps. `at_fault` gets the name of a rule
  // of the two kinds before the last.
  static Result<std::shared_ptr<const Grammar>> parse(std::string_view gbnf,
                                                      std::string* at_fault = nullptr);

  std::uint32_t start() const { return start_; }
  const GrammarStep& step(std::uint32_t index) const { return steps_[index]; }
  std::size_t size() const { return steps_.size(); }
  const CharClass& char_class(std::uint32_t index) const { return classes_[index]; }

  static constexpr std::size_t kMaxText = 1 << 20, kMaxSteps = 1 << 19;
  static constexpr std::uint32_t kMaxRepeat = 100'000;

 private:
  friend class GrammarCompiler;
  std::vector<GrammarStep> steps_;
  std::vector<CharClass> classes_;
  std::uint32_t start_ = 0;
};

}  // namespace pennyweight::llm
