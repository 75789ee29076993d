#include "reports/ratio_line.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "reports/table.h"

namespace pennyweight {
namespace {

bool is_known(const Summary& s) {
  return s.cost_per_1k_tasks && *s.cost_per_1k_tasks > 0 && s.cost_unknown_calls == 0;
}

std::string times(double part, double whole) {
  return significant(part / whole, 2, 9) + "x";
}

}  // namespace

std::optional<std::string> ratio_line(const std::string& about, const Summary& first,
                                      const Summary& second) {
  if (!is_known(first) || !is_known(second)) return std::nullopt;
  if (!(first.cost_currency == second.cost_currency)) return std::nullopt;
  std::string out = about + ": " + first.cell.target + " costs " +
                    times(*first.cost_per_1k_tasks, *second.cost_per_1k_tasks) + " of " +
                    second.cell.target + " per 1k tasks";
  if (first.cost_rule.illustrative || second.cost_rule.illustrative) {
    out += " at illustrative prices";
  }
  if (first.score_mean && second.score_mean) {
    out += fmt::format(", quality {:.2f} vs {:.2f}", *first.score_mean, *second.score_mean);
  }
  const auto &ttft = first.ttft_ms.p50, &other = second.ttft_ms.p50;
  if (ttft && other && *other > 0) out += ", TTFT p50 " + times(*ttft, *other);
  return out;
}

std::vector<std::string> ratio_lines(const std::vector<Summary>& cells, const std::string& when) {
  const auto shared = [](const Summary& a, const Summary& b) {
    return a.cell.task_set == b.cell.task_set && a.cell.load_point == b.cell.load_point;
  };
  const bool loads = std::any_of(cells.begin(), cells.end(), [&](const Summary& s) {
    return s.cell.load_point != cells.front().cell.load_point;
  });
  std::vector<std::string> out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto before = cells.begin() + static_cast<std::ptrdiff_t>(i);
    const auto same = [&](const Summary& other) { return shared(other, cells[i]); };
    if (std::any_of(cells.begin(), before, same)) continue;
    if (std::count_if(cells.begin(), cells.end(), same) != 2) continue;
    std::string about = cells[i].cell.task_set;
    if (loads) about += " " + cells[i].cell.load_point;
    if (!when.empty()) about += " of " + when;
    const auto other = std::find_if(before + 1, cells.end(), same);
    if (auto line = ratio_line(about, cells[i], *other)) out.push_back(std::move(*line));
  }
  return out;
}

}  // namespace pennyweight
