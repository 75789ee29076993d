#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/child_server.h"
#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/wiring.h"
#include "local_backend/synthetic_model.h"
#include "metrics/store.h"

namespace pennyweight {

extern const std::string_view kDemoPlan;  // cli/demo_plan.toml

namespace {

// The models live in a directory of their own that goes away with the demo.
class Scratch {
 public:
  static Result<Scratch> make() {
    std::string name =
        (std::filesystem::temp_directory_path() / "pennyweight-demo-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return fail(ErrorKind::io, "cannot make a directory for the demo's models", name,
                  "set TMPDIR to a directory with 100 MB to spare");
    }
    return Scratch(name);
  }
  Scratch(Scratch&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

Result<void> make_model(std::string_view shape, const std::string& path) {
  auto spec = llm::parse_synthetic(shape);
  if (!spec) return fail(spec.error());
  return llm::write_synthetic_model(*spec, path);
}

std::string filled(std::string text, std::string_view mark, std::string_view value) {
  const std::size_t at = text.find(mark);
  return at == std::string::npos ? text : text.replace(at, mark.size(), value);
}

// A second demo replaces the first one's database, and nothing else of that name.
Result<void> clear_old(const std::string& output) {
  if (!std::filesystem::exists(output)) return {};
  auto reader = StoreReader::open(output);
  auto runs = reader ? (*reader)->runs() : fail(reader.error());
  if (!runs || runs->size() != 1 || runs->front().name != "demo") {
    return fail(ErrorKind::usage, "\"" + output + "\" exists and is not an earlier demo's",
                "the demo replaces only its own files", "run it in another directory");
  }
  reader->reset();
  std::error_code error;
  std::filesystem::remove(output, error);
  if (error) return fail(ErrorKind::io, "cannot replace \"" + output + "\"", error.message());
  return {};
}

Result<ExitStatus> demo(bool progress) {
  if (auto cleared = clear_old("demo.db"); !cleared) return fail(cleared.error());
  auto scratch = Scratch::make();
  if (!scratch) return fail(scratch.error());
  print_note(
      "making two models with random weights: their speed and cost are real, their answers are "
      "not");
  if (auto made = make_model("small:q4_0", scratch->file("small.gguf")); !made) {
    return fail(made.error());
  }
  if (auto made = make_model("medium:f16", scratch->file("large.gguf")); !made) {
    return fail(made.error());
  }
  auto server =
      ChildServer::start({"serve", "--port", "0", "--name", "large", scratch->file("large.gguf")});
  if (!server) return fail(server.error());
  std::string toml = filled(std::string(kDemoPlan), "@SMALL@", scratch->file("small.gguf"));
  toml = filled(std::move(toml), "@PORT@", std::to_string(server->port()));
  auto plan = parse_plan(toml, "demo plan");
  if (!plan) return fail(plan.error());
  ExecuteOptions options;
  options.progress = progress;
  auto status = execute(std::move(*plan), options);
  if (status && *status == ExitStatus::ok) {
    print_note("wrote demo.csv, demo.xlsx, demo.md and demo.json; yours next: pennyweight init");
  }
  if (status && (*status == ExitStatus::interrupted || *status == ExitStatus::terminated)) {
    print_note("a demo cannot be resumed, since its models are gone: run pennyweight demo again");
  }
  return status;
}

}  // namespace

void add_demo(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand(
      "demo", "The main job on models made on the spot: no key, no network, no download");
  auto quiet = std::make_shared<bool>(false);
  command->add_flag("--no-progress", *quiet, "No progress line");
  command->footer("Writes demo.db, demo.csv, demo.xlsx, demo.md and demo.json here.");
  command->callback([quiet, &chosen] { chosen = [quiet] { return demo(!*quiet); }; });
}

}  // namespace pennyweight
