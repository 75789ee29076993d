#include "runners/target_spec.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "runners/option_list.h"
#include "runners/simulated_target.h"

namespace pennyweight {
namespace {

const std::vector<std::string> kCommonOptions = {"name", "price", "illustrative",
                                                 "machine_usd_per_hour", "electricity_usd_per_kwh"};
const std::vector<std::string> kLocalOptions = {"threads", "ctx", "parallel", "prefix_cache"};
const std::vector<std::string> kRemoteOptions = {"base_url", "api_key_env", "api_key_file",
                                                 "max_tokens_field"};
const std::vector<std::string> kSimulatedOptions = {
    "ttft", "tpot", "send_delay", "tokens", "answer", "fail", "failure", "slots", "seed"};
const std::vector<std::string> kSchemes = {"local", "openai", "http", "https", "sim"};
constexpr const char* kForms =
    "write local:FILE.gguf, openai:MODEL, http://HOST:PORT/v1#MODEL or sim:ttft=200ms";

const std::vector<std::string>& own_options(TargetScheme scheme) {
  switch (scheme) {
    case TargetScheme::local:
      return kLocalOptions;
    case TargetScheme::remote:
      return kRemoteOptions;
    case TargetScheme::simulated:
      break;
  }
  return kSimulatedOptions;
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

tl::unexpected<Error> bad_target(std::string_view use, std::string why, std::string fix) {
  return fail(ErrorKind::usage, "\"" + std::string(use) + "\" is not a target", std::move(why),
              std::move(fix));
}

Result<void> check_option_names(const TargetSpec& spec) {
  std::vector<std::string> known = own_options(spec.scheme);
  known.insert(known.end(), kCommonOptions.begin(), kCommonOptions.end());
  for (const auto& [key, value] : spec.options) {
    if (contains(known, key)) continue;
    std::string all;
    for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
    return fail(ErrorKind::usage, "target \"" + spec.use + "\" has no option \"" + key + "\"", "",
                did_you_mean(key, known, "its options are " + all));
  }
  return {};
}

tl::unexpected<Error> bad_value(std::string_view key, std::string_view value, std::string fix) {
  return fail(ErrorKind::usage,
              "\"" + std::string(value) + "\" is no value of option " + std::string(key), "",
              std::move(fix));
}

// A key in a URL would be in the process list, in logs and in the store.
Result<std::string> check_base_url(std::string_view url) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const std::string_view rest = url.substr(scheme.size());
    const std::string_view host = rest.substr(0, rest.find('/'));
    if (host.empty() || host.front() == ':') break;
    if (host.find('@') != std::string_view::npos) {
      return fail(ErrorKind::usage, "a target's URL may not hold a user name or key", "",
                  "put the key into an environment variable and add api_key_env=ITS_NAME");
    }
    if (rest.find('?') != std::string_view::npos) {
      return fail(ErrorKind::usage, "a target's URL ends before the query part");
    }
    while (url.ends_with('/')) url.remove_suffix(1);
    return std::string(url);
  }
  return fail(ErrorKind::usage, "\"" + std::string(url) + "\" is not an http:// or https:// URL",
              "", "for example http://127.0.0.1:8080/v1");
}

Result<std::optional<Money>> read_money(std::string_view key, std::string_view value) {
  const auto money = parse_money(value, kUsd);
  if (!money || money->pico < 0) return bad_value(key, value, "an amount in USD, such as 0.40");
  return std::optional<Money>(*money);
}

Result<void> read_cost(const OptionList& options, std::string_view own_key, CostRule& cost) {
  bool said = false;
  for (const auto& [key, value] : options) {
    if (key == "price") {
      if (value.find('/') == std::string::npos) {
        return bad_value(key, value, "PROVIDER/MODEL, as `pennyweight prices list` shows them");
      }
      cost.kind = CostRule::Kind::tokens;
      cost.price_key = value;
    } else if (key == "illustrative") {
      if (value != "true" && value != "false") return bad_value(key, value, "true or false");
      cost.illustrative = value == "true";
      said = true;
    } else if (key == "machine_usd_per_hour" || key == "electricity_usd_per_kwh") {
      auto money = read_money(key, value);
      if (!money) return fail(money.error());
      (key[0] == 'm' ? cost.machine.per_hour : cost.machine.electricity_per_kwh) = *money;
    }
  }
  // Another model's price says that it is, unless the user knows better.
  if (!said && !cost.price_key.empty()) cost.illustrative = cost.price_key != own_key;
  if (!cost.machine.per_hour && !cost.machine.electricity_per_kwh) return {};
  if (!cost.price_key.empty()) {
    return fail(ErrorKind::usage, "a target is priced by tokens or by the hour, not both", "",
                "leave out either price or the machine and electricity rates");
  }
  cost.kind = CostRule::Kind::machine;
  return {};
}

Result<void> read_location(std::string_view first, TargetSpec& spec) {
  if (spec.scheme == TargetScheme::simulated) {
    spec.name = "sim";
    return {};
  }
  if (spec.scheme == TargetScheme::local) {
    spec.location = first.substr(std::string_view("local:").size());
    if (spec.location.empty()) return bad_target(spec.use, "no file is named", kForms);
    spec.name = spec.location.starts_with("synth/")
                    ? spec.location.substr(6)
                    : std::filesystem::path(spec.location).stem().string();
    std::replace(spec.name.begin(), spec.name.end(), ':', '-');
    return {};
  }
  if (spec.provider == "openai") {
    spec.model = first.substr(std::string_view("openai:").size());
    spec.location = "https://api.openai.com/v1";
  } else {
    const std::size_t hash = std::min(first.find('#'), first.size());
    auto url = check_base_url(first.substr(0, hash));
    if (!url) return fail(url.error());
    spec.location = std::move(*url);
    spec.model = first.substr(std::min(hash + 1, first.size()));
  }
  spec.name = spec.model;
  if (!spec.model.empty()) return {};
  return bad_target(spec.use, "no model is named", "for example http://127.0.0.1:8080/v1#phi-3");
}

Result<void> read_options(TargetSpec& spec) {
  bool own_address = spec.provider == "openai";
  for (const auto& [key, value] : spec.options) {
    if (key == "name") {
      if (value.empty()) return bad_value(key, value, "a word to show in reports");
      spec.name = value;
    } else if (key == "base_url") {
      auto url = check_base_url(value);
      if (!url) return fail(url.error());
      spec.location = std::move(*url);
      own_address = false;
    } else if (key == "api_key_env") {
      spec.api_key_env = value;
    } else if (key == "api_key_file") {
      spec.api_key_file = value;
    } else if (key == "threads" || key == "ctx" || key == "parallel") {
      int number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc() || end != value.data() + value.size() || number < 1) {
        return bad_value(key, value, "a whole number from 1");
      }
    } else if (key == "prefix_cache" && value != "on" && value != "off") {
      return bad_value(key, value, "on or off");
    } else if (key == "max_tokens_field" && value != "max_tokens" &&
               value != "max_completion_tokens") {
      return bad_value(key, value, "max_tokens or max_completion_tokens");
    }
  }
  if (!spec.api_key_env.empty() && !spec.api_key_file.empty()) {
    return fail(ErrorKind::usage, "target \"" + spec.name + "\" has two places for its key", "",
                "leave out api_key_env or api_key_file");
  }
  if (own_address && spec.api_key_env.empty() && spec.api_key_file.empty()) {
    spec.api_key_env = "OPENAI_API_KEY";
  }
  return {};
}

