#include "local_backend/fidelity.h"

#include <algorithm>
#include <cmath>

#include "local_backend/synthetic_model.h"
#include "metrics/base/random.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

std::unique_ptr<Engine> tiny(const TempDir& dir, TensorType type) {
  SyntheticSpec spec;
  spec.embedding_length = 64;
  spec.feed_forward_length = 160;
  spec.vocabulary_size = 320;
  spec.type = type;
  const auto path = dir / "m.gguf";
  REQUIRE(write_synthetic_model(spec, path));
  auto engine = Engine::open(path, {.threads = 1});
  REQUIRE(engine);
  return *std::move(engine);
}

std::vector<Token> some_tokens(std::size_t n) {
  Random random(3, Stream::selection);
  std::vector<Token> tokens(n);
  for (Token& t : tokens) t = static_cast<Token>(random.below(320));
  return tokens;
}

// With the C library, straight from the definition.
std::vector<double> softmax(std::span<const float> row) {
  std::vector<double> p;
  double sum = 0;
  for (const float x : row) p.push_back(std::exp(static_cast<double>(x)));
  for (const double x : p) sum += x;
  for (double& x : p) x /= sum;
  return p;
}

FidelityOptions chunks_of(int context) {
  FidelityOptions options;
  options.context = context;
  return options;
}

}  // namespace

TEST_CASE("Perplexity is the exponential of the mean surprise over each chunk's second half") {
  const TempDir dir;
  const auto engine = tiny(dir, TensorType::f16);
  const auto tokens = some_tokens(50);  // three chunks of 16, and two left over
  double surprise = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<Token> chunk(tokens.begin() + static_cast<std::ptrdiff_t>(16 * c),
                             tokens.begin() + static_cast<std::ptrdiff_t>(16 * c + 16));
    chunk[0] = engine->tokenizer().bos();
    const auto logits = engine->logits(chunk);
    REQUIRE(logits);
    for (std::size_t i = 8; i < 15; ++i)
      surprise -= std::log(softmax(
          std::span(*logits).subspan(320 * i, 320))[static_cast<std::size_t>(chunk[i + 1])]);
  }
  FidelityOptions options = chunks_of(16);
  int calls = 0;
  options.on_chunk = [&](int done, int all) {
    CHECK(done == ++calls);
    CHECK(all == 3);
  };
  const auto measured = measure_perplexity(*engine, tokens, options);
  REQUIRE(measured);
  CHECK(measured->chunks == 3);
  CHECK(measured->tokens == 21);
  CHECK(measured->value == Approx(std::exp(surprise / 21)).epsilon(1e-9));
  CHECK(measured->error > 0);
  options.on_chunk = nullptr;
  options.most_chunks = 1;
  CHECK(measure_perplexity(*engine, tokens, options)->tokens == 7);
}

TEST_CASE("A model is faithful to itself, and its quantised one nearly") {
  const TempDir one, two;
  const auto full = tiny(one, TensorType::f16), small = tiny(two, TensorType::q4_0);
  const auto tokens = some_tokens(200);
  const auto same = measure_fidelity(*full, *full, tokens, chunks_of(32));
  REQUIRE(same);
  CHECK(same->mean_kld == 0);
  CHECK(same->max_kld == 0);
  CHECK(same->same_top_rate == 1);
  CHECK(same->probability_rms == 0);
  CHECK(same->reference.value == same->candidate.value);
  const auto near = measure_fidelity(*full, *small, tokens, chunks_of(32));
  REQUIRE(near);
  CHECK(near->candidate.value == measure_perplexity(*small, tokens, chunks_of(32))->value);
  CHECK(near->mean_kld > 0);
  CHECK(near->mean_kld < near->p99_kld);
  CHECK(near->p99_kld <= near->max_kld);
  CHECK(near->same_top_rate < 1);
  // The mean, once more by hand.
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t c = 0; c < 200 / 32; ++c) {
    std::vector<Token> chunk(tokens.begin() + static_cast<std::ptrdiff_t>(32 * c),
                             tokens.begin() + static_cast<std::ptrdiff_t>(32 * c + 32));
    chunk[0] = full->tokenizer().bos();
    const auto a = full->logits(chunk), b = small->logits(chunk);
    for (std::size_t i = 16; i < 31; ++i, ++count) {
      const auto p = softmax(std::span(*a).subspan(320 * i, 320));
      const auto q = softmax(std::span(*b).subspan(320 * i, 320));
      for (std::size_t v = 0; v < 320; ++v) sum += p[v] * std::log(p[v] / q[v]);
    }
  }
  CHECK(near->mean_kld == Approx(sum / static_cast<double>(count)).epsilon(1e-6));
}

