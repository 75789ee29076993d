#include "local_backend/tokenization/vocabulary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "local_backend/gguf/gguf_file.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kBlank = "\xe2\x96\x81";  // U+2581 stands for the space
constexpr std::size_t kMostTokens = 4'000'000;

// Files mark these as they like; every engine stops at them.
constexpr std::string_view kEndSpellings[] = {
    "</s>",     "<|eot_id|>",    "<|im_end|>", "<|end|>", "<|return|>",
    "<|call|>", "<|endoftext|>", "<|eom_id|>", "<EOT>",   "<|end_of_text|>",
    "<eos>",    "<end_of_turn>", "[EOS]",      "[EOT]",
};

tl::unexpected<Error> bad(std::string what) {
  return fail(ErrorKind::invalid_input, "the file's tokenizer is damaged: " + std::move(what));
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

std::string with_spaces(std::string text) {
  for (std::size_t at = 0; (at = text.find(kBlank, at)) != std::string::npos; ++at) {
    text.replace(at, kBlank.size(), " ");
  }
  return text;
}

using Array = std::shared_ptr<const GgufArray>;

// Null when missing. `kinds` name what its elements may be.
Result<Array> token_array(const GgufFile& file, std::string_view key, std::size_t count,
                          std::initializer_list<GgufArray::Kind> kinds) {
  auto array = file.array_value(key);
  if (!array || *array == nullptr) return array;
  if (std::find(kinds.begin(), kinds.end(), (*array)->kind) == kinds.end()) {
    return bad(std::string(key) + " has elements of the wrong type");
  }
  if ((*array)->size() != count) {
    return bad(std::string(key) + " has " + std::to_string((*array)->size()) + " elements for " +
               std::to_string(count) + " tokens");
  }
  return array;
}

Result<std::string> piece_of(const Vocabulary::Entry& entry) {
  switch (entry.type) {
    case TokenType::normal:
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
  if (!byte) return bad("byte token \"" + entry.text + "\" is not spelled <0xHH>");
  return std::string(1, static_cast<char>(*byte));
}

Result<void> check_model(const GgufFile& file) {
  const auto model = file.text_value("tokenizer.ggml.model");
  if (!model) return fail(model.error());
  if (!*model) {
    return fail(ErrorKind::invalid_input, "the file has no tokenizer",
                "tokenizer.ggml.model is missing");
  }
  if (**model != "llama") {
    return fail(ErrorKind::unsupported, "tokenizer model \"" + **model + "\" is not supported",
                "supported is \"llama\" (SPM)");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Vocabulary>> Vocabulary::load(const GgufFile& file) {
  if (auto known = check_model(file); !known) return fail(known.error());
  std::unique_ptr<Vocabulary> vocabulary(new Vocabulary);
  for (const auto step :
       {&Vocabulary::load_entries, &Vocabulary::load_special_ids, &Vocabulary::load_flags}) {
    if (auto done = (vocabulary.get()->*step)(file); !done) return fail(done.error());
  }
  vocabulary->index();
  return vocabulary;
}

Result<void> Vocabulary::load_entries(const GgufFile& file) {
  using Kind = GgufArray::Kind;
  const auto tokens = file.array_value("tokenizer.ggml.tokens");
  if (!tokens) return fail(tokens.error());
  if (*tokens == nullptr || (*tokens)->kind != Kind::text || (*tokens)->texts.empty()) {
    return bad("tokenizer.ggml.tokens is not a list of texts");
  }
  const std::size_t count = (*tokens)->size();
  if (count > kMostTokens) return bad("more than 4 million tokens");
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
        return bad("the score of token " + std::to_string(i) + " is NaN");
    }
    const std::int64_t type = *types != nullptr ? (*types)->integers[i] : 1;
    if (type < 0 || type > static_cast<std::int64_t>(TokenType::byte)) {
      return bad("token " + std::to_string(i) + " has type " + std::to_string(type));
    }
    entry.type = static_cast<TokenType>(type);
    if (std::find(std::begin(kEndSpellings), std::end(kEndSpellings), entry.text) !=
        std::end(kEndSpellings)) {
      entry.ends_generation = true;
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
      return bad(key + " is no token of this vocabulary");
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
                                   Key{"tokenizer.ggml.add_eos_token", &add_eos},
                                   Key{"tokenizer.ggml.add_space_prefix", &add_space_prefix}}) {
    const auto value = file.boolean_value(name);
    if (!value) return fail(value.error());
    *flag = value->value_or(*flag);
  }
  add_bos = add_bos && bos != -1;
  add_eos = add_eos && eos != -1;
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
