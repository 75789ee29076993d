// Speeds as ratios, interleaved in one run: each instruction set's engine against the portable one, on a
// synthetic model. No thresholds; CI runs it briefly so that it keeps working.
//   build/<preset>/tests/benchmarks [REPETITIONS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "local_backend/engine.h"
#include "local_backend/kernels/kernels.h"
#include "local_backend/synthetic_model.h"

namespace pennyweight::llm {
namespace {

constexpr int kPrompt = 128, kGenerated = 32;

class Silent final : public StepSink {
 public:
  void on_prefill(SequenceId, int, int) override { prefill_done = std::chrono::steady_clock::now(); }
  void on_token(SequenceId, const GeneratedToken&) override {}
  void on_finished(SequenceId, FinishReason, std::string_view, const Error*) override {}
  std::chrono::steady_clock::time_point prefill_done;
};

struct Speeds {
  std::vector<double> prefill, decode;  // tokens a second
};

double per_second(int tokens, std::chrono::steady_clock::duration taken) {
  return tokens / std::chrono::duration<double>(taken).count();
}

void measure(Engine& engine, Speeds& out) {
  SequenceSpec spec;
  for (int i = 0; i < kPrompt; ++i) spec.prompt.push_back(10 + i % 200);
  spec.max_tokens = kGenerated;
  spec.ignore_eos = true;
  const auto begin = std::chrono::steady_clock::now();
  if (!engine.submit(std::move(spec))) std::abort();
  Silent sink;
  while (engine.step(sink)) {
  }
  const auto end = std::chrono::steady_clock::now();
  out.prefill.push_back(per_second(kPrompt, sink.prefill_done - begin));
  out.decode.push_back(per_second(kGenerated, end - sink.prefill_done));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

int run(int repetitions) {
  const auto path = std::filesystem::temp_directory_path() / "pennyweight-benchmark.gguf";
  for (const char* shape : {"small:q4_0", "small:q8_0", "small:f16"}) {
    auto spec = parse_synthetic(shape);
    if (!spec || !write_synthetic_model(*spec, path)) return 1;
    std::map<std::string, std::pair<std::unique_ptr<Engine>, Speeds>> engines;
    for (const char* name : {"portable", "avx2", "avx512"}) {
      if (kernels(name) == nullptr) continue;
      EngineOptions options;
      options.kernels = name;
      auto engine = Engine::open(path, options);
      if (!engine) return 1;
      engines[name].first = std::move(*engine);
    }
    for (int i = 0; i <= repetitions; ++i) {
      for (auto& [name, entry] : engines) {
        Speeds warm_up;
        measure(*entry.first, i == 0 ? warm_up : entry.second);
      }
    }
    const Speeds& base = engines.at("portable").second;
    for (const auto& [name, entry] : engines) {
      fmt::print("{:<12} {:<9} prefill {:8.0f} t/s ({:5.2f}x)  decode {:8.0f} t/s ({:5.2f}x)\n", shape, name,
                 median(entry.second.prefill), median_ratio(entry.second.prefill, base.prefill),
                 median(entry.second.decode), median_ratio(entry.second.decode, base.decode));
    }
  }
  std::filesystem::remove(path);
  return 0;
}

}  // namespace
}  // namespace pennyweight::llm

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 7;
  return pennyweight::llm::run(std::max(repetitions, 1));
}
