#include "local_backend/answer_text.h"

#include "metrics/base/utf8.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

// The text of an answer whose bytes come in pieces of `size`; each piece shown must be whole.
std::string shown(const std::vector<std::string>& stops, const std::string& bytes,
                  std::size_t size) {
  AnswerText text(stops);
  std::string all;
  for (std::size_t i = 0; i < bytes.size() && !text.stopped(); i += size) {
    const std::string certain(text.push(std::string_view(bytes).substr(i, size)));
    CHECK(is_valid_utf8(certain));
    all += certain;
  }
  if (text.stopped()) CHECK(text.rest().empty());
  return all + std::string(text.rest());
}

}  // namespace

TEST_CASE("An answer ends before the stop string that is complete first, however it was cut") {
  struct Case {
    std::vector<std::string> stops;
    std::string bytes, expected;
  };
  const Case cases[] = {
      {{}, "plain text", "plain text"},
      {{"STOP"}, "before STOP after", "before "},
      {{"STOP"}, "STO and ST and S", "STO and ST and S"},
      {{"STOP"}, "STSTOP", "ST"},
      {{"aab"}, "aaab", "a"},
      {{"abcd", "bc"}, "xabcd", "xa"},
      {{"bc", "abc"}, "xabc", "x"},
      {{"\n\n"}, "one\ntwo\n\nthree", "one\ntwo"},
      {{"\xed\x95\x9c"}, "\xea\xb8\x80\xed\x95\x9c", "\xea\xb8\x80"},
      {{"never"},
       "\xed\x95\x9c\xea\xb5\xad\xf0\x9f\x98\x80",
       "\xed\x95\x9c\xea\xb5\xad\xf0\x9f\x98\x80"},
  };
  for (const Case& c : cases)
    for (std::size_t size = 1; size <= c.bytes.size(); ++size) {
      INFO(c.bytes << " in pieces of " << size);
      CHECK(shown(c.stops, c.bytes, size) == c.expected);
    }
}

TEST_CASE("Text is shown as soon as it is certain") {
  AnswerText text({"</s>"});
  CHECK(text.push("abc") == "abc");
  CHECK(text.push("d<") == "d");
  CHECK(text.push("/") == "");
  CHECK(text.push("p") == "</p");
  CHECK(text.push("\xed\x95") == "");
  CHECK(text.push("\x9c<") == "\xed\x95\x9c");
  CHECK(text.rest() == "<");
  CHECK(text.rest().empty());
}

TEST_CASE("An answer that ends inside a character gives its bytes at the end") {
  AnswerText text({});
  CHECK(text.push("a\xed\x95") == "a");
  CHECK(text.rest() == "\xed\x95");
}

}  // namespace pennyweight::llm::test
