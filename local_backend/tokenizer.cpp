#include "local_backend/tokenizer.h"

#include <optional>

#include "local_backend/tokenization/byte_pairs.h"
#include "local_backend/tokenization/special_tokens.h"
#include "local_backend/tokenization/spm_merge.h"
#include "local_backend/tokenization/vocabulary.h"

namespace pennyweight::llm {
namespace {

// Every space becomes U+2581, after one more where a word begins the fragment.
std::string with_blanks(std::string_view text, bool begins_word) {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + 3);
  if (begins_word) out += "\xe2\x96\x81";
  for (const char c : text) {
    if (c == ' ') {
      out += "\xe2\x96\x81";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(std::unique_ptr<Vocabulary> v) : vocabulary(std::move(v)), specials(*vocabulary) {}
  std::unique_ptr<const Vocabulary> vocabulary;
  SpecialTokens specials;
  std::optional<BytePairs> byte_pairs;  // nothing: SPM
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(const GgufFile& file) {
  auto vocabulary = Vocabulary::load(file);
  if (!vocabulary) return fail(vocabulary.error());
  auto impl = std::make_unique<Impl>(std::move(*vocabulary));
  if (impl->vocabulary->pre_tokenizer != nullptr) {
    auto byte_pairs = BytePairs::load(file, *impl->vocabulary);
    if (!byte_pairs) return fail(byte_pairs.error());
    impl->byte_pairs = std::move(*byte_pairs);
  }
  return Tokenizer(std::move(impl));
}

std::vector<Token> Tokenizer::encode(std::string_view text, Specials specials) const {
  const TextRange whole{0, text.size()};
  return specials == Specials::parse ? encode(text, std::span<const TextRange>())
                                     : encode(text, std::span(&whole, 1));
}

std::vector<Token> Tokenizer::encode_prompt(std::string_view text,
                                            std::span<const TextRange> literal) const {
  std::vector<Token> tokens = encode(text, literal);
  if (add_bos() && (tokens.empty() || tokens[0] != bos())) tokens.insert(tokens.begin(), bos());
  return tokens;
}

std::vector<Token> Tokenizer::encode(std::string_view text,
                                     std::span<const TextRange> literal) const {
  const Vocabulary& vocabulary = *impl_->vocabulary;
  std::vector<Token> out;
  bool begins_word = true;  // at the start, and after a special token
  for (const Fragment& fragment : impl_->specials.split(text, literal)) {
    if (fragment.token != -1) {
      out.push_back(fragment.token);
    } else if (impl_->byte_pairs) {
      impl_->byte_pairs->append_tokens(fragment.text, out);
    } else {
      append_spm_tokens(
          vocabulary, with_blanks(fragment.text, begins_word && vocabulary.add_space_prefix), out);
    }
    begins_word = fragment.token != -1;
  }
  return out;
}

std::string_view Tokenizer::piece(Token token, bool show_control) const {
  if (!impl_->vocabulary->contains(token)) return {};
  const Vocabulary::Entry& entry = impl_->vocabulary->entry(token);
  return entry.is_special() && !show_control ? std::string_view() : entry.piece;
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool show_control) const {
  std::string out;
  bool begins = impl_->vocabulary->add_space_prefix;
  for (const Token token : tokens) {
    std::string_view bytes = piece(token, show_control);
    const bool special =
        impl_->vocabulary->contains(token) && impl_->vocabulary->entry(token).is_special();
    if (begins && !special && !bytes.empty()) {
      if (bytes[0] == ' ') bytes.remove_prefix(1);
      begins = false;
    }
    out += bytes;
  }
  return out;
}

std::string Tokenizer::description() const {
  const Vocabulary& vocabulary = *impl_->vocabulary;
  if (vocabulary.pre_tokenizer == nullptr) return "SPM";
  return "BPE, pre-tokenizer " + std::string(vocabulary.pre_tokenizer->name) +
         (vocabulary.names_pre_tokenizer ? "" : " (the file names none)");
}

bool Tokenizer::guessed() const {
  return impl_->vocabulary->pre_tokenizer != nullptr && !impl_->vocabulary->names_pre_tokenizer;
}

int Tokenizer::size() const {
  return static_cast<int>(impl_->vocabulary->size());
}
Token Tokenizer::bos() const {
  return impl_->vocabulary->bos;
}
Token Tokenizer::eos() const {
  return impl_->vocabulary->eos;
}
bool Tokenizer::add_bos() const {
  return impl_->vocabulary->add_bos;
}

bool Tokenizer::ends_generation(Token token) const {
  return impl_->vocabulary->contains(token) && impl_->vocabulary->entry(token).ends_generation;
}

std::string_view Tokenizer::text(Token token) const {
  if (!impl_->vocabulary->contains(token)) return {};
  return impl_->vocabulary->entry(token).text;
}

}  // namespace pennyweight::llm
