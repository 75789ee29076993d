#include "local_backend/model/forward_pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "local_backend/synthetic_model.h"
#include "metrics/base/random.h"
#include "tests/local_backend/edited_model.h"
#include "tests/local_backend/reference_model.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

struct Setup {
  const char* kernels = "auto";
  int threads = 1;
  std::size_t chunk = 64;
};

// The last `wanted` of them give logits.
std::vector<StepRow> step_rows(std::span<const Token> tokens, std::size_t position,
                               const KvSequence& history, std::size_t wanted) {
  std::vector<StepRow> rows;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    rows.push_back({tokens[i], position + i, &history, i + wanted >= tokens.size()});
  return rows;
}

// One run of a whole model over some tokens.
std::vector<float> engine_logits(const std::filesystem::path& path,
                                 const std::vector<Token>& tokens, const Setup& setup = {}) {
  const auto file = GgufFile::open(path);
  REQUIRE(file);
  const auto config = read_model_config(*file);
  INFO((config ? "" : config.error().what));
  REQUIRE(config);
  ThreadTeam team(setup.threads);
  const auto weights = load_weights(*file, *config, 4096, team);
  INFO((weights ? "" : weights.error().what));
  REQUIRE(weights);
  auto pool = KvPool::make(*config, tokens.size());
  REQUIRE(pool);
  KvSequence history(*pool);
  REQUIRE(history.reserve(tokens.size()));
  ForwardPass forward(*config, *weights, *kernels(setup.kernels), team, setup.chunk);
  std::vector<float> out;
  for (std::size_t at = 0; at < tokens.size(); at += setup.chunk) {
    const std::size_t n = std::min(setup.chunk, tokens.size() - at);
    REQUIRE(forward.run(step_rows(std::span(tokens).subspan(at, n), at, history, n), {}));
    for (std::size_t i = 0; i < n; ++i)
      out.insert(out.end(), forward.logits(i).begin(), forward.logits(i).end());
  }
  return out;
}

std::vector<Token> some_tokens(std::size_t n, int vocabulary, std::uint64_t seed) {
  Random random(seed, Stream::selection);
  std::vector<Token> tokens(n);
  for (Token& t : tokens)
    t = static_cast<Token>(random.below(static_cast<std::uint64_t>(vocabulary)));
  return tokens;
}

SyntheticSpec small(TensorType type, std::uint64_t seed) {
  SyntheticSpec spec;
  spec.layers = 2;
  spec.embedding_length = 64;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.feed_forward_length = 160;
  spec.vocabulary_size = 320;
  spec.context_length = 512;
  spec.type = type;
  spec.seed = seed;
  return spec;
}

// Synthetic norms are all 1, which would hide a norm that is not applied; and blocks of Q4_0
// embeddings would then be multiples of amax / 8, whose quants are all ties.
void write_model(const SyntheticSpec& spec, const std::filesystem::path& path) {
  const std::filesystem::path plain = path.string() + ".plain";
  REQUIRE(write_synthetic_model(spec, plain));
  Random random(spec.seed, Stream::weights, 1000);
  ModelEdit edit;
  const auto norm = [&](const std::string& name) {
    std::vector<float> values(static_cast<std::size_t>(spec.embedding_length));
    for (float& v : values) v = static_cast<float>(0.5 + random.uniform());
    edit.without.push_back(name);
    edit.add.emplace_back(name, std::move(values));
  };
  norm("output_norm.weight");
  for (int i = 0; i < spec.layers; ++i) {
    norm("blk." + std::to_string(i) + ".attn_norm.weight");
    norm("blk." + std::to_string(i) + ".ffn_norm.weight");
  }
  edit_model(plain, path, edit);
}

struct Difference {
  double largest = 0;
  double typical = 0;        // root of the mean square
  std::vector<double> rows;  // largest of each token, ascending
};

// As parts of the largest logit.
Difference relative_difference(const std::vector<float>& engine,
                               const std::vector<std::vector<double>>& reference) {
  Difference d;
  double most = 0, squares = 0;
  std::size_t i = 0;
  for (const auto& row : reference) {
    d.rows.push_back(0);
    for (double expected : row) {
      const double one = std::fabs(static_cast<double>(engine.at(i++)) - expected);
      d.rows.back() = std::max(d.rows.back(), one);
      squares += one * one;
      most = std::max(most, std::fabs(expected));
    }
  }
  REQUIRE(i == engine.size());
  REQUIRE(most > 0.5);
  for (double& row : d.rows) row /= most;
  std::ranges::sort(d.rows);
  d.largest = d.rows.back();
  d.typical = std::sqrt(squares / static_cast<double>(i)) / most;
  return d;
}

