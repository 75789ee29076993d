#include "local_backend/gguf/header_reader.h"

namespace pennyweight::llm {

void HeaderReader::refuse(std::string what, ErrorKind kind) {
  if (failed()) return;
  error_ = Error{kind, "not a usable GGUF file: " + std::move(what),
                 "found at byte " + std::to_string(at_),
                 kind == ErrorKind::unsupported ? "choose another file of the model"
                                                : "get the file again, or convert the model again"};
}

bool HeaderReader::has_room(std::uint64_t count, std::uint64_t least_bytes,
                            std::string_view things) {
  if (failed()) return false;
  if (count <= remaining() / least_bytes) return true;
  refuse(std::to_string(count) + " " + std::string(things) + " declared, but only " +
         std::to_string(remaining()) + " bytes are left");
  return false;
}

const std::byte* HeaderReader::take(std::uint64_t count) {
  if (failed()) return nullptr;
  if (count > bytes_.size() - at_) {
    wants_more_ = count <= remaining();
    refuse("the header is cut short");
    return nullptr;
  }
  const std::byte* from = bytes_.data() + at_;
  at_ += static_cast<std::size_t>(count);
  return from;
}

std::string HeaderReader::text(std::uint64_t limit, std::string_view what) {
  const auto length = number<std::uint64_t>();
  if (!failed() && length > limit) {
    refuse(std::string(what) + " of " + std::to_string(length) + " bytes, the limit is " +
           std::to_string(limit));
  }
  if (length == 0) return {};
  const std::byte* from = take(length);
  return from == nullptr
             ? std::string()
             : std::string(reinterpret_cast<const char*>(from), static_cast<std::size_t>(length));
}

}  // namespace pennyweight::llm
