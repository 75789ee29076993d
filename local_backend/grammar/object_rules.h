// Objects and arrays as GBNF rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "local_backend/grammar/gbnf_text.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct ObjectRule {
  struct Property {
    std::string name;
    std::string value;  // expression
    bool required = false;
  };
  std::vector<Property> properties;  // written in this order
  std::string others;                // value of properties of other names; "": there are none
  std::vector<std::string> known;    // more names that are not "other"
};

struct ArrayRule {
  std::vector<std::string> prefix;  // of the first items, each its own
  std::string items;                // of those after; used when there may be any
  std::size_t least = 0, most = kNoLimit;
};

// `wish` begins the rules' names. The error's `what` says what is not supported.
Result<std::string> object_rule(const ObjectRule& rule, GbnfText& text, std::string_view wish);
std::string array_rule(const ArrayRule& rule, GbnfText& text);

}  // namespace pennyweight::llm
