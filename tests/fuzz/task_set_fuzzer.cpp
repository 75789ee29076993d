// Manifest and rows, separated by a line "---"; without it, bare rows. Whatever opens is rendered
// and scored.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "datasets/scorer.h"
#include "datasets/task_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pennyweight;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kSeparator = "\n---\n";
  const auto border = input.find(kSeparator);
  const bool bare = border == input.npos;
  const auto set =
      TaskSet::parse(bare ? std::string_view() : input.substr(0, border),
                     std::string(bare ? input : input.substr(border + kSeparator.size())), "fuzz");
  for (std::size_t row = 0; set && row < set->size(); ++row) {
    const auto task = set->task(row);
    if (!task || task->id != set->id(row)) __builtin_trap();  // checked when the set was opened
    const auto scorer = make_scorer(task->scorer);
    if (!scorer) __builtin_trap();
    for (const auto& message : task->messages) {
      const Score score = (*scorer)->score(message.content, task->targets, task->choices);
      if (!(score.value >= 0 && score.value <= 1)) __builtin_trap();
    }
  }
  return 0;
}
