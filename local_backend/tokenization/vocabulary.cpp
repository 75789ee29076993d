#include "local_backend/tokenization/vocabulary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/tokenization/byte_alphabet.h"
#include "local_backend/tokenization/pre_tokenizer.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kBlank = "\xe2\x96\x81";  // U+2581 stands for the space
constexpr std::size_t kMostTokens = 4'000'000;

// Files mark these as they like; every engine takes them for control tokens, and stops at most.
struct ControlSpelling {
  std::string_view text;
  bool ends_generation = true;
};
constexpr ControlSpelling kControlSpellings[] = {
    {"</s>"},
    {"<eos>"},
    {"[EOS]"},
    {"<EOT>"},
    {"_<EOT>"},
    {"[EOT]"},
    {"<|eot_id|>"},
    {"<|eom_id|>"},
    {"<|im_end|>"},
    {"<|end|>"},
    {"<|return|>"},
    {"<|call|>"},
    {"<|calls|>"},
    {"<|flush|>"},
    {"<|endoftext|>"},
    {"<|end_of_text|>"},
    {"<end_of_turn>"},
    {"<turn|>"},
    {"<|tool_response>"},
    {"<end_of_utterance>"},
    {"<\uff5cend\u2581of\u2581sentence\uff5c>"},
    {"[e~["},
    // Of infilling: padding, and the border to another file.
    {"<|fim_pad|>"},
    {"<fim-pad>"},
    {"<fim_pad>"},
    {"<PAD>"},
    {"[PAD]"},
    {"<|fim_repo|>"},
    {"<|repo_name|>"},
    {"<fim-repo>"},
    {"<REPO>"},
    {"<reponame>"},
    {"<|file_sep|>"},
    {"<|fim_prefix|>", false},
    {"<fim-prefix>", false},
    {"<fim_prefix>", false},
    {"<\uff5cfim\u2581begin\uff5c>", false},
    {"<PRE>", false},
    {"\u2581<PRE>", false},
    {"<|code_prefix|>", false},
    {"<|prefix|>", false},
    {"<|fim_suffix|>", false},
    {"<fim-suffix>", false},
    {"<fim_suffix>", false},
    {"<\uff5cfim\u2581hole\uff5c>", false},
    {"<SUF>", false},
    {"\u2581<SUF>", false},
    {"<|code_suffix|>", false},
    {"<|suffix|>", false},
    {"<|fim_middle|>", false},
    {"<fim-middle>", false},
    {"<fim_middle>", false},
    {"<\uff5cfim\u2581end\uff5c>", false},
    {"<MID>", false},
    {"\u2581<MID>", false},
    {"<|code_middle|>", false},
    {"<|middle|>", false},
};

const ControlSpelling* control_spelling(std::string_view text) {
  const auto found =
      std::find_if(std::begin(kControlSpellings), std::end(kControlSpellings),
                   [text](const ControlSpelling& known) { return known.text == text; });
  return found == std::end(kControlSpellings) ? nullptr : found;
}

