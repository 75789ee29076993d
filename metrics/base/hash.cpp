#include "metrics/base/hash.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <vector>

#include <openssl/evp.h>
#include <sys/random.h>

#include "metrics/base/file_io.h"

namespace pennyweight {
namespace {

std::string hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char b : bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

// One SHA-256 under way. libcrypto fails only when memory runs out; the digest is then empty.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    ok_ = context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
  }
  void add(const void* data, std::size_t size) {
    ok_ = ok_ && EVP_DigestUpdate(context_.get(), data, size) == 1;
  }
  std::string finish() {
    std::array<unsigned char, 32> digest{};
    ok_ = ok_ && EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
    return ok_ ? hex(digest) : std::string();
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  bool ok_ = false;
};

void fill_from_system(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno != EINTR) return;  // cannot happen for a valid buffer since Linux 3.17
    if (n > 0) out = out.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.finish();
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
  return sha256_files({&path, 1});
}

Result<std::string> sha256_files(std::span<const std::filesystem::path> paths) {
  Sha256 hash;
  std::vector<std::byte> piece(std::size_t{1} << 20);
  for (const std::filesystem::path& path : paths) {
    Result<RandomAccessFile> file = RandomAccessFile::open(path);
    if (!file) return fail(file.error());
    for (std::uint64_t at = 0; at < file->size();) {
      const std::uint64_t n = std::min<std::uint64_t>(piece.size(), file->size() - at);
      const std::span<std::byte> part(piece.data(), static_cast<std::size_t>(n));
      if (Result<void> read = file->read_at(at, part); !read) return fail(read.error());
      hash.add(part.data(), part.size());
      at += n;
    }
  }
  return hash.finish();
}

std::string make_uuid_v7(UnixTime now) {
  using namespace std::chrono;
  std::array<unsigned char, 16> b{};
  fill_from_system(b);
  const auto nanoseconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const std::uint64_t ms = nanoseconds / 1'000'000;
  for (std::size_t i = 0; i < 6; ++i) b[i] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  // The 12 bits after the version hold the fraction of the millisecond (RFC 9562 section 6.2,
  // method 3), so that two ids of one millisecond sort too.
  const std::uint64_t fraction = nanoseconds % 1'000'000 * 4096 / 1'000'000;
  b[6] = static_cast<unsigned char>(0x70 | fraction >> 8);
  b[7] = static_cast<unsigned char>(fraction);
  b[8] = static_cast<unsigned char>(0x80 | (b[8] & 0x3f));
  std::string out = hex(b);
  for (const std::size_t dash : {20U, 16U, 12U, 8U}) out.insert(dash, 1, '-');
  return out;
}

}  // namespace pennyweight
