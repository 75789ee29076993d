// "local:FILE.gguf,threads=2", "openai:gpt-4o", "http://127.0.0.1:8080/v1#NAME", "sim:ttft=200ms":
// the text that names a target, and what is made of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"
#include "metrics/cost.h"
#include "runners/target.h"

namespace pennyweight {

enum class TargetScheme : std::uint8_t { local, remote, simulated };

struct TargetSpec {
  TargetScheme scheme = TargetScheme::local;
  std::string use;       // as written
  std::string name;      // shown; unique in a plan
  std::string location;  // local: path of the file; remote: base URL; simulated: ""
  std::string model;     // remote: model name
  std::string provider;  // remote: "openai", or "compatible"
  std::vector<std::pair<std::string, std::string>> options;  // after commas; %2C is a comma
  std::string api_key_env, api_key_file;                     // names of places, never the key
  CostRule cost;
};

// An unknown scheme, provider or option is an error with a suggestion. Does not touch files or
// network. Options of every target: name, price=PROVIDER/MODEL, illustrative=true,
// machine_usd_per_hour, electricity_usd_per_kwh. local: threads, ctx, parallel, prefix_cache. Remote: base_url,
// api_key_env, api_key_file, max_tokens_field. sim: those of SimulatedSpec. A URL gets no key
// unless one of the api_key options names its place; openai: defaults to OPENAI_API_KEY at its own
// address only.
Result<TargetSpec> parse_target(std::string_view use);
// Every option name of every scheme, for suggestions.
const std::vector<std::string>& target_option_names();
// The options of its own scheme, without those of every target: "threads=2,ctx=4096".
std::string scheme_options(const TargetSpec& spec);
// `use` with one more option, its commas escaped.
std::string with_option(std::string_view use, std::string_view key, std::string_view value);

// Opens files and reads keys; "local:synth/NAME:TYPE" is made once in $XDG_CACHE_HOME/pennyweight:
// a key comes from the environment variable or file that the spec names and is held only by the
// target; redact() takes it out of every text that leaves.
Result<std::unique_ptr<Target>> make_target(const TargetSpec& spec, const Clock& clock);

}  // namespace pennyweight
