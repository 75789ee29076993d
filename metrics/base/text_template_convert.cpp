#include "metrics/base/text_template_convert.h"

namespace pennyweight::templates {

// As deep as the caller made them: 100 for JSON.
Item item_of(Context& context, const Value& value, bool followed, std::string_view key) {
  if (value.boolean() != nullptr) return *value.boolean();
  if (value.integer() != nullptr) return *value.integer();
  if (value.real() != nullptr) return *value.real();
  if (value.text() != nullptr) return Item(Text(*value.text(), followed));
  if (value.list() != nullptr) {
    Items items;
    for (const Value& item : *value.list()) items.push_back(item_of(context, item, followed, key));
    return context.list(std::move(items));
  }
  if (value.map() != nullptr) {
    Map* const out = context.map();
    for (const auto& [name, item] : *value.map()) {
      const bool begins = !key.empty() && name == key;
      out->entries.emplace_back(Item(Text(name)), item_of(context, item, followed || begins, key));
    }
    return out;
  }
  return None();
}

}  // namespace pennyweight::templates
