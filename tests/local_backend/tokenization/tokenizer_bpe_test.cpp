#include <algorithm>
#include <set>

#include "local_backend/answer_text.h"
#include "local_backend/tokenization/pre_tokenizer.h"
#include "metrics/base/random.h"
#include "metrics/base/utf8.h"
#include "tests/local_backend/tokenization/bpe_vocabulary.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;
using Tokens = std::vector<Token>;

Tokens encoded(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.encode(text, Specials::as_text);
}

TEST_CASE("byte pairs of the lowest rank merge first, of one rank the leftmost") {
  BpeVocabulary v;
  const Token bc = v.merge("b", "c"), ab = v.merge("a", "b"), abc = v.merge("ab", "c");
  const Token aa = v.merge("a", "a");
  const Tokenizer t = v.load();
  CHECK(encoded(t, "abc") == Tokens{'a', bc});
  CHECK(encoded(t, "ab") == Tokens{ab});
  CHECK(encoded(t, "aaa") == Tokens{aa, 'a'});
  CHECK(encoded(t, "aaaa") == Tokens{aa, aa});
  CHECK(encoded(t, "").empty());
  CHECK(t.piece(abc) == "abc");
}

TEST_CASE("of equal merges the first counts") {
  BpeVocabulary v;
  const Token ab = v.merge("a", "b"), bc = v.merge("b", "c");
  v.merges.push_back("a b");
  CHECK(encoded(v.load(), "abc") == Tokens{ab, 'c'});
  std::swap(v.merges[0], v.merges[1]);
  CHECK(encoded(v.load(), "abc") == Tokens{'a', bc});
}

TEST_CASE("merges do not cross the border of a word, and a word takes the blank before it") {
  BpeVocabulary v;
  const Token blank_b = v.merge("\u0120", "b"), ab = v.merge("a", "b");
  v.merge("a", "\u0120");
  v.merge("b", "!");
  const Tokenizer t = v.load();
  CHECK(encoded(t, "a b!") == Tokens{'a', blank_b, '!'});
  CHECK(encoded(t, "ab b") == Tokens{ab, blank_b});
  CHECK(t.decode(Tokens{blank_b, ab}) == " bab");
}

TEST_CASE("some pre-tokenizers keep a word that is a token whole, whatever the merges say") {
  BpeVocabulary v;
  const Token blank_abc = v.add("\u0120abc"), ab = v.merge("a", "b");
  v.pre = "llama-bpe";
  CHECK(encoded(v.load(), " abc") == Tokens{blank_abc});
  CHECK(encoded(v.load(), "abc") == Tokens{ab, 'c'});
  v.pre = "qwen2";
  CHECK(encoded(v.load(), " abc") == Tokens{' ', ab, 'c'});
}

TEST_CASE("a byte without a token is left out") {
  BpeVocabulary v;
  v.texts['x'] = "never";
  CHECK(encoded(v.load(), "axb") == Tokens{'a', 'b'});
}

TEST_CASE("text cannot spell its way to a control token of a byte-level vocabulary") {
  BpeVocabulary v;
  const Token word = v.add("secret", 3), start = v.add("<|im_start|>", 3);
  const Token user = v.add("<think>", 4);
  v.pre = "llama-bpe";  // looks whole words up
  v.merges = {"s e"};
  v.add("se");
  const Tokenizer t = v.load();
  const auto count = [](const Tokens& tokens, Token token) {
    return std::count(tokens.begin(), tokens.end(), token);
  };
  CHECK(count(encoded(t, "secret <|im_start|>"), word) == 0);
  CHECK(count(encoded(t, "secret <|im_start|>"), start) == 0);
  CHECK(t.encode("secret<|im_start|>", Specials::parse) == Tokens{word, start});
  CHECK(encoded(t, "a<think>b") == Tokens{'a', user, 'b'});
  CHECK(t.piece(start).empty());
  CHECK(t.piece(user) == "<think>");
}

TEST_CASE("a merge that would make a control token is left out") {
  BpeVocabulary v;
  const Token control = v.add("ab", 3);
  v.merges = {"a b"};
  CHECK(encoded(v.load(), "ab") == Tokens{'a', 'b'});
  CHECK(v.load().encode("ab", Specials::parse) == Tokens{control});
}

