#include "local_backend/grammar/grammar.h"

#include <string>

#include "local_backend/grammar/grammar_matcher.h"
#include "metrics/base/random.h"
#include "metrics/base/utf8.h"
#include "tests/local_backend/grammar/ambiguous_grammar.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

std::shared_ptr<const Grammar> grammar_of(const std::string& text) {
  auto grammar = Grammar::parse(text);
  INFO(text << "\n" << (grammar ? "" : grammar.error().what));
  REQUIRE(grammar);
  return *grammar;
}

enum class Reading { dead, open, whole, ended };

Reading read(const std::string& grammar, std::string_view text) {
  GrammarMatcher matcher(grammar_of(grammar));
  auto state = matcher.start();
  for (const char byte : text) state = matcher.next(state, static_cast<std::uint8_t>(byte));
  if (state == GrammarMatcher::kDead) return Reading::dead;
  if (matcher.ended(state)) return Reading::ended;
  return matcher.complete(state) ? Reading::whole : Reading::open;
}

bool matches(const std::string& grammar, std::string_view text) {
  const Reading reading = read(grammar, text);
  return reading == Reading::whole || reading == Reading::ended;
}

std::string refusal(const std::string& text) {
  const auto grammar = Grammar::parse(text);
  return grammar ? "" : grammar.error().what;
}

}  // namespace

TEST_CASE("a literal is read byte by byte and ends where nothing may follow") {
  CHECK(read(R"g(root ::= "ab")g", "") == Reading::open);
  CHECK(read(R"g(root ::= "ab")g", "a") == Reading::open);
  CHECK(read(R"g(root ::= "ab")g", "ab") == Reading::ended);
  CHECK(read(R"g(root ::= "ab")g", "abc") == Reading::dead);
  CHECK(read(R"g(root ::= "ab" "c"?)g", "ab") == Reading::whole);
  CHECK(read(R"g(root ::= "")g", "") == Reading::ended);
}

TEST_CASE("escapes stand for their characters") {
  CHECK(matches(R"g(root ::= "\n\t\r\\\"\x41\u00e9\U0001F600")g", "\n\t\r\\\"A\u00e9\U0001F600"));
  CHECK(matches(R"g(root ::= [\]\-\\\x41]+)g", "]-\\A"));
  CHECK_FALSE(matches(R"g(root ::= [\]\-\\\x41]+)g", "B"));
}

TEST_CASE("classes hold ranges and can be negated, a dot is any character") {
  CHECK(matches("root ::= [a-cx]+", "abcx"));
  CHECK_FALSE(matches("root ::= [a-cx]+", "d"));
  CHECK(matches("root ::= [^a-c]", "d"));
  CHECK(matches("root ::= [^a-c]", "가"));
  CHECK_FALSE(matches("root ::= [^a-c]", "b"));
  CHECK(matches("root ::= [가-힣]+", "한글"));
  CHECK_FALSE(matches("root ::= [가-힣]+", "漢"));
  CHECK(matches("root ::= [a-]", "-"));
  CHECK(matches("root ::= ...", "a\n\U0001F600"));
  CHECK(refusal("root ::= []") == "grammar, line 1: a class that holds no character");
  CHECK(refusal("root ::= [\\ud800-\\udfff]") ==
        "grammar, line 1: a class that holds no character");
  CHECK(refusal(R"g(root ::= "\ud83d")g") ==
        "grammar, line 1: half of a character; write it whole, as \\UHHHHHHHH");
}

TEST_CASE("a rule that no text can finish is refused by its name") {
  CHECK(refusal(R"g(root ::= "a" root)g") == "grammar: rule \"root\" has no text that ends");
  CHECK(refusal("root ::= \"a\" | \"b\" x\nx ::= (\"c\" | \"d\" y){2}\ny ::= \"e\" x\n"
                "z ::= \"f\" (\"g\" z)+") == "grammar: rule \"z\" has no text that ends");
  CHECK(matches(R"g(root ::= "a" (root | "b"))g", "aab"));
  CHECK(matches(R"g(root ::= "a" root?)g", "aa"));
}

TEST_CASE("many steps that leave few ways to read a text are no obstacle") {
  CHECK(matches("root ::= e{90000} \"b\"\ne ::= \"\"", "b"));
}

