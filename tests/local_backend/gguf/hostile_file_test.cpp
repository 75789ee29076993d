// Every way in which a file has been known to attack a reader is refused with its reason.
#include <string>
#include <vector>

#include "tests/local_backend/gguf/gguf_bytes.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

struct BadFile {
  const char* name;
  GgufBytes file;
  const char* reason;
};

GgufBytes one_tensor(const std::vector<std::uint64_t>& ne, std::uint32_t type,
                     std::uint64_t offset = 0) {
  return GgufBytes().preamble(1, 0).tensor("t", ne, type, offset).data(256);
}

GgufBytes two_tensors(std::uint64_t second_offset) {
  return GgufBytes()
      .preamble(2, 0)
      .tensor("a", {8}, 0, 0)
      .tensor("b", {8}, 0, second_offset)
      .data(64);
}

constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;

std::vector<BadFile> bad_preambles() {
  return {
      {"no bytes", {}, "cut short"},
      {"other magic", {"GGML\3\0\0\0"}, "does not begin with \"GGUF\""},
      {"version 0", GgufBytes().preamble(0, 0, 0), "version 0"},
      {"version 1", GgufBytes().preamble(0, 0, 1), "version 1"},
      {"a version of the future", GgufBytes().preamble(0, 0, 4), "version 4"},
      {"big-endian", GgufBytes().preamble(0, 0, 0x03000000), "big-endian"},
      {"2^63 keys", GgufBytes().preamble(0, kHuge), "more than a million metadata keys"},
      {"2^63 tensors", GgufBytes().preamble(kHuge, 0), "more than a million tensors"},
      {"more keys than bytes", GgufBytes().preamble(0, 1000).data(64), "1000 metadata keys"},
      {"more tensors than bytes", GgufBytes().preamble(1000, 0).data(64), "1000 tensors"},
  };
}

std::vector<BadFile> bad_metadata() {
  const auto alignment = [](std::uint32_t value) {
    return GgufBytes().preamble(0, 1).key("general.alignment", kU32, value);
  };
  return {
      {"a key without letters", GgufBytes().preamble(0, 1).key("", kU32, 1u), "key is empty"},
      {"a key of 65536 bytes", GgufBytes().preamble(0, 1).key(std::string(65536, 'k'), kU32, 1u),
       "the limit is 65535"},
      {"a key twice", GgufBytes().preamble(0, 2).key("k", kU32, 1u).key("k", kU32, 2u),
       "\"k\" is there twice"},
      {"an unknown type", GgufBytes().preamble(0, 1).key("k", 13, 1u), "unknown metadata type 13"},
      {"a text longer than the file",
       GgufBytes().preamble(0, 1).text("k").add(std::uint32_t{kText}).add(std::uint64_t{5000}),
       "cut short"},
      {"a text of 2^63 bytes",
       GgufBytes().preamble(0, 1).text("k").add(std::uint32_t{kText}).add(kHuge), "the limit is"},
      {"an array longer than the file",
       GgufBytes().preamble(0, 1).array_key("k", kU32, 1000).data(64), "1000 array elements"},
      {"an array of 2^63 elements", GgufBytes().preamble(0, 1).array_key("k", kU8, kHuge),
       "an array of 9223372036854775808 elements"},
      {"an array whose bytes overflow", GgufBytes().preamble(0, 1).array_key("k", kF64, kHuge / 4),
       "an array of"},
      {"texts that cannot all have a length",
       GgufBytes().preamble(0, 1).array_key("k", kText, 20).data(64), "20 array elements"},
      {"an array of arrays", GgufBytes().preamble(0, 1).array_key("k", kArray, 1).data(64),
       "array of arrays"},
      {"an array of an unknown type", GgufBytes().preamble(0, 1).array_key("k", 99, 1).data(64),
       "unknown array type 99"},
      {"an array's integer above 63 bits",
       GgufBytes().preamble(0, 1).numbers_key("k", kU64, std::vector<std::uint64_t>{kHuge}),
       "above 2^63 - 1"},
      {"alignment 0", alignment(0), "not a power of two"},
      {"alignment 4", alignment(4), "not a power of two"},
      {"alignment 33", alignment(33), "not a power of two"},
      {"alignment 2^30", alignment(1u << 30), "not a power of two"},
      {"alignment of another type",
       GgufBytes().preamble(0, 1).key("general.alignment", kU64, std::uint64_t{32}), "not a u32"},
      {"alignment as text", GgufBytes().preamble(0, 1).text_key("general.alignment", "32"),
       "not a u32"},
  };
}

