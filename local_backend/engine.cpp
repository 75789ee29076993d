#include "local_backend/engine.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <sched.h>

#include "local_backend/cpu_engine.h"
#include "local_backend/model_facts.h"
#include "local_backend/model_source.h"

namespace pennyweight::llm {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kDefaultContext = 4096;
constexpr int kMaxParallel = 1024, kDefaultParallel = 8;

Result<const KernelTable*> pick_kernels(std::string_view name) {
  if (const KernelTable* table = kernels(name)) return table;
  std::string present;
  for (std::string_view each : {"portable", "avx2", "avx512"})
    if (kernels(each) != nullptr) present += fmt::format(", {}", each);
  return fail(ErrorKind::unsupported, fmt::format("kernels \"{}\"", name),
              "this CPU and build have: auto" + present, "choose one of these");
}

Result<int> pick_threads(int asked) {
  if (asked < 0 || asked > kMaxThreads)
    return fail(ErrorKind::usage, fmt::format("{} threads", asked),
                fmt::format("it must be 1 to {}, or 0 for one a core", kMaxThreads),
                "leave the number out");
  if (asked > 0) return asked;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

Result<int> pick_context(int asked, const ModelConfig& config) {
  if (asked == 0) return std::min(config.context_length, kDefaultContext);
  if (asked < 0 || asked > config.context_length)
    return fail(ErrorKind::usage, fmt::format("a context of {} tokens", asked),
                fmt::format("this model was made for 1 to {}", config.context_length),
                "ask for fewer, or leave it out");
  return asked;
}

Result<int> pick_parallel(int asked) {
  if (asked < 0 || asked > kMaxParallel)
    return fail(ErrorKind::usage, fmt::format("{} sequences side by side", asked),
                fmt::format("it must be 1 to {}, or 0 for {}", kMaxParallel, kDefaultParallel),
                "leave the number out");
  return asked > 0 ? asked : kDefaultParallel;
}

Error in_file(const std::filesystem::path& path, Error error) {
  error.what = path.string() + ": " + error.what;
  return error;
}

std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{} MiB", (bytes >> 20) + 1);
}

// Positions of the cache: for all sequences at once where the memory allows, for one at least.
Result<std::size_t> pick_positions(std::uint64_t weights, std::uint64_t block, int context,
                                   int parallel) {
  const std::size_t one = KvPool::blocks_for(static_cast<std::size_t>(context));
  const std::size_t all = one * static_cast<std::size_t>(parallel);
  const auto available = available_memory();
  if (!available || weights + all * block <= *available) return all * kKvBlock;
  if (weights + one * block > *available)
    return fail(
        ErrorKind::unsupported,
        fmt::format("the model would take {} of memory: weights {}, context {}",
                    mebibytes(weights + one * block), mebibytes(weights), mebibytes(one * block)),
        fmt::format("this machine has {} free", mebibytes(*available)),
        "use a smaller model or context, or close other programs");
  return (*available - weights) / block * kKvBlock;
}

Result<std::unique_ptr<Engine>> open_engine(const std::filesystem::path& path,
                                            const EngineOptions& options) {
  const auto table = pick_kernels(options.kernels);
  if (!table) return fail(table.error());
  const auto threads = pick_threads(options.threads);
  if (!threads) return fail(threads.error());
  const auto file = open_model(path);
  if (!file) return fail(file.error());
  const auto config = read_model_config(*file);
  if (!config) return fail(in_file(path, config.error()));
  const auto sizes = measure_weights(*file, *config);
  if (!sizes) return fail(in_file(path, sizes.error()));
  const auto context = pick_context(options.context_tokens, *config);
  if (!context) return fail(in_file(path, context.error()));
  const auto parallel = pick_parallel(options.parallel);
  if (!parallel) return fail(parallel.error());
  const auto positions =
      pick_positions(sizes->packed_bytes, KvPool::block_bytes(*config), *context, *parallel);
  if (!positions) return fail(in_file(path, positions.error()));

  auto tokenizer = Tokenizer::load(*file);
  if (!tokenizer) return fail(in_file(path, tokenizer.error()));
  if (tokenizer->size() != config->vocabulary_size)
    return fail(ErrorKind::invalid_input,
                fmt::format("{}: the tokenizer has {} tokens", path.string(), tokenizer->size()),
                fmt::format("token_embd.weight has {} rows", config->vocabulary_size),
                "get the file again, or convert the model again");
  auto chat_template = ChatTemplate::load(*file, *tokenizer);
  if (!chat_template) return fail(in_file(path, chat_template.error()));
  auto team = std::make_unique<ThreadTeam>(*threads);
  auto weights = load_weights(*file, *config, *context, *team);
  if (!weights) return fail(std::move(weights).error());
  auto pool = KvPool::make(*config, *positions);
  if (!pool) return fail(std::move(pool).error());

  auto model = std::make_unique<LoadedModel>(LoadedModel{
      *config, *std::move(weights), *std::move(tokenizer), *std::move(chat_template), {}});
  model->info = describe_model(path, *file, *config, *sizes);
  model->info.chat_template = model->chat_template.name();
  model->info.chat_template_sha256 = model->chat_template.hash();
  model->info.chat_template_note = model->chat_template.fallback_reason();
  model->info.context_tokens = *context;
  model->info.threads = *threads;
  model->info.parallel = *parallel;
  model->info.reuse_prefix = options.reuse_prefix;
  model->info.kernels = (*table)->name;
  return std::make_unique<CpuEngine>(std::move(model), std::move(team), **table, *std::move(pool));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& model,
                                             const EngineOptions& options) {
  try {
    return open_engine(model, options);
  } catch (const std::exception& e) {  // no memory for buffers, or no thread
    return fail(ErrorKind::io, fmt::format("cannot open {}", model.string()), e.what(),
                "use a smaller model or fewer threads");
  }
}

namespace {

Result<ChatTemplate::Rendered> text_of(const Engine& engine, const Prompt& prompt) {
  if (const auto* messages = std::get_if<std::vector<ChatMessage>>(&prompt))
    return engine.chat_template().render_with_content(*messages);
  if (const auto* text = std::get_if<PromptText>(&prompt)) {
    ChatTemplate::Rendered out{text->text, {}};
    if (text->specials == Specials::as_text) out.content.push_back({0, text->text.size()});
    return out;
  }
  return fail(ErrorKind::usage, "a continuation needs a prompt of text",
              "tokens may join over its border", "give the prompt as text");
}

constexpr const char* kContextFix =
    "shorten the prompt, allow fewer tokens, or open the model with a larger context (ctx)";

}  // namespace

Error context_error(std::string what, int context_tokens) {
  return {ErrorKind::unsupported, std::move(what),
          fmt::format("the context is {} tokens, and the answer needs room in it", context_tokens),
          kContextFix};
}
bool is_context_error(const Error& error) {
  return error.fix == kContextFix;
}

Result<std::vector<Token>> Engine::encode(const Prompt& prompt) const {
  std::vector<Token> tokens;
  if (const auto* ids = std::get_if<std::vector<Token>>(&prompt)) {
    tokens = *ids;
  } else {
    const auto rendered = text_of(*this, prompt);
    if (!rendered) return fail(rendered.error());
    tokens = tokenizer().encode_prompt(rendered->text, rendered->content);
  }
  const auto context = static_cast<std::size_t>(info().context_tokens);
  if (tokens.size() >= context)
    return fail(context_error(fmt::format("the prompt has {} tokens", tokens.size()),
                              info().context_tokens));
  return tokens;
}

Result<Engine::Continued> Engine::encode(const Prompt& prompt,
                                         std::string_view continuation) const {
  auto rendered = text_of(*this, prompt);
  if (!rendered) return fail(std::move(rendered).error());
  std::string& text = rendered->text;
  std::vector<TextRange>& content = rendered->content;
  // A word's first blank is part of its token: those at the prompt's end go with what follows.
  const std::string whole = text + std::string(continuation);
  text.resize(text.find_last_not_of(' ') + 1);
  for (TextRange& range : content) range.end = std::min(range.end, text.size());
  const auto before = tokenizer().encode_prompt(text, content);
  content.push_back({text.size(), whole.size()});
  const auto tokens = tokenizer().encode_prompt(whole, content);
  if (before.empty() || tokens.size() < 2)
    return fail(ErrorKind::invalid_input, "there is nothing before the continuation", "",
                "give a prompt that is not empty");
  // Where the continuation joins the prompt's last token it still has that one.
  const auto cut = static_cast<std::ptrdiff_t>(std::min(before.size(), tokens.size() - 1));
  return Continued{{tokens.begin(), tokens.begin() + cut}, {tokens.begin() + cut, tokens.end()}};
}

Result<std::vector<float>> Engine::logits(std::span<const Token> tokens) {
  std::vector<float> all;
  auto done = logits(tokens, 0, [&all](std::size_t, std::span<const float> row) {
    all.insert(all.end(), row.begin(), row.end());
  });
  if (!done) return fail(std::move(done).error());
  return all;
}

}  // namespace pennyweight::llm
