#include "local_backend/tokenizer.h"

#include <algorithm>
#include <cmath>

#include "local_backend/synthetic_model.h"
#include "metrics/base/random.h"
#include "tests/local_backend/gguf/gguf_bytes.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;
using Tokens = std::vector<Token>;

// <unk> <s> </s> <|a|> <|ab|>, the user's own <u>, then bytes, then pieces.
struct TinyVocabulary {
  std::vector<std::string> texts{"<unk>", "<s>", "</s>", "<|a|>", "<|a|>x", "<u>"};
  std::vector<float> scores = std::vector<float>(6, 0.0f);
  std::vector<std::int32_t> types{2, 3, 3, 3, 3, 4};

  Token first_byte = 6;
  TinyVocabulary() {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (std::size_t b = 0; b < 256; ++b) {
      add(std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">", 0, 6);
    }
  }
  Token add(std::string text, float score, std::int32_t type = 1) {
    texts.push_back(std::move(text));
    scores.push_back(score);
    types.push_back(type);
    return static_cast<Token>(texts.size() - 1);
  }
  std::string file(std::string_view model = "llama") const {
    return GgufBytes()
        .preamble(0, 4)
        .text_key("tokenizer.ggml.model", model)
        .texts_key("tokenizer.ggml.tokens", texts)
        .numbers_key("tokenizer.ggml.scores", kF32, scores)
        .numbers_key("tokenizer.ggml.token_type", kI32, types)
        .bytes;
  }
  Tokenizer load() const { return Tokenizer::load(parse_gguf(file()).value()).value(); }
};

constexpr const char* kBlank = "\xe2\x96\x81";

TEST_CASE("neighbours of the highest score merge first, of equal scores the leftmost") {
  TinyVocabulary v;
  const Token blank = v.add(kBlank, -9), a = v.add("a", -9), b = v.add("b", -9);
  const Token aa = v.add("aa", -2), ab = v.add("ab", -1);
  const Tokenizer t = v.load();
  CHECK(t.encode("aab", Specials::as_text) == Tokens{blank, a, ab});
  CHECK(t.encode("aaa", Specials::as_text) == Tokens{blank, aa, a});
  CHECK(t.encode("ba", Specials::as_text) == Tokens{blank, b, a});
  CHECK(t.encode("", Specials::as_text).empty());
}

TEST_CASE("what is not in the vocabulary becomes its bytes, also where it is no UTF-8") {
  TinyVocabulary v;
  const Token blank = v.add(kBlank, -9);
  const Tokenizer t = v.load();
  const auto byte = [&](int b) { return v.first_byte + b; };
  CHECK(t.encode("\xed\x95\x9c", Specials::as_text) ==
        Tokens{blank, byte(0xed), byte(0x95), byte(0x9c)});
  CHECK(t.encode("\xff\x80\xe2", Specials::as_text) ==
        Tokens{blank, byte(0xff), byte(0x80), byte(0xe2)});
  CHECK(t.decode(t.encode("\xff\x80\xe2 x", Specials::as_text)) == "\xff\x80\xe2 x");
}

TEST_CASE("without byte tokens the unknown token stands in") {
  GgufBytes file;
  file.preamble(0, 2).text_key("tokenizer.ggml.model", "llama");
  file.texts_key("tokenizer.ggml.tokens", {"<unk>", "a", kBlank});
  const auto t = Tokenizer::load(parse_gguf(file.bytes).value());
  REQUIRE(t);
  CHECK(t->encode("ab", Specials::as_text) == Tokens{2, 1, 0});
}

TEST_CASE("special tokens are cut out longest first, and a word begins anew after each") {
  TinyVocabulary v;
  const Token blank = v.add(kBlank, -9), x = v.add("x", -9), y = v.add("y", -9);
  const Token blank_y = v.add(std::string(kBlank) + "y", -1);
  const Tokenizer t = v.load();
  CHECK(t.encode("<|a|>xy<|a|>y", Specials::parse) == Tokens{4, blank_y, 3, blank_y});
  CHECK(t.encode("<|a|><|a|>", Specials::parse) == Tokens{3, 3});
  CHECK(t.encode("x<s>", Specials::parse) == Tokens{blank, x, 1});
  CHECK(t.encode("xy", Specials::parse) == Tokens{blank, x, y});
}

