#include "local_backend/grammar/grammar.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "local_backend/grammar/gbnf_parser.h"

namespace pennyweight::llm {

using Kind = GrammarExpression::Kind;
using Op = GrammarStep::Kind;

// Tree to program. A repeated group becomes a rule of its own, so that {m,n} in {m,n} does not
// multiply.
class GrammarCompiler {
 public:
  explicit GrammarCompiler(GrammarTree tree) : tree_(std::move(tree)) {}

  Result<std::shared_ptr<const Grammar>> compile(std::string* at_fault) {
    for (std::uint32_t i = 0; i < tree_.rules.size(); ++i)
      units_.push_back({&tree_.rules[i].body, i, 0});
    for (std::size_t i = 0; i < units_.size() && !too_large(); ++i) {  // it grows meanwhile
      units_[i].start = next();
      emit(*units_[i].body, units_[i].rule);
      add(Op::end);
    }
    if (too_large())
      return fail(ErrorKind::unsupported, "the grammar is too large",
                  fmt::format("it takes more than {} steps", Grammar::kMaxSteps),
                  "use smaller repetitions");
    resolve();
    if (const auto rule = left_recursive()) {
      if (at_fault != nullptr) *at_fault = *rule;
      return fail(ErrorKind::unsupported,
                  fmt::format("grammar: rule \"{}\" is left-recursive", *rule),
                  "it begins with itself before any character",
                  "write it with a repetition: a ::= b (\",\" b)*");
    }
    if (const auto rule = endless()) {
      if (at_fault != nullptr) *at_fault = *rule;
      return fail(ErrorKind::unsupported,
                  fmt::format("grammar: rule \"{}\" has no text that ends", *rule),
                  "each of its alternatives needs another of the same",
                  "give it one that does not: a ::= \"x\" a | \"y\"");
    }
    grammar_.classes_ = std::move(tree_.classes);
    grammar_.start_ = units_[tree_.root].start;
    return std::make_shared<const Grammar>(std::move(grammar_));
  }

 private:
  struct Unit {
    const GrammarExpression* body;
    std::uint32_t rule;  // whose name it bears
    std::uint32_t start;
  };

  std::uint32_t next() const { return static_cast<std::uint32_t>(grammar_.steps_.size()); }
  bool too_large() const { return grammar_.steps_.size() > Grammar::kMaxSteps; }
  std::uint32_t add(Op kind, std::uint32_t a = 0, std::uint32_t b = 0) {
    grammar_.steps_.push_back({kind, a, b});
    return next() - 1;
  }

  void emit(const GrammarExpression& e, std::uint32_t rule) {
    if (too_large()) return;
    switch (e.kind) {
      case Kind::match:
        add(Op::match, e.index);
        return;
      case Kind::call:  // `a` is a unit until resolve()
        add(Op::call, e.index);
        return;
      case Kind::sequence:
        for (const auto& part : e.parts) emit(part, rule);
        return;
      case Kind::choice:
        return emit_choice(e, rule);
      case Kind::repeat:
        return emit_repeat(e, rule);
    }
  }

  void emit_choice(const GrammarExpression& e, std::uint32_t rule) {
    std::vector<std::uint32_t> jumps;
    for (std::size_t i = 0; i + 1 < e.parts.size(); ++i) {
      const std::uint32_t fork = add(Op::fork, next() + 1);
      emit(e.parts[i], rule);
      jumps.push_back(add(Op::jump));
      grammar_.steps_[fork].b = next();
    }
    emit(e.parts.back(), rule);
    for (const std::uint32_t jump : jumps) grammar_.steps_[jump].a = next();
  }

  void emit_repeat(const GrammarExpression& e, std::uint32_t rule) {
    const bool bounded = e.most != kUnbounded;
    const GrammarExpression* unit = &e.parts.front();
    GrammarExpression call{.kind = Kind::call};
    const bool small = unit->kind == Kind::match || unit->kind == Kind::call;
    if (!small && (bounded ? e.most : e.least + 1) > 1) {
      call.index = static_cast<std::uint32_t>(units_.size());
      units_.push_back({unit, rule, 0});
      unit = &call;
    }
    for (std::uint32_t i = 0; i < e.least && !too_large(); ++i) emit(*unit, rule);
    std::vector<std::uint32_t> forks;
    if (!bounded) {
      forks.push_back(add(Op::fork, next() + 1));
      emit(*unit, rule);
      add(Op::jump, forks.front());
    }
    for (std::uint32_t i = e.least; bounded && i < e.most && !too_large(); ++i) {
      forks.push_back(add(Op::fork, next() + 1));
      emit(*unit, rule);
    }
    for (const std::uint32_t fork : forks) grammar_.steps_[fork].b = next();
  }

