// Facts about published models: their pre-tokenizer patterns, and the names that files give them.
#include <string_view>

#include "local_backend/tokenization/pre_tokenizer.h"

namespace pennyweight::llm {
namespace {

using Step = PreTokenizerStep;
using Contractions = WordRules::Contractions;
using namespace std::string_view_literals;

// Each comment is the pattern that the rules stand for, with
// C = (?i:'s|'t|'re|'ve|'m|'ll|'d) and W = \s*[\r\n]+|\s+(?!\S)|\s+.

// C|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|W
constexpr Step kLlama3[] = {WordRules{}};
// the same with \p{N}
constexpr Step kQwen2[] = {WordRules{.longest_number = 1}};
// C|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|W
constexpr Step kQwen35[] = {WordRules{.longest_number = 1, .marks_in_words = true}};
// C|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|W
constexpr Step kSeedCoder[] = {WordRules{.longest_number = 1, .symbol_tail = ""}};
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
constexpr WordRules kGpt2Rules{
    .contractions = Contractions::exact, .any_lead = false, .longest_number = 0, .symbol_tail = ""};
constexpr Step kGpt2[] = {kGpt2Rules};
constexpr Step kDigitThenGpt2[] = {R"(\p{N})"sv, kGpt2Rules};
// with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and D = [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
// [^\r\n\p{L}\p{N}]?U*D+|[^\r\n\p{L}\p{N}]?U+D*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|W
constexpr Step kTekken[] = {WordRules{.contractions = Contractions::none,
                                      .longest_number = 1,
                                      .splits_case = true,
                                      .symbol_tail = "\r\n/"}};
// [^\r\n\p{L}\p{N}]?U*D+C?|[^\r\n\p{L}\p{N}]?U+D*C?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|W
constexpr Step kGpt4o[] = {
    WordRules{.contractions = Contractions::suffix, .splits_case = true, .symbol_tail = "\r\n/"}};
// then the same with \p{N}
constexpr Step kYoutu[] = {
    R"([\x{ac00}-\x{d7a3}\x{3131}-\x{318e}]+)"
    R"(|[\x{ff01}\x{2026}\x{201c}\x{201d}\x{2018}\x{2019}\x{2014}\x{ff1a}\x{ff1b}\x{ff0c})"
    R"(\x{3001}-\x{303f}\x{fe30}-\x{fe4f}]+)"
    R"(|[\x{3105}-\x{312f}]+|[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)"sv,
    WordRules{.contractions = Contractions::suffix,
              .longest_number = 1,
              .splits_case = true,
              .symbol_tail = "\r\n/"}};
// then llama3's with \p{N}+
constexpr Step kMiniCpm5[] = {R"(\p{N}{1,3})"sv, WordRules{.longest_number = 0}};
constexpr Step kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)"sv, kGpt2Rules, R"([0-9][0-9][0-9])"sv};
constexpr Step kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)"sv, kGpt2Rules, R"(\p{N}+)"sv,
                             R"([0-9][0-9][0-9])"sv};
constexpr Step kBloom[] = {
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{ff0c}\x{3001}\x{964}\x{6d4}\x{60c})]+)"sv};
constexpr Step kViking[] = {kBloom[0], R"(\p{N})"sv};
// The fourth is \s+$, not looked for again inside a run of white space.
constexpr Step kDeepSeekLlm[] = {
    R"([\r\n])"sv,
    R"(\s?[A-Za-z)"
    R"(\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293})"
    R"(\x{295}-\x{2af}\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386})"
    R"(\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f})"
    R"(\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}\x{1c90}-\x{1cba})"
    R"(\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a})"
    R"(\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d})"
    R"(\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d}\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4})"
    R"(\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3})"
    R"(\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107})"
    R"(\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d})"
    R"(\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184})"
    R"(\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d})"
    R"(\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787}\x{a78b}-\x{a78e})"
    R"(\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a})"
    R"(\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb})"
    R"(\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}\x{1e900}-\x{1e943})"
    R"(]+)"sv,
    R"(\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+)"sv,
    R"((?<!\s)\s++$)"sv,
    R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)"sv,
    R"(\p{N}+)"sv};
