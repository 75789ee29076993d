// What values are while a template runs, after Python: lists and maps are shared, and may change.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "metrics/base/text_template_syntax.h"
#include "metrics/base/text_template_text.h"

namespace pennyweight::templates {

struct List;
struct Map;
struct Callable;
struct Loop;

struct Undefined {
  const Expression* wanted = nullptr;  // what was not there
};
struct None {};

// Containers are borrowed from the Context that made them, which outlives every item: cycles and
// deep nests need no care when they end.
class Item {
 public:
  Item() = default;  // undefined
  // NOLINTBEGIN(google-explicit-constructor)
  Item(Undefined u) : data_(u) {}
  Item(None n) : data_(n) {}
  Item(bool b) : data_(b) {}
  Item(std::int64_t i) : data_(i) {}
  Item(double d) : data_(d) {}
  Item(List* l) : data_(l) {}
  Item(Map* m) : data_(m) {}
  Item(Callable* c) : data_(c) {}
  Item(Loop* l) : data_(l) {}
  Item(const void*) = delete;  // which would be a boolean
  // NOLINTEND(google-explicit-constructor)
  explicit Item(Text text) : data_(std::make_shared<const Text>(std::move(text))) {}

  bool is_none() const { return std::holds_alternative<None>(data_); }
  // Null when the item is of another kind.
  const Undefined* undefined() const { return std::get_if<Undefined>(&data_); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const Text* text() const { return pointee<std::shared_ptr<const Text>, const Text>(); }
  List* list() const { return pointee<List*, List>(); }
  Map* map() const { return pointee<Map*, Map>(); }
  Callable* callable() const { return pointee<Callable*, Callable>(); }
  Loop* loop() const { return pointee<Loop*, Loop>(); }
  bool is_number() const { return boolean() || integer() || real(); }
  bool is_text(std::string_view spelling) const { return text() && text()->bytes() == spelling; }

 private:
  template <class Pointer, class T>
  T* pointee() const {
    const Pointer* const held = std::get_if<Pointer>(&data_);
    return held == nullptr ? nullptr : &**held;
  }
  std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const Text>, List*,
               Map*, Callable*, Loop*>
      data_;
};

using Items = std::vector<Item>;

struct List {
  Items items;
  bool is_tuple = false;
};

struct Map {
  std::vector<std::pair<Item, Item>> entries;  // keys are texts or whole numbers
  bool is_namespace = false;
  const Item* find(std::string_view key) const;
  const Item* find(const Item& key) const;
  void set(const Item& key, Item item);
};

// The variable "loop".
struct Loop {
  Items items;
  std::size_t index = 0;
  Items last = {};     // what changed() was asked about last
  bool asked = false;  // at all
};

// Names of one block. Views into the template, which outlives them.
struct Scope {
  std::vector<std::pair<std::string_view, Item>> names;
  Scope* parent = nullptr;
  const Item* find(std::string_view name) const;  // here only
  void set(std::string_view name, Item item);
};

struct Callable {
  enum class Kind : std::uint8_t { function, method, macro };
  Kind kind = Kind::function;
  std::string_view name;
  Item receiver;                          // of a method
  const Statement* definition = nullptr;  // of a macro, or of what a call block passes to one
  Scope* scope = nullptr;                 // where that was defined
};

struct Arguments {
  Items positional;
  std::vector<std::pair<std::string_view, Item>> named;
  // By position or name; null when not given.
  const Item* find(std::size_t position, std::string_view name) const;
};

bool is_true(const Item& item);
// Of a number; a boolean is 0 or 1, as in Python.
double as_double(const Item& item);
// Of an integer or a boolean.
std::int64_t as_integer(const Item& item);
bool is_whole(const Item& item);

}  // namespace pennyweight::templates