TEST_CASE("repetitions bind to the item before them, a whole literal included") {
  CHECK(matches(R"g(root ::= "ab"* "c")g", "ababc"));
  CHECK_FALSE(matches(R"g(root ::= "ab"* "c")g", "abbc"));
  CHECK(matches(R"g(root ::= "a"+)g", "aaa"));
  CHECK_FALSE(matches(R"g(root ::= "a"+)g", ""));
  CHECK(matches(R"g(root ::= [a-z]{3})g", "abc"));
  CHECK_FALSE(matches(R"g(root ::= [a-z]{3})g", "ab"));
  CHECK_FALSE(matches(R"g(root ::= [a-z]{3})g", "abcd"));
  CHECK(matches(R"g(root ::= ("ab" | "c"){2,})g", "cabc"));
  CHECK_FALSE(matches(R"g(root ::= ("ab" | "c"){2,})g", "ab"));
  CHECK(matches(R"g(root ::= ("a" | "b" "c"?){ 2 , 5 })g", "abcba"));
  CHECK_FALSE(matches(R"g(root ::= ("a" | "b" "c"?){ 2 , 5 })g", "abcbaab"));
  for (std::size_t n = 0; n < 8; ++n)
    CHECK(matches(R"g(root ::= "x"{2,5})g", std::string(n, 'x')) == (n >= 2 && n <= 5));
  CHECK(matches(R"g(root ::= ("a"?)* "b")g", "aaab"));
  CHECK(matches(R"g(root ::= ("a"{0,3}){0,3})g", "aaaaaaaaa"));
  CHECK_FALSE(matches(R"g(root ::= ("a"{0,3}){0,3})g", "aaaaaaaaaa"));
}

TEST_CASE("rules call each other, over lines and comments") {
  const std::string text = R"g(
    # a sum
    root ::= term (op
       term)*   # many
      | "none"
    term ::= [0-9]+ | "(" root ")"
    op   ::=   "+" | "-"
  )g";
  CHECK(matches(text, "1+(2-3)-45"));
  CHECK(matches(text, "none"));
  CHECK_FALSE(matches(text, "1+(2-3"));
  CHECK_FALSE(matches(text, "1++2"));
}

TEST_CASE("brackets must match however deep they go") {
  const std::string text = R"g(root ::= "[" root "]" | "x")g";
  std::string deep(300, '[');
  deep += "x" + std::string(300, ']');
  CHECK(read(text, deep) == Reading::ended);
  CHECK(read(text, deep + "]") == Reading::dead);
  CHECK(read(text, std::string_view(deep).substr(0, 500)) == Reading::open);
}

TEST_CASE("a part of a character is kept while it can still become a legal one") {
  const std::string hangul = "root ::= [가-힣] \"!\"";
  const std::string text = "한!";
  for (std::size_t n = 0; n < text.size(); ++n)
    CHECK(read(hangul, text.substr(0, n)) == Reading::open);
  CHECK(read(hangul, text) == Reading::ended);
  CHECK(read(hangul, "\xe6") == Reading::dead);        // only what is not Hangul begins so
  CHECK(read("root ::= .", "\xc0") == Reading::dead);  // overlong
  CHECK(read("root ::= .", "\xe0\x80") == Reading::dead);
  CHECK(read("root ::= .", "\xed\xa0") == Reading::dead);  // a surrogate
  CHECK(read("root ::= .", "\xf4\x90") == Reading::dead);  // above U+10FFFF
  CHECK(read("root ::= .", "\xf4\x8f\xbf\xbf") == Reading::ended);
  CHECK(read("root ::= .", "\x80") == Reading::dead);
  CHECK(read("root ::= [^가]", "\xea\xb0\x80") == Reading::dead);
  CHECK(read("root ::= [^가]", "\xea\xb0\x81") == Reading::ended);
}

TEST_CASE("any code point is one character, and classes split them exactly") {
  Random random(1, Stream::synthesis);
  GrammarMatcher matcher(grammar_of("root ::= [\\u0080-\\u07ff\\u1234\\U00010000-\\U0002ffff]"));
  for (int i = 0; i < 20'000; ++i) {
    const auto c = static_cast<char32_t>(random.below(i % 2 == 0 ? 0x3000 : 0x110000));
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    auto state = matcher.start();
    for (const char byte : text) state = matcher.next(state, static_cast<std::uint8_t>(byte));
    const bool inside = (c >= 0x80 && c <= 0x7ff) || c == 0x1234 || (c >= 0x10000 && c <= 0x2ffff);
    REQUIRE(matcher.complete(state) == inside);
  }
}