// "<0x0A>", exactly two hexadecimal digits.
std::optional<unsigned char> spelled_byte(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  unsigned char value = 0;
  const char* end = text.data() + 5;
  const auto read = std::from_chars(text.data() + 3, end, value, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

std::string with_spaces(std::string_view text) {
  std::string out;
  for (std::size_t blank = 0; (blank = text.find(kBlank)) != std::string_view::npos;) {
    out.append(text.substr(0, blank)) += ' ';
    text.remove_prefix(blank + kBlank.size());
  }
  return out.append(text);
}

using Array = std::shared_ptr<const GgufArray>;

// Null when missing. `kinds` name what its elements may be.
Result<Array> token_array(const GgufFile& file, std::string_view key, std::size_t count,
                          std::initializer_list<GgufArray::Kind> kinds) {
  auto array = file.array_value(key);
  if (!array || *array == nullptr) return array;
  if (std::find(kinds.begin(), kinds.end(), (*array)->kind) == kinds.end()) {
    return damaged_tokenizer(std::string(key) + " has elements of the wrong type");
  }
  if ((*array)->size() != count) {
    return damaged_tokenizer(std::string(key) + " has " + std::to_string((*array)->size()) +
                             " elements for " + std::to_string(count) + " tokens");
  }
  return array;
}

std::string names_of_pre_tokenizers() {
  std::string names;
  for (const PreTokenizerSpec& spec : pre_tokenizers()) {
    names += (names.empty() ? "" : ", ") + std::string(spec.name);
  }
  return names;
}

}  // namespace

tl::unexpected<Error> damaged_tokenizer(std::string what) {
  return fail(ErrorKind::invalid_input, "the file's tokenizer is damaged: " + std::move(what), "",
              "get the file again, or convert the model again");
}

Result<std::unique_ptr<Vocabulary>> Vocabulary::load(const GgufFile& file) {
  std::unique_ptr<Vocabulary> vocabulary(new Vocabulary);
  for (const auto step : {&Vocabulary::load_model, &Vocabulary::load_entries,
                          &Vocabulary::load_special_ids, &Vocabulary::load_flags}) {
    if (auto done = (vocabulary.get()->*step)(file); !done) return fail(done.error());
  }
  vocabulary->settle_ends();
  vocabulary->index();
  return vocabulary;
}

Result<void> Vocabulary::load_model(const GgufFile& file) {
  const auto model = file.text_value("tokenizer.ggml.model");
  if (!model) return fail(model.error());
  if (!*model) {
    return fail(ErrorKind::invalid_input, "the file has no tokenizer",
                "tokenizer.ggml.model is missing", "get the whole model");
  }
  if (**model == "llama") return {};
  if (**model != "gpt2") {
    return fail(ErrorKind::unsupported, "tokenizer model \"" + **model + "\" is not supported",
                "supported are \"llama\" (SPM) and \"gpt2\" (byte-level BPE)",
                "choose another model");
  }
  const auto pre = file.text_value("tokenizer.ggml.pre");
  if (!pre) return fail(pre.error());
  names_pre_tokenizer = *pre && !(*pre)->empty();
  const std::string name = names_pre_tokenizer ? **pre : "default";
  pre_tokenizer = find_pre_tokenizer(name);
  if (pre_tokenizer == nullptr) {
    return fail(ErrorKind::unsupported, "pre-tokenizer \"" + name + "\" is not supported",
                "another would give wrong tokens; supported are " + names_of_pre_tokenizers(),
                "choose another model");
  }
  bos = eos = unknown = -1;
  add_bos = pre_tokenizer->adds_bos;
  add_space_prefix = false;
  return {};
}

// The bytes a token stands for.
Result<std::string> Vocabulary::piece_of(const Entry& entry) const {
  switch (entry.type) {
    case TokenType::normal:
      if (pre_tokenizer != nullptr) return bytes_from_alphabet(entry.text).value_or(entry.text);
      return with_spaces(entry.text);
    case TokenType::unknown:
    case TokenType::control:
    case TokenType::user_defined:
      return entry.text;
    case TokenType::undefined:
    case TokenType::unused:
      return std::string();
    case TokenType::byte:
      break;
  }
  const auto byte = spelled_byte(entry.text);
  if (!byte) return damaged_tokenizer("byte token \"" + entry.text + "\" is not spelled <0xHH>");
  return std::string(1, static_cast<char>(*byte));
}

Result<void> Vocabulary::load_entries(const GgufFile& file) {
  using Kind = GgufArray::Kind;
  const auto tokens = file.array_value("tokenizer.ggml.tokens");
  if (!tokens) return fail(tokens.error());
  if (*tokens == nullptr || (*tokens)->kind != Kind::text || (*tokens)->texts.empty()) {
    return damaged_tokenizer("tokenizer.ggml.tokens is not a list of texts");
  }
  const std::size_t count = (*tokens)->size();
  if (count > kMostTokens) return damaged_tokenizer("more than 4 million tokens");
  const auto scores =
      token_array(file, "tokenizer.ggml.scores", count, {Kind::real, Kind::integer});
  if (!scores) return fail(scores.error());
  const auto types = token_array(file, "tokenizer.ggml.token_type", count, {Kind::integer});
  if (!types) return fail(types.error());

  entries_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    Entry& entry = entries_[i];
    entry.text = (*tokens)->texts[i];
    if (*scores != nullptr) {
      entry.score = (*scores)->kind == Kind::real ? static_cast<float>((*scores)->reals[i])
                                                  : static_cast<float>((*scores)->integers[i]);
      if (std::isnan(entry.score))
        return damaged_tokenizer("the score of token " + std::to_string(i) + " is NaN");
    }
    const std::int64_t type = *types != nullptr ? (*types)->integers[i] : 1;
    if (type < 0 || type > static_cast<std::int64_t>(TokenType::byte)) {
      return damaged_tokenizer("token " + std::to_string(i) + " has type " + std::to_string(type));
    }
    entry.type = static_cast<TokenType>(type);
    if (const auto* known = control_spelling(entry.text); known != nullptr) {
      entry.ends_generation = known->ends_generation;
      entry.type = TokenType::control;
    }
    auto piece = piece_of(entry);
    if (!piece) return fail(piece.error());
    entry.piece = std::move(*piece);
  }
  return {};
}

