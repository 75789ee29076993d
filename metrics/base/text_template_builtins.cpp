#include "metrics/base/text_template_builtins.h"

#include <algorithm>

#include "metrics/base/text_template_names.h"

namespace pennyweight::templates {
namespace {

bool has_parameter(std::string_view parameters, std::string_view name) {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(' '), parameters.size());
    if (parameters.substr(0, end) == name) return true;
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return false;
}

bool accepts(const Builtin& builtin, const Arguments& arguments) {
  const std::string_view parameters = builtin.parameters;
  const std::size_t given = arguments.positional.size() + arguments.named.size();
  if (given < builtin.least) return false;
  if (parameters == "*") return true;
  const auto blanks = std::count(parameters.begin(), parameters.end(), ' ');
  const std::size_t most = parameters.empty() ? 0 : static_cast<std::size_t>(blanks) + 1;
  return given <= most &&
         std::all_of(arguments.named.begin(), arguments.named.end(),
                     [&](const auto& named) { return has_parameter(parameters, named.first); });
}

std::vector<std::string> names_of(std::initializer_list<std::span<const Builtin>> groups) {
  std::vector<std::string> out;
  for (const auto& group : groups) {
    for (const Builtin& builtin : group) out.emplace_back(builtin.name);
  }
  return out;
}

}  // namespace

const Builtin* find_builtin(std::span<const Builtin> all, std::string_view name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Builtin& b) { return b.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Item run_builtin(Context& context, const Builtin& builtin, const Item& value,
                 const Arguments& arguments) {
  if (!accepts(builtin, arguments)) {
    return context.fail("wrong arguments for \"" + std::string(builtin.name) + "\"");
  }
  // What it will look at, at least once.
  if (value.text() != nullptr && !context.charge_bytes(value.text()->weight())) return {};
  return builtin.run(context, value, arguments);
}

Item apply_filter(Context& context, std::string_view name, const Item& value,
                  const Arguments& arguments) {
  for (const auto& group : {text_filters(), list_filters(), value_filters()}) {
    if (const Builtin* const filter = find_builtin(group, name)) {
      return run_builtin(context, *filter, value, arguments);
    }
  }
  return context.fail("no filter \"" + std::string(name) + "\"");
}

bool apply_test(Context& context, std::string_view name, const Item& value,
                const Arguments& arguments) {
  const Builtin* const test = find_builtin(tests(), name);
  if (test == nullptr) context.fail("no test \"" + std::string(name) + "\"");
  return test != nullptr && is_true(run_builtin(context, *test, value, arguments));
}

const Builtin* method_of(const Item& value, std::string_view name) {
  if (value.text() != nullptr) {
    const Builtin* const method = find_builtin(text_methods(), name);
    return method != nullptr ? method : find_builtin(search_methods(), name);
  }
  if (value.loop() != nullptr) return find_builtin(loop_methods(), name);
  if (value.list() != nullptr) return find_builtin(list_methods(), name);
  if (value.map() == nullptr || value.map()->is_namespace) return nullptr;
  return find_builtin(map_methods(), name);
}

Item given(const Arguments& arguments, std::size_t position, std::string_view name) {
  const Item* const found = arguments.find(position, name);
  return found == nullptr ? Item(None()) : *found;
}

bool flag(const Arguments& arguments, std::size_t position, std::string_view name, bool otherwise) {
  const Item* const found = arguments.find(position, name);
  return found == nullptr ? otherwise : is_true(*found);
}

std::int64_t whole(Context& context, const Arguments& arguments, std::size_t position,
                   std::string_view name, std::int64_t otherwise) {
  const Item item = given(arguments, position, name);
  if (item.is_none()) return otherwise;
  if (is_whole(item)) return as_integer(item);
  context.fail("\"" + std::string(name) + "\" is a whole number");
  return otherwise;
}

const std::string* spelled(Context& context, const Arguments& arguments, std::size_t position,
                           std::string_view name) {
  const Item* const found = arguments.find(position, name);
  if (found == nullptr || found->is_none()) return nullptr;
  if (found->text() != nullptr) return &found->text()->bytes();
  context.fail("\"" + std::string(name) + "\" is a text");
  return nullptr;
}

std::vector<std::string> filter_names() {
  return names_of({text_filters(), list_filters(), value_filters()});
}
std::vector<std::string> test_names() {
  return names_of({tests()});
}
std::vector<std::string> method_names() {
  return names_of(
      {text_methods(), search_methods(), list_methods(), map_methods(), loop_methods()});
}
std::vector<std::string> function_names() {
  return names_of({functions()});
}

}  // namespace pennyweight::templates