// Keys and values lie in the cache as f16: one that is close to the middle between two halves may
// go the other way, 2^-11 of itself, for all tokens after it. Rows before that agree to
// kFloatRounding.
constexpr double kTypicalF32 = 2e-5, kLargestF32 = 1e-4, kFloatRounding = 2e-6;

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("An F32 model gives the logits of an independent float64 one") {
  const TempDir dir;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SyntheticSpec spec = small(TensorType::f32, seed);
    spec.kv_heads = seed == 1 ? 4 : seed == 2 ? 2 : 1;
    spec.tied_output = seed == 2;
    write_model(spec, dir / "m.gguf");
    const auto tokens = some_tokens(40, spec.vocabulary_size, seed);
    const auto reference = ReferenceModel(dir / "m.gguf").logits(tokens, Inputs::quantized);
    INFO("seed " << seed);
    const Difference d = relative_difference(engine_logits(dir / "m.gguf", tokens), reference);
    CHECK(d.typical < kTypicalF32);
    CHECK(d.largest < kLargestF32);
    CHECK(d.rows.front() < kFloatRounding);
  }
}

TEST_CASE("Quantized models give the logits of a float64 one that rounds its inputs alike") {
  const TempDir dir;
  for (const TensorType type : {TensorType::f16, TensorType::q8_0, TensorType::q4_0})
    for (const std::uint64_t seed : {4u, 5u, 6u}) {
      SyntheticSpec spec = small(type, seed);
      spec.tied_output = seed == 5;
      write_model(spec, dir / "m.gguf");
      const auto tokens = some_tokens(32, spec.vocabulary_size, seed);
      const ReferenceModel model(dir / "m.gguf");
      const auto logits = engine_logits(dir / "m.gguf", tokens);
      INFO("type " << static_cast<int>(type) << " seed " << seed);
      const Difference d = relative_difference(logits, model.logits(tokens, Inputs::quantized));
      const Difference exact = relative_difference(logits, model.logits(tokens, Inputs::exact));
      CHECK(exact.largest < 0.05);
      CHECK(d.typical < exact.typical / 2);
      // An input in the middle between two steps tips a whole step, and others after it: what must
      // agree is rows that no such input has touched. In f16 steps are small and tips are many.
      if (type == TensorType::f16) {
        CHECK(d.rows.front() < kFloatRounding);
        CHECK(d.largest < 1e-3);
      } else {
        CHECK(d.rows[d.rows.size() / 4] < kFloatRounding);
      }
    }
}

TEST_CASE("Rope scaling, frequency divisors and their absence all count") {
  const TempDir dir;
  write_model(small(TensorType::f32, 7), dir / "plain.gguf");
  const auto tokens = some_tokens(40, 320, 7);
  const auto plain = engine_logits(dir / "plain.gguf", tokens);
  ModelEdit linear;
  linear.set = {{"llama.rope.scaling.type", std::string("linear")},
                {"llama.rope.scaling.factor", 4.0},
                {"llama.rope.freq_base", 500000.0}};
  ModelEdit divided;
  divided.add = {{"rope_freqs.weight", {1, 1, 1, 1, 2, 4, 8, 8}}};
  for (const ModelEdit& edit : {linear, divided}) {
    edit_model(dir / "plain.gguf", dir / "edited.gguf", edit);
    const auto logits = engine_logits(dir / "edited.gguf", tokens);
    const ReferenceModel reference(dir / "edited.gguf");
    const auto d = relative_difference(logits, reference.logits(tokens, Inputs::quantized));
    CHECK(d.typical < kTypicalF32);
    CHECK(d.largest < kLargestF32);
    CHECK_FALSE(same_bits(logits, plain));
  }
  ModelEdit none;
  none.set = {{"llama.rope.scaling.type", std::string("none")}, {"llama.rope.scaling.factor", 4.0}};
  edit_model(dir / "plain.gguf", dir / "edited.gguf", none);
  CHECK(same_bits(engine_logits(dir / "edited.gguf", tokens), plain));
}

TEST_CASE("Threads, instruction sets and the cut of the prompt do not change a bit") {
  const TempDir dir;
  for (const TensorType type :
       {TensorType::f32, TensorType::f16, TensorType::q8_0, TensorType::q4_0}) {
    write_model(small(type, 11), dir / "m.gguf");
    const auto tokens = some_tokens(90, 320, 11);
    const auto expected = engine_logits(dir / "m.gguf", tokens, {"portable", 1, 1});
    for (const char* name : {"portable", "avx2", "avx512"}) {
      if (kernels(name) == nullptr) continue;
      for (const Setup setup : {Setup{name, 1, 64}, Setup{name, 2, 7}, Setup{name, 4, 90}}) {
        INFO("type " << static_cast<int>(type) << " " << name << " threads " << setup.threads
                     << " chunk " << setup.chunk);
        CHECK(same_bits(engine_logits(dir / "m.gguf", tokens, setup), expected));
      }
    }
  }
}

