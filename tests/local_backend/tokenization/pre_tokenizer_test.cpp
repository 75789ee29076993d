#include "local_backend/tokenization/pre_tokenizer.h"

#include <algorithm>
#include <set>

#include "tests/local_backend/tokenization/mixed_text.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

// The pieces with a bar between.
std::string cut(std::string_view name, std::string_view text) {
  const auto* spec = find_pre_tokenizer(name);
  REQUIRE(spec != nullptr);
  std::string out;
  std::size_t begin = 0;
  for (const std::size_t end : PreTokenizer::create(*spec).value().split(text)) {
    if (begin > 0) out += "|";
    out += text.substr(begin, end - begin);
    begin = end;
  }
  CHECK(begin == text.size());
  return out;
}

TEST_CASE("pre-tokenizers cut where their models were trained to") {
  struct Case {
    const char* name;
    const char* text;
    const char* pieces;
  };
  const Case cases[] = {
      {"llama-bpe", "I'LL pay  12345 (now)\n\n ok", "I|'LL| pay| | |123|45| (|now|)\n\n| ok"},
      {"qwen2", "In 2024:\r\n\tx", "In| |2|0|2|4|:\r\n|\tx"},
      {"qwen35", "e\u0301a\u0301 x1", "e\u0301a\u0301| x|1"},
      {"llama-bpe", "e\u0301a", "e|\u0301a"},
      {"gpt-2", "I'll  pay 12345\n\nnow'S", "I|'ll| | pay| 12345|\n|\n|now|'|S"},
      {"starcoder", " x12 34", " x|1|2| |3|4"},
      {"tekken", "HTTPServer isOK a/b//\n12", "HTTPServer| is|OK| a|/b|//\n|1|2"},
      {"gpt-4o", "HelloWorld's DON'T 1234", "Hello|World's| DON'T| |123|4"},
      {"seed-coder", "ok!\n\nx", "ok|!|\n\n|x"},
      {"minicpm5", "a 1234\n", "a| |123|4|\n"},
      {"falcon", "a,b 12345 don't", "a|,|b| |123|45| don|'|t"},
      {"default", "a,b 1234=5", "a|,|b| |123|4|=|5"},
      {"bloom", "Hi, you! (ok)", "Hi|,| you|! (|ok|)"},
      {"viking", "a 12", "a| |1|2"},
      {"deepseek-llm", "Hello w, 123\n \ud55c\uad6d  ", "Hello| w|,| |123|\n| |\ud55c\uad6d|  "},
      {"deepseek-coder", "int x=10;", "int| x|=|1|0|;"},
      {"deepseek-v3", "a_b 1234 \u4e2d\u6587!", "a|_b| |123|4| |\u4e2d\u6587|!"},
      {"exaone-moe", "a b c word 12", "a b c word| |1|2"},
      {"youtu", "\ud55c\uad6dABCdef12", "\ud55c\uad6d|ABCdef|1|2"},
  };
  for (const auto& [name, text, pieces] : cases) {
    INFO(name);
    CHECK(cut(name, text) == pieces);
  }
}

TEST_CASE("every pre-tokenizer's pieces cover the text, also where it is no UTF-8") {
  Random random(5, Stream::synthesis);
  std::set<std::string_view> names;
  for (const PreTokenizerSpec& spec : pre_tokenizers()) {
    INFO(spec.name);
    CHECK(names.insert(spec.name).second);
    CHECK(find_pre_tokenizer(spec.name) == &spec);
    const PreTokenizer splitter = PreTokenizer::create(spec).value();
    CHECK(splitter.split("").empty());
    for (int i = 0; i < 30; ++i) {
      std::string text = mixed_text(random, 20);
      for (auto damage = random.below(3); damage > 0; --damage) {
        text[random.below(text.size())] = static_cast<char>(random.below(256));
      }
      const auto ends = splitter.split(text);
      CHECK(std::is_sorted(ends.begin(), ends.end()));
      CHECK(std::adjacent_find(ends.begin(), ends.end()) == ends.end());
      CHECK(ends.front() > 0);
      CHECK(ends.back() == text.size());
    }
  }
}

TEST_CASE("a byte that is no UTF-8 counts as a symbol") {
  CHECK(cut("llama-bpe", "ab\xff\xfe\nc\xed\x95") == "ab|\xff\xfe\n|c|\xed\x95");
  CHECK(cut("gpt-2", "1\xc0 \x80x") == "1|\xc0| \x80|x");
  CHECK(cut("default", "a\xff") == "a|\xff");
}

TEST_CASE("a name that no model gave is not found") {
  CHECK(find_pre_tokenizer("") == nullptr);
  CHECK(find_pre_tokenizer("llama") == nullptr);
  CHECK(find_pre_tokenizer("Llama-bpe") == nullptr);
}

TEST_CASE("the table of the documentation names every pre-tokenizer") {
  const std::string docs = read_file(source_path("docs/tokenizers.md"));
  for (const PreTokenizerSpec& spec : pre_tokenizers()) {
    INFO(spec.name);
    CHECK(docs.find("`" + std::string(spec.name) + "`") != std::string::npos);
  }
}

}  // namespace
}  // namespace pennyweight::test