TEST_CASE("text cannot spell its way to a control token") {
  TinyVocabulary v;
  v.add(kBlank, -9);
  v.add("<", -9), v.add("s", -9), v.add(">", -9), v.add("<s", -1), v.add("s>", -1);
  v.add("<0", -1), v.add("<0x", -1), v.add("<0x4", -1), v.add("<0x41", -1);
  const Tokenizer t = v.load();
  for (const char* text : {"<s>", "</s>", "<unk>", "<|a|>", "<0x41>"}) {
    INFO(text);
    for (const Token token : t.encode(text, Specials::as_text)) {
      CHECK(token > 5);
      CHECK(token != v.first_byte + 0x41);
    }
  }
  // What the user defined is found everywhere.
  CHECK(t.encode("<u>", Specials::as_text) == Tokens{5});
}

TEST_CASE("a special token that touches a literal range is text") {
  TinyVocabulary v;
  const Token blank = v.add(kBlank, -9);
  const Tokenizer t = v.load();
  const std::string text = "<s><s><s>";
  const auto specials = [&](std::vector<TextRange> literal) {
    const Tokens tokens = t.encode(text, literal);
    return std::count(tokens.begin(), tokens.end(), 1);
  };
  CHECK(blank > 0);
  CHECK(specials({}) == 3);
  CHECK(specials({{3, 6}}) == 2);
  CHECK(specials({{0, 9}}) == 0);
  CHECK(specials({{2, 4}}) == 1);  // both halves of a forged token
  CHECK(specials({{0, 1}, {8, 9}}) == 1);
  CHECK(specials({{3, 3}, {9, 9}}) == 3);  // nothing in it
}

TEST_CASE("pieces are the bytes of the text, control tokens only on demand") {
  TinyVocabulary v;
  const Token word = v.add(std::string(kBlank) + "x" + kBlank, -9);
  const Tokenizer t = v.load();
  CHECK(t.piece(word) == " x ");
  CHECK(t.text(word) == std::string(kBlank) + "x" + kBlank);
  CHECK(t.piece(1).empty());
  CHECK(t.piece(1, true) == "<s>");
  CHECK(t.piece(5) == "<u>");
  CHECK(t.piece(v.first_byte) == std::string_view("\0", 1));
  CHECK(t.piece(-1).empty());
  CHECK(t.piece(t.size()).empty());
  CHECK(t.text(t.size()).empty());
  CHECK(t.decode(Tokens{1, word, word}) == "x  x ");
  CHECK(t.decode(Tokens{1, word}, true) == "<s>x ");
  CHECK(t.decode(Tokens{-5, word, 99999}) == "x ");
  CHECK(t.ends_generation(2));
  CHECK(!t.ends_generation(1));
  CHECK(!t.ends_generation(-1));
  CHECK(t.bos() == 1);
  CHECK(t.eos() == 2);
  CHECK(t.add_bos());
}

TEST_CASE("another tokenizer model is refused by name") {
  for (const std::string model : {"bert", "t5", "rwkv", "plamo2", "gemma4", "none"}) {
    const auto refused = Tokenizer::load(parse_gguf(TinyVocabulary().file(model)).value());
    REQUIRE(!refused);
    CHECK(refused.error().kind == ErrorKind::unsupported);
    CHECK(refused.error().what == "tokenizer model \"" + model + "\" is not supported");
    CHECK(refused.error().why == "supported are \"llama\" (SPM) and \"gpt2\" (byte-level BPE)");
    CHECK_FALSE(refused.error().fix.empty());
  }
  CHECK(!Tokenizer::load(parse_gguf(GgufBytes().preamble(0, 0).bytes).value()));
}