TEST_CASE("Histories longer than an attention chunk keep their bits too") {
  const TempDir dir;
  SyntheticSpec spec = small(TensorType::f16, 12);
  spec.layers = 1;
  spec.context_length = 1024;
  write_model(spec, dir / "m.gguf");
  const auto tokens = some_tokens(600, 320, 12);
  const auto expected = engine_logits(dir / "m.gguf", tokens, {"auto", 1, 600});
  CHECK(same_bits(engine_logits(dir / "m.gguf", tokens, {"auto", 3, 37}), expected));
}

TEST_CASE("Odd sizes work: lengths that are no multiple of a panel") {
  const TempDir dir;
  SyntheticSpec spec = small(TensorType::f16, 13);
  spec.embedding_length = 96;
  spec.heads = spec.kv_heads = 4;  // of length 24
  spec.vocabulary_size = 301;
  write_model(spec, dir / "m.gguf");
  const auto tokens = some_tokens(20, 301, 13);
  const auto logits = engine_logits(dir / "m.gguf", tokens);
  const auto reference = ReferenceModel(dir / "m.gguf").logits(tokens, Inputs::quantized);
  CHECK(relative_difference(logits, reference).largest < 1e-3);
  CHECK(same_bits(engine_logits(dir / "m.gguf", tokens, {"portable", 2, 3}), logits));
}

TEST_CASE("A raised flag stops a run between layers") {
  const TempDir dir;
  write_model(small(TensorType::f16, 14), dir / "m.gguf");
  const auto file = GgufFile::open(dir / "m.gguf");
  REQUIRE(file);
  const auto config = read_model_config(*file);
  REQUIRE(config);
  ThreadTeam team(2);
  const auto weights = load_weights(*file, *config, 4096, team);
  REQUIRE(weights);
  auto pool = KvPool::make(*config, 128);
  REQUIRE(pool);
  KvSequence history(*pool), other(*pool);
  REQUIRE(history.reserve(64));
  REQUIRE(other.reserve(64));
  ForwardPass forward(*config, *weights, *kernels("auto"), team, 64);
  const auto tokens = some_tokens(64, 320, 14);
  const auto rows = step_rows(tokens, 0, history, 1);
  std::atomic<bool> cancelled{true};
  const std::atomic<bool> never{false};
  const std::atomic<bool>* const flags[] = {&cancelled};
  CHECK_FALSE(forward.run(rows, flags));
  cancelled = false;
  REQUIRE(forward.run(rows, flags));
  const std::vector<float> before(forward.logits(0).begin(), forward.logits(0).end());
  std::thread canceller([&] { cancelled = true; });
  while (forward.run(rows, flags)) continue;
  canceller.join();
  // One that shares a step does not take the others with it.
  const std::atomic<bool>* const shared[] = {&cancelled, &never};
  REQUIRE(forward.run(rows, shared));
  CHECK(same_bits({forward.logits(0).begin(), forward.logits(0).end()}, before));
}

TEST_CASE("Sequences that share a step keep the bits that they have alone") {
  const TempDir dir;
  write_model(small(TensorType::q4_0, 15), dir / "m.gguf");
  const auto file = GgufFile::open(dir / "m.gguf");
  REQUIRE(file);
  const auto config = read_model_config(*file);
  REQUIRE(config);
  ThreadTeam team(3);
  const auto weights = load_weights(*file, *config, 4096, team);
  REQUIRE(weights);
  auto pool = KvPool::make(*config, 5 * 128);
  REQUIRE(pool);
  ForwardPass forward(*config, *weights, *kernels("auto"), team, 64);
  struct One {
    std::vector<Token> tokens;
    std::vector<float> alone, together;
    KvSequence history;
    std::size_t done = 0;
  };
  std::vector<One> sequences;
  for (std::size_t i = 0; i < 5; ++i) {
    auto tokens = some_tokens(20 + 17 * i, 320, 100 + i);
    auto alone = engine_logits(dir / "m.gguf", tokens);
    sequences.push_back({std::move(tokens), std::move(alone), {}, KvSequence(*pool)});
    REQUIRE(sequences.back().history.reserve(sequences.back().tokens.size()));
  }
  Random random(1, Stream::selection);
  for (bool more = true; more;) {
    more = false;
    std::vector<StepRow> rows;
    std::vector<One*> of_row;
    for (One& one : sequences) {
      const std::size_t left = one.tokens.size() - one.done;
      const auto n = std::min(left, static_cast<std::size_t>(random.below(13)));
      const auto part =
          step_rows(std::span(one.tokens).subspan(one.done, n), one.done, one.history, n);
      rows.insert(rows.end(), part.begin(), part.end());
      of_row.insert(of_row.end(), n, &one);
      one.done += n;
      more = more || one.done < one.tokens.size();
    }
    if (rows.empty()) continue;
    REQUIRE(forward.run(rows, {}));
    for (std::size_t i = 0; i < rows.size(); ++i)
      of_row[i]->together.insert(of_row[i]->together.end(), forward.logits(i).begin(),
                                 forward.logits(i).end());
  }
  for (const One& one : sequences) CHECK(same_bits(one.together, one.alone));
}

}  // namespace pennyweight::llm::test
