// A fuzz target's properties, for its corpus, in tests of every build.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {

using FuzzTarget = int (*)(const std::uint8_t* data, std::size_t size);

// Every file of tests/fuzz/corpus/<name>; with `cut`, every beginning of it too.
inline void check_corpus(const std::string& name, FuzzTarget target, bool cut = true) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(source_path("tests/fuzz/corpus/" + name))) {
    INFO(entry.path());
    const std::string bytes = read_file(entry.path());
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    for (std::size_t length = cut ? 0 : bytes.size(); length <= bytes.size(); ++length)
      CHECK(target(data, length) == 0);
    ++files;
  }
  CHECK(files > 1);
}

}  // namespace pennyweight::test