TEST_CASE("a vocabulary whose words begin without a blank, as Gemma's, keeps them so") {
  TinyVocabulary v;
  const Token blank = v.add(kBlank, -9), x = v.add("x", -9), blank_x = v.add("\u2581x", -1);
  std::string file = v.file();
  file[16] = 5;  // one more key
  file += GgufBytes().key("tokenizer.ggml.add_space_prefix", kBool, std::uint8_t{0}).bytes;
  const Tokenizer t = Tokenizer::load(parse_gguf(file).value()).value();
  CHECK(t.encode("x x", Specials::as_text) == Tokens{x, blank_x});
  CHECK(t.encode(" x", Specials::as_text) == Tokens{blank_x});
  CHECK(t.encode("<s>x", Specials::parse) == Tokens{1, x});
  for (const std::string text : {"x", " x", "  x ", ""}) {
    CHECK(t.decode(t.encode(text, Specials::as_text)) == text);
  }
  CHECK(blank < blank_x);
}

// The keys of a good vocabulary of two tokens with `more` in place of or beside them.
Result<Tokenizer> load_with(std::uint64_t keys, const GgufBytes& more, bool types = true) {
  GgufBytes file;
  file.preamble(0, keys + 2 + (types ? 1 : 0)).text_key("tokenizer.ggml.model", "llama");
  file.texts_key("tokenizer.ggml.tokens", {"<unk>", "a"});
  if (types) file.numbers_key("tokenizer.ggml.token_type", kI32, std::vector<std::int32_t>{2, 1});
  file.bytes += more.bytes;
  return Tokenizer::load(parse_gguf(file.bytes).value());
}

TEST_CASE("damaged tokenizer arrays and ids are refused") {
  using Floats = std::vector<float>;
  using Ints = std::vector<std::int32_t>;
  const auto scores = [](auto... value) {
    return GgufBytes().numbers_key("tokenizer.ggml.scores", kF32, Floats{value...});
  };
  const auto types = [](auto... value) {
    return GgufBytes().numbers_key("tokenizer.ggml.token_type", kI32, Ints{value...});
  };
  const auto id = [](const char* name, std::int64_t value) {
    return GgufBytes().key(std::string("tokenizer.ggml.") + name + "_token_id", kI64, value);
  };
  CHECK(load_with(1, scores(0.0f, 1.0f)));
  CHECK(!load_with(1, scores(0.0f)));
  CHECK(!load_with(1, scores(0.0f, 0.0f, 0.0f)));
  CHECK(!load_with(1, scores(0.0f, std::nanf(""))));
  CHECK(!load_with(1, GgufBytes().text_key("tokenizer.ggml.scores", "high")));
  CHECK(!load_with(1, GgufBytes().texts_key("tokenizer.ggml.scores", {"0", "1"})));
  CHECK(load_with(1, types(2, 1), false));
  CHECK(!load_with(1, types(2), false));
  CHECK(!load_with(1, types(2, 7), false));
  CHECK(!load_with(1, types(2, -1), false));
  CHECK(!load_with(1, types(2, 6), false));  // a byte token spelled "a"
  CHECK(load_with(1, id("bos", 1)));
  CHECK(load_with(1, id("bos", -1))->bos() == -1);
  CHECK(!load_with(1, id("bos", 2)));
  CHECK(!load_with(1, id("eos", std::int64_t{1} << 32)));
  CHECK(!load_with(1, id("eot", -2)));
  CHECK(!load_with(1, GgufBytes().text_key("tokenizer.ggml.bos_token_id", "1")));
  CHECK(!load_with(1, GgufBytes().text_key("tokenizer.ggml.add_bos_token", "yes")));

  const auto tokens = [](const GgufBytes& key) {
    return Tokenizer::load(
        parse_gguf(GgufBytes().preamble(0, 2).text_key("tokenizer.ggml.model", "llama").bytes +
                   key.bytes)
            .value());
  };
  CHECK(tokens(GgufBytes().texts_key("tokenizer.ggml.tokens", {"", "", "a"})));
  CHECK(!tokens(GgufBytes().texts_key("tokenizer.ggml.tokens", {})));
  CHECK(!tokens(GgufBytes().numbers_key("tokenizer.ggml.tokens", kI32, Ints{1})));
  CHECK(!tokens(GgufBytes().texts_key("tokenizer.ggml.tokenz", {"a"})));
}

