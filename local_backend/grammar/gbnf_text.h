// GBNF text under construction, for compilers of other notations.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "local_backend/grammar/grammar.h"

namespace pennyweight::llm {

std::string gbnf_literal(std::string_view text);      // "a\"b"; valid UTF-8
std::string gbnf_class(const CharClass& characters);  // [a-z]
std::string gbnf_repeat(std::string_view item, std::size_t least, std::size_t most);
inline constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

class GbnfText {
 public:
  // A name like `wish` that is free, and taken from now on.
  std::string reserve(std::string_view wish);
  void define(const std::string& name, std::string_view body);
  // A rule of this body, and its name; the same body gives the same rule.
  std::string add(std::string_view wish, const std::string& body);
  // One of the rules for JSON that need no schema: value, object, array, string, char, number,
  // integer, boolean, null, ws; with all that it refers to.
  std::string json(std::string_view name);
  const std::string& text() const { return text_; }
  // Between what a rule is about and which part of it.
  static constexpr char kPart = '\n';
  // What `wish` the name was reserved for, up to kPart; the name itself where it was not.
  std::string wish_of(const std::string& name) const;

 private:
  std::string text_;
  std::set<std::string, std::less<>> names_ = {"root"}, known_;
  std::map<std::string, std::string> by_body_, wishes_;
};

}  // namespace pennyweight::llm
