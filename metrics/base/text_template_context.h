// One rendering: its limits, its first error, and the containers it makes.
//
// An error is not passed up step by step: the first one stays here, what failed gives an undefined
// item, and every loop asks charge() or ok() before it goes on. So the result of a rendering counts
// only when ok() holds at its end.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "metrics/base/result.h"
#include "metrics/base/text_template_item.h"

namespace pennyweight::templates {

constexpr std::size_t kMaxSteps = 1'000'000;
constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr std::size_t kBytesPerStep =
    128;                          // so that copying costs steps, and all memory is bounded
constexpr int kMaxCalls = 100;    // of macros inside macros
constexpr int kMaxNesting = 600;  // of statements and expressions, through all calls
constexpr int kMaxDepth = 100;    // of lists in lists, where they are walked

class Context {
 public:
  Context(TemplateUse rules, const Expression& nowhere) : use(rules), at(&nowhere) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  bool ok() const { return !error_.has_value(); }
  const Error& error() const { return *error_; }
  // Undefined. The first error stays; it names the place of `at`.
  Item fail(std::string_view problem, std::string why = {}, std::string fix = {});
  // False once the rendering has failed, as it does when its steps are spent.
  bool charge(std::size_t steps = 1);
  bool charge_bytes(std::size_t bytes) { return charge(bytes / kBytesPerStep); }
  // False, and failed, for a text longer than one may be: asked before it is built.
  bool may_build(std::size_t bytes);

  Item text(Text text);
  Item text(std::string_view plain) { return text(Text(std::string(plain))); }
  Item list(Items items, bool is_tuple = false);
  Item texts(std::vector<Text> texts);  // a list
  Map* map();
  Loop* loop(Items items);
  Item callable(Callable callable);
  Scope* scope(Scope* parent);

  bool strict() const { return use == TemplateUse::task_set; }

  const TemplateUse use;
  const Expression* at;  // what is being evaluated
  int nesting = 0, calls = 0;

 private:
  std::size_t steps_ = 0;
  std::optional<Error> error_;
  // Deques: what is borrowed stays where it is.
  std::deque<List> lists_;
  std::deque<Map> maps_;
  std::deque<Loop> loops_;
  std::deque<Callable> callables_;
  std::deque<Scope> scopes_;
};

}  // namespace pennyweight::templates