TEST_CASE("a byte token must be spelled with exactly two hexadecimal digits") {
  for (const char* spelling : {"<0x1>", "<0x-1>", "<0x+1>", "<0xGG>", "<0x123>", "<0x1 >", ""}) {
    TinyVocabulary v;
    v.add(spelling, 0, 6);
    INFO(spelling);
    CHECK(!Tokenizer::load(parse_gguf(v.file()).value()));
  }
}

TEST_CASE("any bytes go through a synthetic vocabulary and back") {
  TempDir directory;
  REQUIRE(write_synthetic_model(parse_synthetic("tiny:q4_0").value(), directory / "m.gguf"));
  const auto t = Tokenizer::load(GgufFile::open(directory / "m.gguf").value());
  REQUIRE(t);
  Random random(1, Stream::synthesis);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const auto length = random.below(40);
    for (std::uint64_t i = 0; i < length; ++i) {
      text += random.below(3) == 0 ? static_cast<char>(random.below(256))
                                   : " the<|im_start|>"[random.below(16)];
    }
    CHECK(t->decode(t->encode(text, Specials::as_text)) == text);
  }
  CHECK(t->encode("the and", Specials::as_text).size() == 2);
}

TEST_CASE("a long text without a break does not take quadratic time") {
  TinyVocabulary v;
  std::string run = "a";
  v.add(kBlank, -99);
  for (int i = 0; i < 10; ++i, run += run) v.add(run, static_cast<float>(-i));
  const Tokenizer t = v.load();
  const std::string text(1u << 18, 'a');
  const Tokens tokens = t.encode(text, Specials::parse);
  CHECK(tokens.size() == 1 + (1u << 18) / 512);
  CHECK(t.decode(tokens) == text);
}

TEST_CASE("a token of a million blanks does not take quadratic time") {
  TinyVocabulary v;
  std::string blanks;
  for (int i = 0; i < 1 << 20; ++i) blanks += kBlank;
  const Token token = v.add(blanks, 0);
  CHECK(v.load().piece(token) == std::string(1 << 20, ' '));
}

TEST_CASE("special tokens of thousands of lengths do not slow a text down") {
  TinyVocabulary v;
  std::string run = "[";
  for (int i = 0; i < 3000; ++i) {
    run += "a";
    v.add(run + "]", 0, 3);
  }
  const Token shortest = v.add("[", 0, 3);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "[" + std::string(2999, 'a') + "b";
  const Tokens tokens = v.load().encode(text, Specials::parse);
  CHECK(std::count(tokens.begin(), tokens.end(), shortest) == 200);
}

TEST_CASE("of special tokens spelled alike the last is found") {
  TinyVocabulary v;
  v.add("<|b|>", 0, 3);
  const Token last = v.add("<|b|>", 0, 3);
  CHECK(v.load().encode("<|b|>", Specials::parse) == Tokens{last});
}

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string::npos) return parts;
    at = end + separator.size();
  }
}

TEST_CASE("real vocabularies give the published token ids") {
  const auto directory = vocab_directory();
  if (directory.empty()) {
    WARN("skipped: no shared vocab directory (set PENNYWEIGHT_VOCAB)");
    return;
  }
  for (const std::string name :
       {"llama-spm", "phi-3", "gpt-2", "starcoder", "mpt", "deepseek-llm"}) {
    const auto path = directory / ("ggml-vocab-" + name + ".gguf");
    const auto file = GgufFile::open(path);
    REQUIRE(file);
    const auto t = Tokenizer::load(*file);
    REQUIRE(t);
    const auto inputs = split(read_file(path.string() + ".inp"), "\n__ggml_vocab_test__\n");
    const auto outputs = split(read_file(path.string() + ".out"), "\n");
    REQUIRE(inputs.size() == 47);
    REQUIRE(outputs.size() >= inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::string ids;
      const Tokens tokens = t->encode(inputs[i], Specials::as_text);
      for (const Token token : tokens) ids += " " + std::to_string(token);
      INFO(name << " input " << i << ": " << inputs[i]);
      CHECK(ids == outputs[i]);
      CHECK(t->decode(tokens) == inputs[i]);
    }
  }
}

}  // namespace
}  // namespace pennyweight::test