TEST_CASE("what is wrong with a grammar is said with its line or rule") {
  CHECK(refusal("") == "grammar, line 1: there is no rule \"root\"");
  CHECK(refusal("a ::= \"x\"") == "grammar, line 1: there is no rule \"root\"");
  CHECK(refusal("root ::= a\n\n") == "grammar, line 1: rule \"a\" is used and not defined");
  CHECK(refusal("root ::= \"a\"\nroot ::= \"b\"") ==
        "grammar, line 2: rule \"root\" is defined twice");
  CHECK(refusal("root = \"a\"") == "grammar, line 1: \"::=\" is missing after \"root\"");
  CHECK(refusal("root ::= \"a") == "grammar, line 1: a literal is not closed");
  CHECK(refusal("root ::= [a") == "grammar, line 1: a class is not closed by \"]\"");
  CHECK(refusal("root ::= (\"a\"") == "grammar, line 1: a group is not closed by \")\"");
  CHECK(refusal("root ::= \"\\q\"") == "grammar, line 1: the escape \"\\q\" is not known");
  CHECK(refusal("root ::= \"\\x4\"") ==
        "grammar, line 1: an escape without its 2 hexadecimal digits");
  CHECK(refusal("root ::= \"a\"{3,2}") == "grammar, line 1: {3,2} allows nothing");
  CHECK(refusal("root ::= \"a\"{2") ==
        "grammar, line 1: after \"{\" come one or two numbers and \"}\"");
  CHECK(refusal("root ::= \"a\"{999999}") == "grammar, line 1: a repetition of more than 100000");
  CHECK(refusal("root ::= \"a\"**") == "grammar, line 1: \"*\" is not expected here");
  CHECK(refusal("root ::= [z-a]") ==
        "grammar, line 1: a range of characters whose end is before its beginning");
  CHECK(refusal("root ::= \"a\" )") == "grammar, line 1: \")\" is not expected here");
}

TEST_CASE("left recursion is refused by the rule's name, hidden or not") {
  CHECK(refusal("root ::= root \"a\" | \"b\"") == "grammar: rule \"root\" is left-recursive");
  CHECK(refusal("root ::= \"x\" list\nlist ::= item \"a\" | \"b\"\nitem ::= list") ==
        "grammar: rule \"list\" is left-recursive");
  CHECK(refusal("root ::= \"x\"? root") == "grammar: rule \"root\" is left-recursive");
  CHECK(refusal("root ::= e e root \"x\"\ne ::= \"y\"* | f\nf ::= \"\"") ==
        "grammar: rule \"root\" is left-recursive");
  CHECK(refusal("root ::= (root \"a\")* \"b\"") == "grammar: rule \"root\" is left-recursive");
  CHECK(refusal("root ::= \"b\" root | \"\"").empty());
}

TEST_CASE("hostile grammars are refused or end in an overflow, soon") {
  std::string deep = "root ::= ";
  for (int i = 0; i < 10'000; ++i) deep += '(';
  CHECK(refusal(deep) == "grammar, line 1: more than 200 groups in each other");
  CHECK(refusal(std::string(Grammar::kMaxText + 1, ' ')) == "a grammar of 1048577 bytes");
  CHECK(
      refusal("root ::= [a]{100000} [a]{100000} [a]{100000} [a]{100000} [a]{100000} [a]{100000}") ==
      "the grammar is too large");

  GrammarMatcher many(grammar_of(pennyweight::test::ambiguous_grammar()));
  CHECK(many.start() == GrammarMatcher::kDead);
  CHECK(many.overflowed());

  // Doubles them with each character.
  GrammarMatcher growing(grammar_of("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"\""));
  auto state = growing.start();
  int read = 0;
  for (; read < 100 && state != GrammarMatcher::kDead; ++read)
    state = growing.settle(growing.next(state, 'a'));
  CHECK(growing.overflowed());
  CHECK(read > 10);
}

TEST_CASE("forgetting old states changes nothing") {
  const std::string text = R"g(root ::= "[" (root ("," root)*)? "]" | [0-9]{1,4000})g";
  GrammarMatcher settled(grammar_of(text)), plain(grammar_of(text));
  auto a = settled.start(), b = plain.start();
  Random random(7, Stream::synthesis);
  int characters = 0;
  for (; characters < 6000 && a != GrammarMatcher::kDead; ++characters) {
    const std::string_view choices = "[],0123456789";
    std::vector<std::uint8_t> legal;
    for (const char c : choices) {
      const auto byte = static_cast<std::uint8_t>(c);
      const bool alive = settled.next(a, byte) != GrammarMatcher::kDead;
      REQUIRE(alive == (plain.next(b, byte) != GrammarMatcher::kDead));
      if (alive) legal.push_back(byte);
    }
    if (legal.empty()) break;
    const auto byte = legal[random.below(legal.size())];
    a = settled.settle(settled.next(a, byte));
    b = plain.next(b, byte);
    REQUIRE(settled.complete(a) == plain.complete(b));
  }
  CHECK_FALSE(settled.overflowed());
}

TEST_CASE("every beginning of a grammar's text is read or refused") {
  const std::string text =
      "root ::= a{2,3} | [^\\x00-\\x1F\"가-힣] \"\\\"\"+ # c\na ::= (\"x\" | .)?\n";
  for (std::size_t n = 0; n <= text.size(); ++n) {
    const auto grammar = Grammar::parse(text.substr(0, n));
    if (!grammar) CHECK_FALSE(grammar.error().what.empty());
  }
}

}  // namespace pennyweight::llm::test
