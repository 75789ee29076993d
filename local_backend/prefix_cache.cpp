#include "local_backend/prefix_cache.h"

namespace pennyweight::llm {
namespace {

std::vector<Token> block_of(std::span<const Token> tokens, std::size_t index) {
  const auto part = tokens.subspan(index * kKvBlock, kKvBlock);
  return {part.begin(), part.end()};
}

}  // namespace

PrefixCache::~PrefixCache() {
  for (const auto& [key, node] : nodes_) pool_.give_back(node.block);
}

std::vector<KvBlock> PrefixCache::find(std::span<const Token> tokens) {
  std::vector<KvBlock> blocks;
  Id parent = 0;
  ++clock_;
  for (std::size_t i = 0; i < tokens.size() / kKvBlock; ++i) {
    const auto found = nodes_.find({parent, block_of(tokens, i)});
    if (found == nodes_.end()) break;
    found->second.used = clock_;
    blocks.push_back(found->second.block);
    parent = found->second.id;
  }
  return blocks;
}

void PrefixCache::keep(std::span<const Token> tokens, std::span<const KvBlock> blocks) {
  Id parent = 0;
  ++clock_;
  for (std::size_t i = 0; i < tokens.size() / kKvBlock; ++i) {
    const auto [node, is_new] = nodes_.try_emplace({parent, block_of(tokens, i)});
    if (is_new) {
      node->second.id = ++last_id_;
      node->second.block = blocks[i];
      pool_.share(blocks[i]);
      by_id_.emplace(last_id_, node);
      if (parent != 0) ++by_id_.at(parent)->second.children;
    }
    node->second.used = clock_;
    parent = node->second.id;
  }
}

bool PrefixCache::make_room(std::size_t blocks) {
  while (pool_.free_blocks() < blocks) {
    auto oldest = nodes_.end();
    for (auto node = nodes_.begin(); node != nodes_.end(); ++node)
      if (node->second.children == 0 && pool_.owners(node->second.block) == 1 &&
          (oldest == nodes_.end() || node->second.used < oldest->second.used))
        oldest = node;
    if (oldest == nodes_.end()) return false;
    forget(oldest);
  }
  return true;
}

void PrefixCache::forget(Nodes::iterator node) {
  const Id parent = node->first.first;
  if (parent != 0) --by_id_.at(parent)->second.children;
  pool_.give_back(node->second.block);
  by_id_.erase(node->second.id);
  nodes_.erase(node);
}

}  // namespace pennyweight::llm
