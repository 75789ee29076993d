#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/test.h"

namespace pennyweight::test {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "pennyweight-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) FAIL("no temporary directory");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  INFO("reading " << path);
  REQUIRE(in.good());
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::filesystem::path source_path(std::string_view relative) {
  return std::filesystem::path(PENNYWEIGHT_SOURCE_DIR) / relative;
}

std::filesystem::path vocab_directory() {
  if (const char* named = std::getenv("PENNYWEIGHT_VOCAB")) return named;
  const auto shared = source_path("../shared/vocab");
  return std::filesystem::is_directory(shared) ? shared : std::filesystem::path();
}

void check_golden(std::string_view name, std::string_view actual) {
  const auto path = source_path("tests/golden") / name;
  if (std::getenv("PENNYWEIGHT_APPROVE") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, actual);
    return;
  }
  INFO("golden file " << path << "; after a look at the difference: tests/approve");
  REQUIRE(std::filesystem::exists(path));
  CHECK(read_file(path) == actual);
}

}  // namespace pennyweight::test