std::vector<BadFile> bad_tensors() {
  const std::uint64_t large = std::uint64_t{1} << 40;
  return {
      {"no dimensions", one_tensor({}, 0), "0 dimensions"},
      {"five dimensions", one_tensor({1, 1, 1, 1, 1}, 0), "5 dimensions"},
      {"2^32 - 1 dimensions", GgufBytes().preamble(1, 0).text("t").add(UINT32_MAX).data(64),
       "4294967295 dimensions"},
      {"a dimension of zero", one_tensor({8, 0}, 0), "dimension of 0"},
      {"a negative dimension", one_tensor({UINT64_MAX, 2}, 0), "dimension of 18446744073709551615"},
      {"a dimension above 2^40", one_tensor({large + 1}, 0), "dimension of"},
      {"a product that overflows", one_tensor({large, large}, 0), "dimension of"},
      {"bytes that overflow", one_tensor({large, 1u << 23}, 0), "too large"},
      {"a row of half a block", one_tensor({48}, 8), "not whole blocks of Q8_0"},
      {"a retired type", one_tensor({32}, 4), "unknown type 4"},
      {"an unknown type", one_tensor({32}, 0xffffffff), "unknown type 4294967295"},
      {"an empty name", GgufBytes().preamble(1, 0).tensor("", {8}, 0, 0).data(32), "no name"},
      {"a name of 64 bytes",
       GgufBytes().preamble(1, 0).tensor(std::string(64, 'n'), {8}, 0, 0).data(32),
       "the limit is 63"},
      {"a name twice",
       GgufBytes().preamble(2, 0).tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32).data(64),
       "\"a\" is there twice"},
      {"an offset off the alignment", one_tensor({8}, 0, 1), "offset 1"},
      {"an offset beyond the file", one_tensor({8}, 0, kHuge), "offset 9223372036854775808"},
      {"tensors that overlap", two_tensors(0), "offset 0 of the data, not at 32"},
      {"a gap between tensors", two_tensors(64), "offset 64 of the data, not at 32"},
      {"more data than the file", one_tensor({65}, 0), "ends beyond the file"},
      {"declared dimensions far above the file", one_tensor({large, 4}, 0), "ends beyond the file"},
  };
}

void check_refused(const std::vector<BadFile>& files) {
  for (const auto& [name, file, reason] : files) {
    INFO(name);
    const auto parsed = parse_gguf(file.bytes);
    REQUIRE(!parsed);
    CHECK(parsed.error().what.find(reason) != std::string::npos);
    CHECK(parsed.error().why.find("byte") != std::string::npos);
    INFO(parsed.error().what);
  }
}

TEST_CASE("a GGUF file with a hostile preamble is refused with the reason") {
  check_refused(bad_preambles());
}
TEST_CASE("a GGUF file with hostile metadata is refused with the reason") {
  check_refused(bad_metadata());
}
TEST_CASE("a GGUF file with hostile tensors is refused with the reason") {
  check_refused(bad_tensors());
}

TEST_CASE("a GGUF file cut anywhere is refused, and whole it is read") {
  GgufBytes file;
  file.preamble(2, 4)
      .text_key("general.architecture", "llama")
      .key("a.number", kU16, std::uint16_t{7})
      .texts_key("a.list", {"one", "", "three"})
      .numbers_key("reals", kF32, std::vector<float>{1.5f})
      .tensor("a", {32, 2}, 8, 0)
      .tensor("b", {3}, 0, 96);
  const std::size_t header = file.bytes.size();
  const std::string whole = file.data(96 + 12).bytes;
  REQUIRE(parse_gguf(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    CHECK(!parse_gguf(std::string_view(whole).substr(0, length)));
    // The same beginning of a file that is longer on disk: wanting more is no crash either.
    const auto beginning = std::as_bytes(std::span(whole)).first(length);
    CHECK(llm::GgufFile::parse(beginning, whole.size()).has_value() == (length >= header));
  }
}

}  // namespace
}  // namespace pennyweight::test
