#include "local_backend/model/key_reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace pennyweight::llm {

template <class T>
std::optional<T> KeyReader::take(Result<std::optional<T>> value) {
  if (value) return *std::move(value);
  if (!error_) error_ = std::move(value).error();
  return std::nullopt;
}

std::optional<std::string> KeyReader::text(std::string_view key) {
  return take(file_.text_value(name(key)));
}

std::optional<std::uint64_t> KeyReader::number(const std::string& key) {
  const GgufValue* value = file_.find(key);
  if (value == nullptr || !std::holds_alternative<std::shared_ptr<const GgufArray>>(*value))
    return take(file_.unsigned_value(key));
  const GgufArray& array = *std::get<std::shared_ptr<const GgufArray>>(*value);
  if (array.kind != GgufArray::Kind::integer || array.integers.empty() ||
      array.integers.front() < 0) {
    refuse(fmt::format("{} is an array of something else", key), "it must hold whole numbers");
    return 0;
  }
  if (std::ranges::any_of(array.integers, [&](auto n) { return n != array.integers.front(); }))
    refuse(fmt::format("{} is not the same for all layers", key),
           "this engine runs models whose layers have one shape", ErrorKind::unsupported,
           "choose another model");
  return static_cast<std::uint64_t>(array.integers.front());
}

std::optional<int> KeyReader::count(std::string_view key, int most) {
  const auto value = number(name(key));
  if (!value) return std::nullopt;
  if (*value < 1 || *value > static_cast<std::uint64_t>(most))
    refuse(fmt::format("{} is {}", name(key), *value), fmt::format("it must be 1 to {}", most));
  return error_ ? 0 : static_cast<int>(*value);
}

int KeyReader::required(std::string_view key, int most) {
  const auto value = count(key, most);
  if (!value)
    refuse(fmt::format("the file has no {}", name(key)), "the model cannot run without it");
  return value.value_or(0);
}

int KeyReader::count_or_zero(std::string_view key, int most) {
  return number(name(key)).value_or(0) == 0 ? 0 : count(key, most).value_or(0);
}

float KeyReader::real(std::string_view key, std::optional<float> otherwise, float least) {
  const auto value = take(file_.real_value(name(key)));
  if (!value) {
    if (!otherwise)
      refuse(fmt::format("the file has no {}", name(key)), "the model cannot run without it");
    return otherwise.value_or(1.0f);
  }
  const float narrowed = static_cast<float>(*value);
  if (!std::isfinite(narrowed) || narrowed < least)
    refuse(fmt::format("{} is {}", name(key), *value),
           fmt::format("it must be a finite number, {} or more", least));
  return error_ ? 1.0f : narrowed;
}

std::vector<bool> KeyReader::flags(std::string_view key) {
  const GgufValue* value = file_.find(name(key));
  if (value == nullptr) return {};
  const auto* array = std::get_if<std::shared_ptr<const GgufArray>>(value);
  if (array == nullptr) return {};
  const auto& integers = (*array)->integers;  // of booleans too
  std::vector<bool> flags;
  for (const auto each : integers) flags.push_back(each != 0);
  return flags;
}

void KeyReader::refuse(std::string what, std::string why, ErrorKind kind, std::string fix) {
  if (!error_) error_ = Error{kind, std::move(what), std::move(why), std::move(fix)};
}

}  // namespace pennyweight::llm
