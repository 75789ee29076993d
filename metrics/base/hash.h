// SHA-256 and ids. Any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"

namespace pennyweight {

// Lower-case hex, 64 characters.
std::string sha256(std::string_view bytes);
inline std::string sha256(std::span<const std::byte> bytes) {
  return sha256(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}
// Reads in 1 MiB pieces.
Result<std::string> sha256_file(const std::filesystem::path& path);
// Of the files' bytes one after another.
Result<std::string> sha256_files(std::span<const std::filesystem::path> paths);

// RFC 9562 version 7: sorts by time of making. Its random part comes from the operating system, so
// two processes never share one.
std::string make_uuid_v7(UnixTime now);

}  // namespace pennyweight
