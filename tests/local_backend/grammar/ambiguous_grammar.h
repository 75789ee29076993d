#pragma once

#include <string>

namespace pennyweight::test {

// A grammar of more ways to read its first character than are followed: each call doubles them.
inline std::string ambiguous_grammar() {
  std::string text = "root ::= a0\n";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "a" + std::to_string(i + 1);
    text += "a" + std::to_string(i) + " ::= " + next + " \"x\" | " + next + " \"y\"\n";
  }
  return text + "a40 ::= \"z\"";
}

}  // namespace pennyweight::test