Result<void> Vocabulary::load_special_ids(const GgufFile& file) {
  for (Token* id : {&bos, &eos, &unknown}) {
    if (!contains(*id)) *id = -1;
  }
  Token eot = -1, eom = -1;
  struct Key {
    std::string_view name;
    Token* id;
  };
  for (const auto& [name, id] : {Key{"bos", &bos}, Key{"eos", &eos}, Key{"unknown", &unknown},
                                 Key{"eot", &eot}, Key{"eom", &eom}}) {
    const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
    const auto value = file.real_value(key);
    if (!value) return fail(value.error());
    if (!*value) continue;
    if (**value == -1 || **value == UINT32_MAX) {  // how tools write "none"
      *id = -1;
    } else if (**value >= 0 && **value < static_cast<double>(size()) &&
               **value == std::floor(**value)) {
      *id = static_cast<Token>(**value);
    } else {
      return damaged_tokenizer(key + " is no token of this vocabulary");
    }
  }
  for (const Token token : {eos, eot, eom}) {
    if (token != -1) entries_[static_cast<std::size_t>(token)].ends_generation = true;
  }
  return {};
}

Result<void> Vocabulary::load_flags(const GgufFile& file) {
  struct Key {
    std::string_view name;
    bool* flag;
  };
  for (const auto& [name, flag] : {Key{"tokenizer.ggml.add_bos_token", &add_bos},
                                   Key{"tokenizer.ggml.add_space_prefix", &add_space_prefix}}) {
    if (flag == &add_space_prefix && pre_tokenizer != nullptr) continue;  // SPM's alone
    const auto value = file.boolean_value(name);
    if (!value) return fail(value.error());
    *flag = value->value_or(*flag);
  }
  add_bos = add_bos && bos != -1;
  auto name = file.text_value("general.name");
  if (!name) return fail(name.error());
  std::string lower = name->value_or("");
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower.find("phi-3") != std::string::npos || lower.find("phi3") != std::string::npos) {
    strip_as_phi3();
  }
  return {};
}

// Spellings that mean something else beside certain others.
void Vocabulary::settle_ends() {
  const auto any = [this](std::string_view text) {
    return std::any_of(entries_.begin(), entries_.end(),
                       [text](const Entry& entry) { return entry.text == text; });
  };
  // Formats with channels: <|end|> ends a message, and another follows.
  const bool messages =
      (any("<|return|>") || any("<|flush|>")) && (any("<|call|>") || any("<|calls|>"));
  const bool tags = any("<|tool_response>");  // there </s> is HTML
  for (Entry& entry : entries_) {
    if (messages && entry.text == "<|end|>") entry.ends_generation = false;
    if (tags && entry.text == "</s>") {
      entry.ends_generation = false;
      entry.type = TokenType::normal;
    }
  }
}

// The file format has no place for this property of Phi-3's tokens; its original tokenizer has.
void Vocabulary::strip_as_phi3() {
  for (Entry& entry : entries_) {
    const bool keeps =
        entry.text == "<unk>" || entry.text == "<s>" || entry.text == "<|endoftext|>";
    entry.strips_right = !keeps && (entry.is_special() || entry.type == TokenType::user_defined);
  }
}

// Of equal spellings the last is found.
void Vocabulary::index() {
  by_text_.reserve(entries_.size());
  byte_tokens_.fill(unknown);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.text.empty() || entry.is_special() || entry.type == TokenType::byte) continue;
    by_text_[entry.text] = static_cast<Token>(i);
    longest_ = std::max(longest_, entry.text.size());
    if (entry.text.size() == 1) {
      byte_tokens_[static_cast<unsigned char>(entry.text[0])] = static_cast<Token>(i);
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].type != TokenType::byte) continue;
    byte_tokens_[static_cast<unsigned char>(entries_[i].piece[0])] = static_cast<Token>(i);
  }
}

Token Vocabulary::find(std::string_view text) const {
  if (text.size() > longest_) return -1;
  const auto found = by_text_.find(text);
  return found == by_text_.end() ? -1 : found->second;
}

}  // namespace pennyweight::llm