  // Calls get their steps; one that nothing follows needs no return address.
  void resolve() {
    for (std::uint32_t i = 0; i < next(); ++i) {
      GrammarStep& step = grammar_.steps_[i];
      if (step.kind != Op::call) continue;
      step.a = units_[step.a].start;
      std::uint32_t after = i + 1;
      while (grammar_.steps_[after].kind == Op::jump && grammar_.steps_[after].a > after)
        after = grammar_.steps_[after].a;
      step.b = grammar_.steps_[after].kind == Op::end ? 1 : 0;
    }
  }

  // Index of the unit that a step belongs to.
  std::size_t unit_of(std::uint32_t step) const {
    const auto after = std::ranges::upper_bound(units_, step, {}, &Unit::start);
    return static_cast<std::size_t>(after - units_.begin()) - 1;
  }

  // For each unit the units called on the way to its end, and whether its end is reached.
  struct Walk {
    std::vector<std::vector<std::size_t>> calls;
    std::vector<bool> ends;
  };
  // Each step is looked at once: what follows a call waits until the called unit is known to reach
  // its end. Characters are walked past, or else end the way.
  Walk walk(bool past_characters) const {
    Walk out{std::vector<std::vector<std::size_t>>(units_.size()),
             std::vector<bool>(units_.size())};
    std::vector<std::vector<std::uint32_t>> waiting(units_.size());
    std::vector<bool> seen(next());
    std::vector<std::uint32_t> work;
    for (const Unit& unit : units_) work.push_back(unit.start);
    while (!work.empty()) {
      const std::uint32_t at = work.back();
      work.pop_back();
      if (seen[at]) continue;
      seen[at] = true;
      const GrammarStep& step = grammar_.steps_[at];
      if (step.kind == Op::match && past_characters) work.push_back(at + 1);
      if (step.kind == Op::jump || step.kind == Op::fork) work.push_back(step.a);
      if (step.kind == Op::fork) work.push_back(step.b);
      if (step.kind == Op::end) {
        const std::size_t unit = unit_of(at);
        out.ends[unit] = true;
        work.insert(work.end(), waiting[unit].begin(), waiting[unit].end());
      } else if (step.kind == Op::call) {
        const std::size_t called = unit_of(step.a);
        out.calls[unit_of(at)].push_back(called);
        if (out.ends[called]) work.push_back(at + 1);
        waiting[called].push_back(at + 1);
      }
    }
    return out;
  }

  // The name of a rule that reaches itself before any character.
  std::optional<std::string> left_recursive() const {
    const auto calls = walk(false).calls;
    enum : char { unknown, open, done };
    std::vector<char> marks(units_.size(), unknown);
    std::vector<std::pair<std::size_t, std::size_t>> path;  // unit, and its calls followed so far
    for (std::size_t first = 0; first < units_.size(); ++first) {
      if (marks[first] == unknown) path.emplace_back(first, 0);
      while (!path.empty()) {
        auto& [unit, followed] = path.back();
        marks[unit] = open;
        if (followed == calls[unit].size()) {
          marks[unit] = done;
          path.pop_back();
          continue;
        }
        const std::size_t called = calls[unit][followed++];
        if (marks[called] == open) return tree_.rules[units_[called].rule].name;
        if (marks[called] == unknown) path.emplace_back(called, 0);
      }
    }
    return std::nullopt;
  }

  // The name of a rule that no text can finish.
  std::optional<std::string> endless() const {
    const std::vector<bool> ends = walk(true).ends;
    const auto found = std::ranges::find(ends, false);
    if (found == ends.end()) return std::nullopt;
    return tree_.rules[units_[static_cast<std::size_t>(found - ends.begin())].rule].name;
  }

  GrammarTree tree_;
  Grammar grammar_;
  std::deque<Unit> units_;  // the rules first, in their order
};

Result<std::shared_ptr<const Grammar>> Grammar::parse(std::string_view gbnf,
                                                      std::string* at_fault) {
  auto tree = parse_gbnf(gbnf);
  if (!tree) return fail(std::move(tree).error());
  return GrammarCompiler(*std::move(tree)).compile(at_fault);
}

}  // namespace pennyweight::llm
