#include "metrics/base/text_template_item.h"

#include <algorithm>

namespace pennyweight::templates {
namespace {

template <class Pairs>
auto find_in(Pairs& pairs, std::string_view key) {
  return std::find_if(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == key; });
}

bool is_same_key(const Item& a, const Item& b) {
  if (b.text() != nullptr) return a.is_text(b.text()->bytes());
  return is_whole(a) && is_whole(b) && as_integer(a) == as_integer(b);
}

}  // namespace

const Item* Map::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return entry.first.is_text(key); });
  return found == entries.end() ? nullptr : &found->second;
}
const Item* Map::find(const Item& key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return is_same_key(entry.first, key); });
  return found == entries.end() ? nullptr : &found->second;
}
void Map::set(const Item& key, Item item) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return is_same_key(entry.first, key); });
  if (found != entries.end()) {
    found->second = std::move(item);
  } else {
    entries.emplace_back(key, std::move(item));
  }
}

const Item* Scope::find(std::string_view name) const {
  const auto found = find_in(names, name);
  return found == names.end() ? nullptr : &found->second;
}
void Scope::set(std::string_view name, Item item) {
  const auto found = find_in(names, name);
  if (found != names.end()) {
    found->second = std::move(item);
  } else {
    names.emplace_back(name, std::move(item));
  }
}

const Item* Arguments::find(std::size_t position, std::string_view name) const {
  if (position < positional.size()) return &positional[position];
  const auto found = find_in(named, name);
  return found == named.end() ? nullptr : &found->second;
}

bool is_true(const Item& item) {
  if (item.undefined() != nullptr || item.is_none()) return false;
  if (item.is_number()) return as_double(item) != 0;
  if (item.text() != nullptr) return !item.text()->bytes().empty();
  if (item.list() != nullptr) return !item.list()->items.empty();
  if (item.map() != nullptr) return item.map()->is_namespace || !item.map()->entries.empty();
  return true;
}

double as_double(const Item& item) {
  return item.real() != nullptr ? *item.real() : static_cast<double>(as_integer(item));
}
std::int64_t as_integer(const Item& item) {
  return item.boolean() != nullptr ? (*item.boolean() ? 1 : 0) : *item.integer();
}
bool is_whole(const Item& item) {
  return item.integer() != nullptr || item.boolean() != nullptr;
}

}  // namespace pennyweight::templates
