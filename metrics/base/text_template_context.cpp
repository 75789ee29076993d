#include "metrics/base/text_template_context.h"

#include <utility>

namespace pennyweight::templates {

Item Context::fail(std::string_view problem, std::string why, std::string fix) {
  if (ok()) error_ = fail_at(at->place, problem, std::move(why), std::move(fix)).value();
  return {};
}

bool Context::charge(std::size_t steps) {
  if (steps > kMaxSteps - steps_) {
    steps_ = kMaxSteps;
    fail("the template takes too many steps");
  } else {
    steps_ += steps;
  }
  return ok();
}

bool Context::may_build(std::size_t bytes) {
  if (bytes > kMaxText) fail("the text is longer than 16 MiB");
  return charge_bytes(bytes);
}

Item Context::text(Text text) {
  if (!may_build(text.weight())) return {};
  return Item(std::move(text));
}

Item Context::list(Items items, bool is_tuple) {
  if (!charge_bytes(items.size() * sizeof(Item))) return {};
  return &lists_.emplace_back(List{std::move(items), is_tuple});
}

Item Context::texts(std::vector<Text> texts) {
  Items items;
  for (Text& part : texts) {
    if (!charge()) return {};
    items.push_back(text(std::move(part)));
  }
  return list(std::move(items));
}

Map* Context::map() {
  return &maps_.emplace_back();
}

Loop* Context::loop(Items items) {
  charge_bytes(items.size() * sizeof(Item));
  return &loops_.emplace_back(Loop{std::move(items)});
}

Item Context::callable(Callable callable) {
  return &callables_.emplace_back(std::move(callable));
}

Scope* Context::scope(Scope* parent) {
  return &scopes_.emplace_back(Scope{{}, parent});
}

}  // namespace pennyweight::templates