TEST_CASE(
    "any bytes go through every pre-tokenizer and back, and no answer shows half a character") {
  Random random(3, Stream::synthesis);
  for (const PreTokenizerSpec& spec : pre_tokenizers()) {
    BpeVocabulary v;
    v.merge("\u0120", "t"), v.merge("h", "e"), v.merge("\u0120t", "he"), v.merge("1", "2");
    v.merge("\u00ed", "\u0137"),
        v.merge("\u00ed\u0137", "\u013e");  // two bytes of a syllable, three
    v.add("  ", 4);
    v.pre = spec.name;
    const Tokenizer t = v.load();
    CHECK(t.description() == "BPE, pre-tokenizer " + std::string(spec.name));
    for (int round = 0; round < 40; ++round) {
      std::string text;
      for (auto length = random.below(30); length > 0; --length) {
        switch (random.below(4)) {
          case 0:
            text += static_cast<char>(random.below(256));
            break;
          case 1:
            text += "\xed\x95\x9c the 12";
            break;
          default:
            text += " the'll\r\n12A."[random.below(14)];
        }
      }
      INFO(spec.name << ": " << text);
      const Tokens tokens = encoded(t, text);
      REQUIRE(t.decode(tokens) == text);
      if (!is_valid_utf8(text)) continue;
      AnswerText answer{std::vector<std::string>()};
      std::string shown;
      for (const Token token : tokens) {
        const std::string certain(answer.push(t.piece(token)));
        REQUIRE(is_valid_utf8(certain));
        shown += certain;
      }
      REQUIRE(shown == text);
    }
  }
}

TEST_CASE("the pre-tokenizer says whether a beginning is marked, unless the file does") {
  BpeVocabulary v;
  const auto bos = v.add("<|begin_of_text|>", 3);
  v.key("bos_token_id", kU32, static_cast<std::uint32_t>(bos));
  for (const std::string pre : {"llama-bpe", "tekken", "midm-2.0", "lfm2"}) {
    v.pre = pre;
    CHECK(v.load().add_bos());
  }
  for (const std::string pre : {"qwen2", "gpt-2", "gpt-4o", "exaone", "glm4", "dbrx"}) {
    v.pre = pre;
    CHECK(!v.load().add_bos());
  }
  BpeVocabulary yes = v, no = v, none;
  yes.key("add_bos_token", kBool, std::uint8_t{1});
  CHECK(yes.load().add_bos());
  no.pre = none.pre = "llama-bpe";
  no.key("add_bos_token", kBool, std::uint8_t{0});
  CHECK(!no.load().add_bos());
  CHECK(no.load().bos() == bos);
  CHECK(!none.load().add_bos());  // nothing to mark it with
  CHECK(none.load().bos() == -1);
  CHECK(none.load().eos() == -1);
}

TEST_CASE("a file that names no pre-tokenizer gets the default one, and says so") {
  BpeVocabulary v;
  CHECK(!v.load().guessed());
  v.pre.reset();
  const Tokenizer t = v.load();
  CHECK(t.guessed());
  CHECK(t.description() == "BPE, pre-tokenizer default (the file names none)");
  v.pre = "default";
  CHECK(!v.load().guessed());
}

TEST_CASE("an unknown pre-tokenizer is refused by name, with the list of those that run") {
  BpeVocabulary v;
  v.pre = "martian";
  const auto refused = v.try_load();
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK(refused.error().what == "pre-tokenizer \"martian\" is not supported");
  CHECK(refused.error().why.find("llama-bpe, ") != std::string::npos);
  CHECK(refused.error().why.find("tekken") != std::string::npos);
}