constexpr Step kDeepSeekCoder[] = {R"([\r\n])"sv, R"(\s?\p{L}+)"sv, R"(\s?\p{P}+)"sv,
                                   R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)"sv,
                                   R"(\p{N})"sv};
constexpr Step kDeepSeekV3[] = {R"(\p{N}{1,3})"sv,
                                R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)"sv,
                                R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
                                R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)"
                                R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"sv};
// Possessive where nothing that follows could need what was taken: no stack for a long word.
constexpr Step kExaoneMoe[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*+(?: \p{L}\p{M}*+)*+)++)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"sv};

constexpr bool kKeepsWords = true, kAddsBos = true;

constexpr PreTokenizerSpec kAll[] = {
    {"a.x-4.0", kGpt2},
    {"bailingmoe", kQwen2},
    {"bailingmoe2", kQwen2},
    {"bloom", kBloom},
    {"chatglm-bpe", kLlama3},
    {"codeshell", kDigitThenGpt2},
    {"command-r", kDigitThenGpt2},
    {"dbrx", kLlama3},
    {"deepseek-coder", kDeepSeekCoder},
    {"deepseek-llm", kDeepSeekLlm},
    {"deepseek-r1-qwen", kQwen2},
    {"deepseek-v3", kDeepSeekV3},
    {"default", kDefault},
    {"exaone", kDigitThenGpt2},
    {"exaone-moe", kExaoneMoe},
    {"exaone4", kGpt2},
    {"falcon", kFalcon},
    {"falcon-h1", kLlama3, kKeepsWords, kAddsBos},
    {"falcon3", kLlama3, kKeepsWords, kAddsBos},
    {"gigachat", kGpt2},
    {"glm4", kLlama3},
    {"gpt-2", kGpt2},
    {"gpt-4o", kGpt4o},
    {"gpt3-finnish", kBloom},
    {"granite-docling", kGpt2},
    {"grok-2", kQwen2},
    {"hunyuan", kQwen2},
    {"hunyuan-dense", kDeepSeekV3},
    {"jais", kGpt2},
    {"joyai-llm", kDeepSeekV3},
    {"kanana2", kGpt4o},
    {"kormo", kQwen2},
    {"lfm2", kLlama3, kKeepsWords, kAddsBos},
    {"llada-moe", kQwen2},
    {"llama-bpe", kLlama3, kKeepsWords, kAddsBos},
    {"llama-v3", kLlama3, kKeepsWords, kAddsBos},
    {"llama3", kLlama3, kKeepsWords, kAddsBos},
    {"llama4", kGpt4o},
    {"megrez", kQwen2},
    {"mellum", kGpt2},
    {"mellum2", kDigitThenGpt2},
    {"midm-2.0", kLlama3, kKeepsWords, kAddsBos},
    {"minerva-7b", kDigitThenGpt2},
    {"minicpm5", kMiniCpm5, kKeepsWords},
    {"modern-bert", kGpt2},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"phi-2", kGpt2},
    {"pixtral", kLlama3, kKeepsWords, kAddsBos},
    {"poro-chat", kBloom},
    {"qwen2", kQwen2},
    {"qwen35", kQwen35},
    {"refact", kDigitThenGpt2},
    {"seed-coder", kSeedCoder},
    {"smaug-bpe", kLlama3},
    {"smollm", kDigitThenGpt2},
    {"solar-open", kQwen2},
    {"stablelm2", kQwen2},
    {"starcoder", kDigitThenGpt2},
    {"tekken", kTekken, kKeepsWords, kAddsBos},
    {"trillion", kGpt2},
    {"viking", kViking},
    {"youtu", kYoutu, kKeepsWords},
};

}  // namespace

std::span<const PreTokenizerSpec> pre_tokenizers() {
  return kAll;
}

}  // namespace pennyweight::llm
