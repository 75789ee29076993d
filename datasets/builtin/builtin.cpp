#include "datasets/builtin/builtin.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "datasets/builtin/generator.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct Generator {
  BuiltinSet facts;
  const char* prompt;
  const char* scorer;  // of rows without their own
  int max_tokens;      // one byte a token holds the longest right answer
  Result<Value> (*make_row)(std::uint64_t seed, std::uint64_t row, Questions& asked);
};

const std::vector<Generator>& generators() {
  static const std::vector<Generator> all = {
      {{"table_arith",
        "Reads a small CSV table and computes with it: lookup, filtered sum, best group, share",
        "Arithmetic and reading of short tables; says nothing about spreadsheets, long tables or "
        "business knowledge",
        "en"},
       "{{ table }}\n\n{{ question }}\nAnswer with the number only.",
       "numeric_close",
       16,
       make_table_arith_row},
      {{"ko_number",
        "Converts whole numbers between digits and Sino-Korean words, mixed forms included",
        "One narrow skill that depends on the tokenizer; says nothing about Korean in general",
        "ko"},
       "{{ question }}\n답만 쓰세요.",
       "exact_match",
       48,
       make_ko_number_row},
  };
  return all;
}

struct Size {
  const char* name;
  BuiltinSize size;
  std::uint64_t rows;
};
constexpr Size kSizes[] = {{"quick", BuiltinSize::quick, 25},
                           {"standard", BuiltinSize::standard, 100},
                           {"full", BuiltinSize::full, 300}};

std::string names_text() {
  std::string out;
  for (const BuiltinSet& set : builtin_sets()) out += (out.empty() ? "" : ", ") + set.name;
  return out;
}

tl::unexpected<Error> unknown_name(std::string_view what, std::string_view given,
                                   const std::vector<std::string>& candidates,
                                   const std::string& otherwise) {
  const std::string_view meant = nearest(given, candidates);
  return fail(ErrorKind::usage, fmt::format("no {} \"{}\"", what, printable(given)), "",
              meant.empty() ? otherwise : fmt::format("did you mean \"{}\"?", meant));
}

Value manifest_of(const Generator& generator, const std::string& name, std::uint64_t seed) {
  const auto map = [](Value::Map m) { return Value(std::move(m)); };
  return map({
      {"format", 1},
      {"name", name},
      {"version", "1.0.0"},
      {"language", generator.facts.language},
      {"license", "MIT"},
      {"source", "generated"},
      {"seed", static_cast<std::int64_t>(seed)},
      {"description", generator.facts.measures},
      {"limits", generator.facts.limits},
      {"rows", map({{"path", "rows.jsonl"}})},
      {"prompt", map({{"user", generator.prompt}})},
      {"generate", map({{"max_tokens", generator.max_tokens}, {"temperature", 0}})},
      {"score", map({{"default", map({{"name", generator.scorer}})}})},
      {"groups", map({{"by", "group"}, {"aggregate", "macro"}})},
      {"chance", 0},
  });
}

Result<TaskSet> generate(const Generator& generator, const Size& size, std::uint64_t seed) {
  if (seed > static_cast<std::uint64_t>(INT64_MAX)) {
    return fail(ErrorKind::usage, "the seed of a generated set is too large", "", "below 2^63");
  }
  std::string rows;
  Questions asked;
  for (std::uint64_t i = 0; i < size.rows; ++i) {
    auto row = generator.make_row(seed, i, asked);
    if (!row) return fail(std::move(row).error());
    rows += to_json(*row, JsonStyle::canonical) + "\n";
  }
  std::string name = generator.facts.name;
  if (size.size != BuiltinSize::standard) name += fmt::format(":{}", size.name);
  return TaskSet::parse(to_json(manifest_of(generator, name, seed)), std::move(rows), name);
}

}  // namespace

Value generated_row(const char* set, std::uint64_t row, std::uint64_t level) {
  Value meta;
  meta.set("level", static_cast<std::int64_t>(level));
  Value out;
  out.set("id", fmt::format("{}/{:04}", set, row));
  out.set("group", set);
  out.set("tags", Value::List{Value(fmt::format("level:{}", level))});
  out.set("meta", std::move(meta));
  return out;
}

const std::vector<BuiltinSet>& builtin_sets() {
  static const std::vector<BuiltinSet> sets = [] {
    std::vector<BuiltinSet> out;
    for (const Generator& generator : generators()) out.push_back(generator.facts);
    return out;
  }();
  return sets;
}

Result<TaskSet> open_builtin(std::string_view name_and_size, std::uint64_t seed) {
  const auto colon = name_and_size.find(':');
  const std::string_view name = name_and_size.substr(0, colon);
  const std::string_view size =
      colon == name_and_size.npos ? "standard" : name_and_size.substr(colon + 1);
  std::vector<std::string> names, sizes;
  for (const Generator& generator : generators()) {
    names.push_back(generator.facts.name);
    if (generator.facts.name != name) continue;
    for (const Size& known : kSizes) {
      sizes.emplace_back(known.name);
      if (known.name == size) return generate(generator, known, seed);
    }
    return unknown_name(fmt::format("size of {}", name), size, sizes,
                        fmt::format("sizes: {}", fmt::join(sizes, ", ")));
  }
  return unknown_name("built-in task set", name, names, "built-in sets: " + names_text());
}

Result<TaskSet> open_task_set(std::string_view name_or_path) {
  namespace fs = std::filesystem;
  const std::string_view base = name_or_path.substr(0, name_or_path.find(':'));
  for (const BuiltinSet& set : builtin_sets()) {
    if (set.name == base) return open_builtin(name_or_path);
  }
  const fs::path path(name_or_path);
  std::error_code none;
  if (fs::is_directory(path, none)) return TaskSet::open(path / "taskset.json");
  const bool is_path = name_or_path.find('/') != name_or_path.npos || path.extension() == ".json" ||
                       path.extension() == ".jsonl";
  if (is_path || fs::exists(path, none)) return TaskSet::open(path);
  auto unknown = open_builtin(name_or_path);
  if (unknown) return unknown;
  Error error = unknown.error();
  error.what = fmt::format("no task set \"{}\"", printable(name_or_path));
  error.why = "it is neither a file nor the name of a built-in set";
  return fail(std::move(error));
}

}  // namespace pennyweight
