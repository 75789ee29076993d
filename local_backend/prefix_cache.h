// Keys and values of prompts gone by, for prompts that begin alike. Exact: what is reused are the
// bits that computing it again would give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "local_backend/model/kv_cache.h"
#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// A tree of whole blocks: each knows its tokens and the block before it. Forgets what was used
// longest ago. One thread.
class PrefixCache {
 public:
  explicit PrefixCache(KvPool& pool) : pool_(pool) {}
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // The blocks that hold the longest known beginning of `tokens`. They stay until the next call.
  std::vector<KvBlock> find(std::span<const Token> tokens);
  // `blocks` hold `tokens`; those that are full are kept.
  void keep(std::span<const Token> tokens, std::span<const KvBlock> blocks);
  // Forgets until so many blocks of the pool are free. False: what no sequence uses is not enough.
  bool make_room(std::size_t blocks);

 private:
  using Id = std::uint64_t;  // 0: the root
  using Key = std::pair<Id, std::vector<Token>>;
  struct Node {
    Id id = 0;
    KvBlock block = 0;
    std::size_t children = 0;
    std::uint64_t used = 0;
  };
  using Nodes = std::map<Key, Node>;
  void forget(Nodes::iterator node);

  KvPool& pool_;
  Nodes nodes_;
  std::map<Id, Nodes::iterator> by_id_;
  Id last_id_ = 0;
  std::uint64_t clock_ = 0;  // counts uses
};

}  // namespace pennyweight::llm
