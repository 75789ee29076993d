// A directory that goes away with the test.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pennyweight::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& path, std::string_view bytes);
std::string read_file(const std::filesystem::path& path);      // fails the test when it cannot
std::filesystem::path source_path(std::string_view relative);  // "tests/cases/x.json"
// The shared tokenizer fixtures, or empty where a checkout has none: the test then says it is
// skipped.
std::filesystem::path vocab_directory();

// Compares with tests/golden/<name>; tests/approve rewrites the file instead.
void check_golden(std::string_view name, std::string_view actual);

}  // namespace pennyweight::test
