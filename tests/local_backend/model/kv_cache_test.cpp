#include "local_backend/model/kv_cache.h"

#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

ModelConfig shape() {
  ModelConfig config;
  config.layers.resize(2);
  config.kv_heads = 3;
  config.head_length = 6;
  return config;
}

std::uint16_t stamp(std::size_t l, std::size_t h, std::size_t p, std::size_t d) {
  return static_cast<std::uint16_t>(l * 30000 + h * 9000 + p * 60 + d);
}

}  // namespace

TEST_CASE("A cache gives back what was stored, apart for sequence, layer, head and position") {
  auto pool = KvPool::make(shape(), 100);
  REQUIRE(pool);
  CHECK(pool->blocks() == 2);
  CHECK(KvPool::block_bytes(shape()) == 2 * 3 * 64 * (6 + 16) * 2);
  KvSequence sequence(*pool);
  REQUIRE(sequence.reserve(100));
  CHECK(sequence.capacity() == 128);
  const auto each = [](auto&& use) {
    for (std::size_t l = 0; l < 2; ++l)
      for (std::size_t h = 0; h < 3; ++h)
        for (std::size_t p = 0; p < 100; ++p) use(l, h, p);
  };
  each([&](std::size_t l, std::size_t h, std::size_t p) {
    std::uint16_t key[6], value[6];
    for (std::size_t d = 0; d < 6; ++d) {
      key[d] = stamp(l, h, p, d);
      value[d] = static_cast<std::uint16_t>(key[d] + 7);
    }
    sequence.store(l, h, p, key, value);
  });
  std::size_t wrong = 0;
  each([&](std::size_t l, std::size_t h, std::size_t p) {
    const KvHistory history = sequence.history(l, h);
    const std::uint16_t* block = history.blocks[p / 64];
    for (std::size_t d = 0; d < 6; ++d) {
      wrong += block[history.keys + (p % 64 / 16 * 6 + d) * 16 + p % 16] != stamp(l, h, p, d);
      wrong += block[history.values + p % 64 * 16 + d] !=
               static_cast<std::uint16_t>(stamp(l, h, p, d) + 7);
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("Blocks come from the pool and return to it, and too few are taken not at all") {
  auto pool = KvPool::make(shape(), 5 * 64);
  REQUIRE(pool);
  KvSequence one(*pool), two(*pool);
  REQUIRE(one.reserve(65));
  CHECK(pool->free_blocks() == 3);
  CHECK_FALSE(two.reserve(4 * 64));
  CHECK(pool->free_blocks() == 3);
  REQUIRE(one.reserve(10));  // has it already
  CHECK(one.blocks().size() == 2);
  two.adopt(one.blocks()[0]);
  REQUIRE(two.reserve(100));
  CHECK(pool->free_blocks() == 2);
  CHECK(two.history(0, 0).blocks[0] == one.history(0, 0).blocks[0]);
  one.clear();
  CHECK(pool->free_blocks() == 3);  // the shared one stays
  {
    KvSequence moved(std::move(two));
    CHECK(moved.capacity() == 128);
    moved = KvSequence(*pool);
  }
  CHECK(pool->free_blocks() == 5);
}

}  // namespace pennyweight::llm::test
