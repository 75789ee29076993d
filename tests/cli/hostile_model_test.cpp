// Files that anybody may have made, given to the program itself.
#include <string>

#include "tests/local_backend/gguf/gguf_bytes.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

TEST_CASE("a model's names reach the terminal short and without escape sequences") {
  const TempDir dir;
  const std::string name = "\x1b[31m" + std::string(1 << 20, 'x');
  write_file(dir / "evil.gguf", GgufBytes()
                                    .preamble(0, 2)
                                    .text_key("general.architecture", name)
                                    .text_key("general.name", name)
                                    .bytes);
  const auto info = run_program({"model", "info", (dir / "evil.gguf").string()});
  CHECK(info.status == 0);
  CHECK(info.out.size() < 20'000);
  CHECK(info.out.find('\x1b') == std::string::npos);
  const auto answer =
      run_program({"model", "generate", (dir / "evil.gguf").string(), "--prompt", "Hi"});
  CHECK(answer.status == 2);
  CHECK(answer.err.size() < 20'000);
  CHECK(answer.err.find('\x1b') == std::string::npos);
  CHECK(answer.err.find("why: ") != std::string::npos);
  CHECK(answer.err.find("fix: ") != std::string::npos);
}

TEST_CASE("a file that is no model is refused with the way out") {
  const TempDir dir;
  write_file(dir / "cut.gguf", "GGUF");
  for (const char* command : {"info", "tokenize"}) {
    const auto result = run_program({"model", command, (dir / "cut.gguf").string()});
    INFO(command);
    CHECK(result.status == 2);
  }
  const auto result = run_program({"model", "info", (dir / "cut.gguf").string()});
  CHECK(result.err.find("fix: get the file again") != std::string::npos);
}

}  // namespace
}  // namespace pennyweight::test