Result<void> read_scheme(TargetSpec& spec) {
  const std::string_view use = spec.use;
  const std::size_t colon = use.find(':');
  const std::string_view scheme = use.substr(0, std::min(colon, use.size()));
  if (colon == std::string_view::npos) {
    if (use.substr(0, use.find(',')).ends_with(".gguf")) {
      return bad_target(use, "it does not say where the model runs",
                        "for a file: local:" + std::string(use));
    }
    return bad_target(
        use, "models are not known by their bare names in this version",
        "write openai:" + std::string(use) + " for OpenAI's, or " + std::string(kForms).substr(6));
  }
  if (scheme == "local") {
    spec.scheme = TargetScheme::local;
  } else if (scheme == "sim") {
    spec.scheme = TargetScheme::simulated;
  } else if (scheme == "http" || scheme == "https") {
    spec.scheme = TargetScheme::remote;
    spec.provider = "compatible";
  } else if (scheme == "openai") {
    spec.scheme = TargetScheme::remote;
    spec.provider = "openai";
  } else {
    const std::string_view file_or_word = use.substr(0, use.find(','));
    return bad_target(file_or_word, "\"" + std::string(scheme) + ":\" is not known here",
                      did_you_mean(scheme, kSchemes, kForms));
  }
  return {};
}

}  // namespace

const std::vector<std::string>& target_option_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out = kCommonOptions;
    for (const auto* list : {&kLocalOptions, &kRemoteOptions, &kSimulatedOptions}) {
      out.insert(out.end(), list->begin(), list->end());
    }
    return out;
  }();
  return all;
}

std::string with_option(std::string_view use, std::string_view key, std::string_view value) {
  std::string out(use);
  if (!out.ends_with("sim:")) out += ',';
  return out.append(key) + "=" + escape_commas(value);
}

std::string scheme_options(const TargetSpec& spec) {
  OptionList own;
  for (const auto& option : spec.options) {
    if (contains(own_options(spec.scheme), option.first)) own.push_back(option);
  }
  return join_options(own);
}

Result<TargetSpec> parse_target(std::string_view use) {
  TargetSpec spec;
  spec.use = use;
  if (auto ok = read_scheme(spec); !ok) return fail(ok.error());
  std::string_view first = use.substr(0, use.find(','));
  std::string_view rest = use.substr(std::min(first.size() + 1, use.size()));
  if (spec.scheme == TargetScheme::simulated) rest = use.substr(std::string_view("sim:").size());
  if (auto ok = read_location(unescape_commas(first), spec); !ok) return fail(ok.error());
  auto options = parse_options(rest);
  if (!options) return fail(options.error());
  spec.options = std::move(*options);
  if (auto ok = check_option_names(spec); !ok) return fail(ok.error());
  if (auto ok = read_options(spec); !ok) return fail(ok.error());
  const std::string own_key = spec.provider + "/" + spec.model;
  if (auto ok = read_cost(spec.options, own_key, spec.cost); !ok) return fail(ok.error());
  // OpenAI's own models are in the price book under their own names; open_experiment drops the
  // rule, with the reason, where one is not.
  if (spec.provider == "openai" && spec.cost.kind == CostRule::Kind::none) {
    spec.cost.kind = CostRule::Kind::tokens;
    spec.cost.price_key = own_key;
  }
  if (spec.scheme == TargetScheme::simulated) {
    if (auto ok = parse_simulated(scheme_options(spec)); !ok) return fail(ok.error());
  }
  return spec;
}

}  // namespace pennyweight