TEST_CASE("A model is faithful to its own saved distributions, as far as sixteen bits hold them") {
  const TempDir dir;
  const auto engine = tiny(dir, TensorType::f16);
  const auto tokens = some_tokens(3 * 16);
  std::string file = "_logits_";
  const auto put = [&file](const auto& value) {
    file.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const std::int32_t number : {16, 320, 3}) put(number);
  for (const Token token : tokens) put(token);
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<Token> chunk(tokens.begin() + static_cast<std::ptrdiff_t>(16 * c),
                             tokens.begin() + static_cast<std::ptrdiff_t>(16 * c + 16));
    chunk[0] = engine->tokenizer().bos();
    const auto logits = engine->logits(chunk);
    for (std::size_t i = 8; i < 15; ++i) {
      const auto p = softmax(std::span(*logits).subspan(320 * i, 320));
      const float lowest = static_cast<float>(std::log(*std::ranges::min_element(p)));
      const float scale =
          (static_cast<float>(std::log(*std::ranges::max_element(p))) - lowest) / 65535;
      put(scale);
      put(lowest);
      for (const double x : p)
        put(static_cast<std::uint16_t>(
            std::lround((std::log(x) - static_cast<double>(lowest)) / static_cast<double>(scale))));
    }
  }
  pennyweight::test::write_file(dir / "base.bin", file);
  const auto saved = SavedLogits::open(dir / "base.bin");
  REQUIRE(saved);
  const auto same = measure_fidelity(*saved, *engine, {});
  REQUIRE(same);
  CHECK(same->candidate.tokens == 21);
  CHECK(same->mean_kld < 1e-5);
  CHECK(same->same_top_rate > 0.95);
  CHECK(same->reference.value == Approx(same->candidate.value).epsilon(1e-4));
  for (std::size_t n = 0; n < file.size(); n += n < 220 ? 1 : 997) {
    pennyweight::test::write_file(dir / "cut.bin", file.substr(0, n));
    const auto cut = SavedLogits::open(dir / "cut.bin");
    REQUIRE_FALSE(cut);
    CHECK(cut.error().what.find("cut.bin") != std::string::npos);
  }
  file[20] = '\x7f';  // a token
  file[22] = '\x7f';
  pennyweight::test::write_file(dir / "cut.bin", file);
  CHECK_FALSE(SavedLogits::open(dir / "cut.bin"));
}

// As llama-perplexity writes them: log-probabilities below the largest less 16 lifted to that.
// Returns the perplexity of what was written.
double save_distributions(const Engine& engine, const std::vector<Token>& chunk,
                          const std::vector<float>& logits, const std::filesystem::path& path) {
  const auto size = static_cast<std::size_t>(engine.info().vocabulary_size);
  std::string file = "_logits_";
  const auto put = [&file](const auto& value) {
    file.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const std::int32_t number : {16, engine.info().vocabulary_size, 1}) put(number);
  for (const Token token : chunk) put(token);
  double surprise = 0;
  for (std::size_t i = 8; i < 15; ++i) {
    const auto row = std::span(logits).subspan(i * size, size);
    const auto [least, most] = std::ranges::minmax(row);
    double sum = 0;
    for (const float x : row) sum += std::exp(static_cast<double>(x - most));
    const double depth = std::min(static_cast<double>(most - least), 16.0);
    const auto log = [&, top = most](std::size_t v) {
      return std::max(static_cast<double>(row[v] - top), -depth) - std::log(sum);
    };
    surprise -= log(static_cast<std::size_t>(chunk[i + 1]));
    put(static_cast<float>(depth / 65535));
    put(static_cast<float>(-depth - std::log(sum)));
    for (std::size_t v = 0; v < size; ++v)
      put(static_cast<std::uint16_t>(
          std::lround((log(v) + depth + std::log(sum)) / depth * 65535)));
  }
  pennyweight::test::write_file(path, file);
  return std::exp(surprise / 7);
}

TEST_CASE("Saved distributions are taken as they are with a floor, without it as normal") {
  const auto [margin, largest_kld] = GENERATE(std::pair{40.0f, 1e-6}, std::pair{0.0f, 1e-8});
  const TempDir dir;
  SyntheticSpec spec = parse_synthetic("small:f16").value();
  spec.margin = margin;
  REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
  const auto engine = *Engine::open(dir / "m.gguf", {.threads = 1});
  std::vector<Token> chunk = some_tokens(16);
  chunk[0] = engine->tokenizer().bos();
  const double expected =
      save_distributions(*engine, chunk, *engine->logits(chunk), dir / "base.bin");
  const auto same = measure_fidelity(*SavedLogits::open(dir / "base.bin"), *engine, {});
  REQUIRE(same);
  CHECK(same->mean_kld < largest_kld);
  CHECK(same->reference.value == Approx(expected).epsilon(1e-3));
}

TEST_CASE("A header of saved logits whose sizes wrap around is refused") {
  const TempDir dir;
  std::string file = "_logits_";
  for (const std::int32_t number : {699'054, 3'145'714, 1 << 24})
    file.append(reinterpret_cast<const char*>(&number), sizeof number);
  pennyweight::test::write_file(dir / "base.bin", file);
  const auto saved = SavedLogits::open(dir / "base.bin");
  REQUIRE_FALSE(saved);
  CHECK(saved.error().kind == ErrorKind::invalid_input);
}

TEST_CASE("Text that is too short, and chunks that cannot be, are refused") {
  const TempDir dir;
  const auto engine = tiny(dir, TensorType::f16);
  for (const auto& [n, context] : {std::pair{15, 16}, {100, 3}, {100, 1 << 30}}) {
    const auto refused =
        measure_perplexity(*engine, some_tokens(static_cast<std::size_t>(n)), chunks_of(context));
    REQUIRE_FALSE(refused);
    CHECK_FALSE(refused.error().fix.empty());
  }
}

}  // namespace pennyweight::llm::test
