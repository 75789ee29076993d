#include "metrics/base/hash.h"

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

TEST_CASE("SHA-256 gives the digests of FIPS 180") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("the hash of a file is that of its bytes, across pieces") {
  test::TempDir dir;
  const std::string bytes((std::size_t{1} << 20) + 17, 'x');
  test::write_file(dir / "f", bytes);
  CHECK(sha256_file(dir / "f").value() == sha256(bytes));
  test::write_file(dir / "empty", "");
  CHECK(sha256_file(dir / "empty").value() == sha256(""));
  CHECK(sha256_file(dir / "none").error().kind == ErrorKind::not_found);
}

TEST_CASE("version 7 ids hold their time, sort by it and never repeat") {
  const UnixTime t(std::chrono::milliseconds(0x0190'2345'6789));
  const std::string id = make_uuid_v7(t);
  REQUIRE(id.size() == 36);
  CHECK(id.substr(0, 13) == "01902345-6789");
  CHECK(id[14] == '7');
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(make_uuid_v7(t) != id);
  CHECK(make_uuid_v7(t) < make_uuid_v7(t + std::chrono::microseconds(1)));
}

}  // namespace
}  // namespace pennyweight
