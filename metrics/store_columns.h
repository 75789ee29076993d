// How a C++ type lies in a column. Each field of store_schema.h passes through Codec three times:
// for the DDL, when a row is bound and when it is read. Private to store_*.cpp.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "metrics/sqlite.h"
#include "metrics/store.h"

namespace pennyweight::store {

// The reader of each enum's words.
template <class Enum>
inline constexpr auto parse_word = nullptr;
template <>
inline constexpr auto parse_word<RunStatus> = parse_run_status;
template <>
inline constexpr auto parse_word<Outcome> = parse_outcome;
template <>
inline constexpr auto parse_word<Failure> = parse_failure;
template <>
inline constexpr auto parse_word<Finish> = parse_finish;
template <>
inline constexpr auto parse_word<Phase> = parse_phase;
template <>
inline constexpr auto parse_word<Role> = parse_role;
template <>
inline constexpr auto parse_word<TokenSource> = parse_token_source;
template <>
inline constexpr auto parse_word<EnergyState> = parse_energy_state;
template <>
inline constexpr auto parse_word<EnergyDomain> = parse_energy_domain;

// type: of the STRICT column, NOT NULL but for std::optional. bind: fills the next parameter. take:
// false when the stored value is not one this version knows.
template <class T>
struct Codec;

template <std::integral T>  // a uint64 keeps its bits
struct Codec<T> {
  static constexpr std::string_view type = "INTEGER";
  static void bind(sqlite::Statement& s, T v) { s.bind(static_cast<std::int64_t>(v)); }
  static bool take(sqlite::Statement& s, T& v) {
    v = static_cast<T>(s.take_integer());
    return true;
  }
};

template <class Clock>  // Instant, UnixTime: nanoseconds
struct Codec<std::chrono::time_point<Clock, Duration>> {
  using T = std::chrono::time_point<Clock, Duration>;
  static constexpr std::string_view type = "INTEGER";
  static void bind(sqlite::Statement& s, T v) { s.bind(v.time_since_epoch().count()); }
  static bool take(sqlite::Statement& s, T& v) {
    v = T(Duration(s.take_integer()));
    return true;
  }
};

template <>
struct Codec<double> {
  static constexpr std::string_view type = "REAL";
  static void bind(sqlite::Statement& s, double v) { s.bind(v); }
  static bool take(sqlite::Statement& s, double& v) {
    v = s.take_real();
    return true;
  }
};

template <>
struct Codec<std::string> {
  static constexpr std::string_view type = "TEXT";
  static void bind(sqlite::Statement& s, const std::string& v) { s.bind_text(v); }
  static bool take(sqlite::Statement& s, std::string& v) {
    v = s.take_bytes();
    return true;
  }
};

// A field of bytes as they came from outside: no encoding is promised.
template <class String>
struct Raw {
  String& bytes;
};
template <class String>
Raw(String&) -> Raw<String>;
template <class String>
struct Codec<Raw<String>> {
  static constexpr std::string_view type = "BLOB";
  static void bind(sqlite::Statement& s, const Raw<String>& v) { s.bind_blob(v.bytes); }
  static bool take(sqlite::Statement& s, const Raw<String>& v) {
    v.bytes = s.take_bytes();
    return true;
  }
};

template <class T>
requires std::is_enum_v<T>
struct Codec<T> {
  static constexpr std::string_view type = "TEXT";
  static void bind(sqlite::Statement& s, T v) { s.bind_text(to_text(v)); }
  static bool take(sqlite::Statement& s, T& v) {
    const std::optional<T> parsed = parse_word<T>(s.take_bytes());
    v = parsed.value_or(T{});
    return parsed.has_value();
  }
};

template <>
struct Codec<Currency> {
  static constexpr std::string_view type = "TEXT";
  static void bind(sqlite::Statement& s, const Currency& v) { s.bind_text(v.text()); }
  static bool take(sqlite::Statement& s, Currency& v) {
    const std::optional<Currency> parsed = parse_currency(s.take_bytes());
    v = parsed.value_or(kUsd);
    return parsed.has_value();
  }
};

template <>
struct Codec<std::vector<Chunk>> {
  static constexpr std::string_view type = "BLOB";
  static void bind(sqlite::Statement& s, const std::vector<Chunk>& v) {
    s.bind_blob(pack_chunks(v));
  }
  static bool take(sqlite::Statement& s, std::vector<Chunk>& v) {
    auto chunks = unpack_chunks(s.take_bytes());
    if (chunks) v = std::move(*chunks);
    return chunks.has_value();
  }
};

// A value and a machine are JSON text with sorted keys.
template <>
struct Codec<Value> {
  static constexpr std::string_view type = "TEXT";
  static void bind(sqlite::Statement& s, const Value& v) {
    s.bind_text(to_json(v, JsonStyle::canonical));
  }
  static bool take(sqlite::Statement& s, Value& v) {
    auto parsed = parse_json(s.take_bytes());
    if (parsed) v = std::move(*parsed);
    return parsed.has_value();
  }
};

template <>
struct Codec<Machine> {
  static constexpr std::string_view type = "TEXT";
  static void bind(sqlite::Statement& s, const Machine& v) { Codec<Value>::bind(s, to_value(v)); }
  static bool take(sqlite::Statement& s, Machine& v) {
    Value value;
    if (!Codec<Value>::take(s, value)) return false;
    auto machine = machine_from_value(value);
    if (machine) v = std::move(*machine);
    return machine.has_value();
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static constexpr std::string_view type = Codec<T>::type;
  static void bind(sqlite::Statement& s, const std::optional<T>& v) {
    if (v) {
      Codec<T>::bind(s, *v);
    } else {
      s.bind_null();
    }
  }
  static bool take(sqlite::Statement& s, std::optional<T>& v) {
    v.reset();
    if (s.next_is_null()) {
      s.skip();
      return true;
    }
    return Codec<T>::take(s, v.emplace());
  }
};

template <class T>
inline constexpr bool nullable = false;
template <class T>
inline constexpr bool nullable<std::optional<T>> = true;

}  // namespace pennyweight::store
