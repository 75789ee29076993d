// From tokens' bytes to text that may be shown: whole characters, and nothing that a stop string
// could still swallow.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennyweight::llm {

// One answer. The result does not depend on how the bytes were cut into tokens.
class AnswerText {
 public:
  // No stop string may be empty.
  explicit AnswerText(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // What has become certain with these bytes; valid until the next call.
  std::string_view push(std::string_view bytes);
  // A stop string is complete: the text before it was returned, what follows is dropped. Of several
  // stop strings the one that is complete first counts, of those the longest.
  bool stopped() const { return stopped_; }
  // At the end of the answer: what was held back, which may end inside a character.
  std::string_view rest();

 private:
  bool cut_at_stop(std::size_t unseen);
  std::size_t held_for_stop() const;

  std::vector<std::string> stops_;
  std::string pending_, certain_;
  bool stopped_ = false;
};

}  // namespace pennyweight::llm
