#include "runners/secrets.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

namespace pennyweight {
namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr std::size_t kShortestLookalike = 8;
constexpr std::size_t kShortestSecret = 8;
// Of those that are long enough, lower case.
constexpr std::array<std::string_view, 9> kPlaceholders{
    "changeme",   "dummy-key",   "lm-studio",          "no-api-key",  "no-key-required",
    "not-needed", "placeholder", "sk-no-key-required", "your-api-key"};

struct Secrets {
  std::mutex mutex;
  std::vector<std::string> values;  // longest first: one key may be the beginning of another
};
Secrets& secrets() {
  static Secrets instance;
  return instance;
}

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return ascii_lower(c); });
  return out;
}

void replace_all(std::string& text, std::string_view what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += kRedacted.size())
    text.replace(at, what.size(), kRedacted);
}

// After `marker` (lower case) comes a secret that ends at a byte of `ends`.
struct Rule {
  std::string_view marker;
  std::string_view ends;
  std::size_t shortest = 1;  // a shorter run is an ordinary word
};
constexpr std::string_view kWordEnds = " \t\r\n\"'`&,;<>(){}[]|\\";
constexpr std::string_view kLineEnds = "\r\n\"'`<>{}[]|\\";
constexpr std::array kRules = {
    Rule{"authorization:", kLineEnds},
    Rule{"bearer ", kWordEnds, kShortestLookalike},
    Rule{"basic ", kWordEnds, kShortestLookalike},
    Rule{"api-key:", kLineEnds},
    Rule{"key=", kWordEnds},
    Rule{"token=", kWordEnds},
    Rule{"secret=", kWordEnds},
    Rule{"password=", kWordEnds},
};

void apply(const Rule& rule, std::string& text) {
  const std::string lower = ascii_lower(text);
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; (at = lower.find(rule.marker, at)) != std::string::npos;) {
    at += rule.marker.size();
    const std::size_t begin = std::min(lower.find_first_not_of(' ', at), text.size());
    const std::size_t end = std::min(text.find_first_of(rule.ends, begin), text.size());
    if (end - begin < rule.shortest) continue;
    out.append(text, copied, begin - copied).append(kRedacted);
    copied = at = end;
  }
  text = out.append(text, copied);
}

// https://user:password@host
void redact_user_info(std::string& text) {
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
    at += 3;
    const std::size_t end = std::min(text.find_first_of("/?# \t\r\n\"'<>", at), text.size());
    const std::size_t sign = text.rfind('@', end);
    if (sign == std::string::npos || sign < at || sign >= end) continue;
    text.replace(at, sign - at, kRedacted);
  }
}

}  // namespace

void register_secret(std::string secret) {
  const auto placeholder =
      std::find(kPlaceholders.begin(), kPlaceholders.end(), ascii_lower(secret));
  if (secret.size() < kShortestSecret || placeholder != kPlaceholders.end()) return;
  auto& [mutex, values] = secrets();
  const std::lock_guard lock(mutex);
  if (std::find(values.begin(), values.end(), secret) != values.end()) return;
  values.push_back(std::move(secret));
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string redact_registered(std::string_view text) {
  std::string out(text);
  auto& [mutex, values] = secrets();
  const std::lock_guard lock(mutex);
  for (const auto& value : values) replace_all(out, value);
  return out;
}

std::string redact(std::string_view text) {
  std::string out = redact_registered(text);
  redact_user_info(out);
  for (const Rule& rule : kRules) apply(rule, out);
  return out;
}

}  // namespace pennyweight
