#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "local_backend/model_source.h"
#include "metrics/base/file_io.h"
#include "runners/local_target.h"
#include "runners/remote_target.h"
#include "runners/simulated_target.h"
#include "runners/target_spec.h"

namespace pennyweight {
namespace {

std::string_view option(const TargetSpec& spec, std::string_view key) {
  for (const auto& [name, value] : spec.options) {
    if (name == key) return value;
  }
  return {};
}

int number_option(const TargetSpec& spec, std::string_view key) {
  const std::string_view text = option(spec, key);
  int out = 0;  // parse_target has checked the text; absent stays 0, the engine's default
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

Result<std::unique_ptr<Target>> open_local(const TargetSpec& spec, const Clock& clock) {
  llm::EngineOptions options;
  options.threads = number_option(spec, "threads");
  options.context_tokens = number_option(spec, "ctx");
  options.parallel = number_option(spec, "parallel");
  options.reuse_prefix = option(spec, "prefix_cache") == "on";
  auto engine = llm::Engine::open(spec.location, options);
  if (!engine) return fail(engine.error());
  auto hash = llm::model_sha256(spec.location);
  if (!hash) return fail(hash.error());
  return make_local_target(spec.name, std::move(*engine), std::move(*hash), clock);
}

std::string key_place(const TargetSpec& spec) {
  if (!spec.api_key_file.empty()) return "the file " + spec.api_key_file;
  return spec.api_key_env.empty() ? "" : "the environment variable " + spec.api_key_env;
}

// Line ends of the file or the .env line it came from are no part of a key. The errors never quote
// it.
Result<std::string> clean_key(std::string_view text, const TargetSpec& spec) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return fail(ErrorKind::authentication, "no key for target \"" + spec.name + "\"",
                key_place(spec) + " is empty", "write the key there");
  }
  const std::string_view key = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
  const auto unprintable = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; };
  const bool broken = std::any_of(key.begin(), key.end(), unprintable);
  if (broken || key.size() < kShortestKey) {
    return fail(ErrorKind::authentication,
                "what " + key_place(spec) + " holds is no key for target \"" + spec.name + "\"",
                broken ? "there is a blank or a control character inside"
                       : "it is shorter than " + std::to_string(kShortestKey) + " bytes",
                "write the key there, and nothing else");
  }
  return std::string(key);
}

Result<std::string> read_key(const TargetSpec& spec) {
  if (!spec.api_key_file.empty()) {
    const auto bytes = read_file(spec.api_key_file);
    if (!bytes) return fail(bytes.error());
    return clean_key(*bytes, spec);
  }
  if (spec.api_key_env.empty()) return std::string();
  const char* value = std::getenv(spec.api_key_env.c_str());
  if (value == nullptr || *value == '\0') {
    return fail(ErrorKind::authentication, "no key for target \"" + spec.name + "\"",
                "the environment variable " + spec.api_key_env + " is not set",
                "set it, or name another place with api_key_env= or api_key_file=");
  }
  return clean_key(value, spec);
}

std::unique_ptr<Target> open_remote(const TargetSpec& spec) {
  DialectConfig config;
  config.base_url = spec.location;
  config.model = spec.model;
  config.key_hint = key_place(spec);
  // Nothing is wrong before something is to be sent: a dry run needs no key.
  if (auto key = read_key(spec)) {
    if (!key->empty()) register_secret(*key);
    config.api_key = std::move(*key);
  } else {
    config.key_error = std::move(key.error());
  }
  if (const auto field = option(spec, "max_tokens_field"); !field.empty()) {
    config.max_tokens_field = field;
  }
  return make_remote_target(spec.name, openai_chat_dialect(), std::move(config));
}

}  // namespace

Result<std::unique_ptr<Target>> make_target(const TargetSpec& spec, const Clock& clock) {
  switch (spec.scheme) {
    case TargetScheme::local:
      return open_local(spec, clock);
    case TargetScheme::remote:
      return open_remote(spec);
    case TargetScheme::simulated:
      break;
  }
  const auto simulated = parse_simulated(scheme_options(spec));
  if (!simulated) return fail(simulated.error());
  return make_simulated_target(spec.name, *simulated);
}

}  // namespace pennyweight
