// Any bytes are a GGUF file or an error; what parses lies inside the file, and its tokenizer and
// chat template never let text become control tokens.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "local_backend/chat_template.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/tokenizer.h"

namespace {

using namespace pennyweight::llm;

void check(bool fact) {
  if (!fact) std::abort();
}

void check_header(const GgufFile& file, std::uint64_t size) {
  std::uint64_t end = file.data_offset();
  for (const TensorInfo& tensor : file.tensors()) {
    check(tensor.offset >= end && tensor.bytes > 0);
    check(tensor.offset <= size && tensor.bytes <= size - tensor.offset);
    check(tensor.elements() > 0 && file.tensor(tensor.name) == &tensor);
    end = tensor.offset + tensor.bytes;
  }
  for (const auto& [key, value] : file.metadata()) check(file.find(key) == &value);
}

void check_ids(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  for (const Token token : tokens) check(token >= 0 && token < tokenizer.size());
}

void check_text(const GgufFile& file, std::string_view text) {
  const auto tokenizer = Tokenizer::load(file);
  if (!tokenizer) return;
  check_ids(*tokenizer, tokenizer->encode(text, Specials::parse));
  const auto literal = tokenizer->encode(text, Specials::as_text);
  check_ids(*tokenizer, literal);
  Token stand_in = -1;  // the unknown token, for bytes without a token
  for (const Token token : literal) {
    if (tokenizer->piece(token) == tokenizer->piece(token, true)) continue;
    check(stand_in == -1 || stand_in == token);
    stand_in = token;
  }
  const auto chat = ChatTemplate::load(file, *tokenizer);
  if (!chat) return;
  const ChatMessage message{"user", std::string(text)};
  const auto tokens = chat->encode(std::span(&message, 1), *tokenizer);
  if (tokens) check_ids(*tokenizer, *tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = GgufFile::parse(bytes, size);
  if (!file) {
    check(!file.error().what.empty());
    return 0;
  }
  check_header(*file, size);
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  check_text(*file, all.substr(size - std::min<std::size_t>(size, 512)));
  return 0;
}
