// Next-token distributions that llama-perplexity --kl-divergence-base wrote: how another engine, or
// another day, saw the same text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "local_backend/tokenizer.h"
#include "metrics/base/file_io.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// The file: "_logits_", then i32 context, vocabulary and chunks, the tokens of all chunks as i32,
// and for each predicted token of each chunk (the second half but the last) f32 scale and lowest
// log-probability, then a u16 for each token of the vocabulary (one more where that is odd):
// log p = scale * q + lowest; what is below the row's largest less 16 is lifted to that. Little-endian.
class SavedLogits {
 public:
  static Result<SavedLogits> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  int context() const { return context_; }
  int vocabulary_size() const { return vocabulary_; }
  int chunks() const { return chunks_; }
  const std::vector<Token>& tokens() const { return tokens_; }
  // Log-probabilities after token `row` of a chunk, row from context / 2 to context - 2.
  Result<std::vector<float>> log_probabilities(int chunk, std::size_t row) const;

 private:
  explicit SavedLogits(RandomAccessFile file) : file_(std::move(file)) {}

  std::filesystem::path path_;
  RandomAccessFile file_;
  int context_ = 0, vocabulary_ = 0, chunks_ = 0;
  std::uint64_t first_ = 0, row_bytes_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace pennyweight::llm