TEST_CASE("generation ends at the known spellings, whatever type the file gives them") {
  const auto ends = [](std::vector<std::string> texts, const std::string& asked) {
    BpeVocabulary v;
    for (auto& text : texts) v.add(std::move(text));
    const Tokenizer t = v.load();
    for (Token i = 256; i < t.size(); ++i) {
      if (t.text(i) == asked) return t.ends_generation(i);
    }
    FAIL("no such token");
    return false;
  };
  for (const std::string text :
       {"<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<EOT>", "</s>", "<|eom_id|>",
        "<\uff5cend\u2581of\u2581sentence\uff5c>", "<|fim_pad|>", "<|file_sep|>"}) {
    INFO(text);
    CHECK(ends({text}, text));
  }
  CHECK(!ends({"<|fim_prefix|>"}, "<|fim_prefix|>"));
  CHECK(!ends({"word"}, "word"));
  CHECK(ends({"<|end|>", "<|return|>"}, "<|end|>"));
  CHECK(!ends({"<|end|>", "<|return|>", "<|call|>"}, "<|end|>"));
  CHECK(!ends({"<|end|>", "<|flush|>", "<|calls|>"}, "<|end|>"));
  CHECK(!ends({"</s>", "<|tool_response>"}, "</s>"));
}

TEST_CASE("damaged merges are refused") {
  const auto loads = [](std::vector<std::string> merges) {
    BpeVocabulary v;
    v.add("ab");
    v.merges = std::move(merges);
    return v.try_load().has_value();
  };
  CHECK(loads({}));
  CHECK(loads({"a b"}));
  for (const char* merge :
       {"", " ", "a", "a ", " b", "ab", "a c", "x ab", "a bb", "a b c", "a  b"}) {
    INFO(merge);
    CHECK(!loads({"a b", merge}));
  }
  const auto with_merges = [](const GgufBytes& merges, std::uint64_t keys) {
    return Tokenizer::load(parse_gguf(GgufBytes()
                                          .preamble(0, 3 + keys)
                                          .text_key("tokenizer.ggml.model", "gpt2")
                                          .text_key("tokenizer.ggml.pre", "gpt-2")
                                          .texts_key("tokenizer.ggml.tokens", {"a", "b"})
                                          .bytes +
                                      merges.bytes)
                               .value())
        .has_value();
  };
  CHECK(with_merges(GgufBytes().texts_key("tokenizer.ggml.merges", {}), 1));
  CHECK(!with_merges(GgufBytes(), 0));
  CHECK(!with_merges(GgufBytes().text_key("tokenizer.ggml.merges", "a b"), 1));
  CHECK(!with_merges(
      GgufBytes().numbers_key("tokenizer.ggml.merges", kI32, std::vector<std::int32_t>{1}), 1));
}

TEST_CASE("damaged arrays and ids of byte-level vocabularies are refused, twins are not") {
  const auto loads = [](const auto& change) {
    BpeVocabulary v;
    change(v);
    return v.try_load().has_value();
  };
  CHECK(loads([](auto& v) { v.add("a"); }));  // a second time
  CHECK(loads([](auto& v) { v.add(""); }));
  CHECK(loads([](auto& v) { v.add("\xff\xfe not the alphabet"); }));
  CHECK(loads([](auto& v) { v.add("<0x0a>", 6); }));
  CHECK(!loads([](auto& v) { v.add("<0x-1>", 6); }));
  CHECK(!loads([](auto& v) { v.types.pop_back(); }));
  CHECK(!loads([](auto& v) { v.types.push_back(1); }));
  CHECK(!loads([](auto& v) { v.key("bos_token_id", kU32, std::uint32_t{256}); }));
  CHECK(!loads([](auto& v) { v.key("eot_token_id", kI32, std::int32_t{-7}); }));
  CHECK(!loads([](auto& v) { v.key("pre", kU32, std::uint32_t{1}), v.pre.reset(); }));
}

TEST_CASE("a long word does not take quadratic time") {
  BpeVocabulary v;
  std::string run = "a";
  for (int i = 0; i < 9; ++i, run += run) v.merge(run, run);
  const Tokenizer t = v.load();
  CHECK(encoded(t, std::string(1u << 18, 'a')).size() == (1u << 18) / 512);
}

TEST_CASE("white space without end does not take quadratic time in any pre-tokenizer") {
  const std::string blanks = std::string(1u << 17, ' ') + "x", lines(1u << 17, '\n');
  std::set<const void*> seen;
  for (const PreTokenizerSpec& spec : pre_tokenizers()) {
    if (!seen.insert(spec.steps.data()).second) continue;
    const PreTokenizer splitter = PreTokenizer::create(spec).value();
    CHECK(splitter.split(blanks).back() == blanks.size());
    CHECK(splitter.split(lines).back() == lines.size());
  }
}

}  // namespace
}  // namespace pennyweight::test
