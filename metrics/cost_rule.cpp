// How a cost rule is stored with the run that used it.
#include "metrics/cost.h"

namespace pennyweight {
namespace {

constexpr std::string_view kKinds[] = {"none", "tokens", "machine"};

std::string_view text_at(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  const std::string* text = value != nullptr ? value->text() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

// An absent rate is empty; a rate that is there and not a decimal is an error.
Result<std::optional<Money>> rate_at(const Value& map, std::string_view key, Currency currency) {
  if (map.find(key) == nullptr) return std::nullopt;
  const auto money = parse_money(text_at(map, key), currency);
  if (money && money->pico >= 0) return money;
  return fail(ErrorKind::invalid_input,
              "cost rule: " + std::string(key) + " is not a decimal text of at least 0");
}

std::string amount(const std::optional<Money>& money) {
  if (!money) return "unknown";
  const bool dollars = money->currency == kUsd;
  return (dollars ? "$" : std::string(money->currency.text()) + " ") + money_text(*money);
}

}  // namespace

Value to_value(const CostRule& rule) {
  Value value;
  value.set("kind", std::string(kKinds[static_cast<std::size_t>(rule.kind)]));
  if (!rule.price_key.empty()) value.set("price_key", rule.price_key);
  const auto& [per_hour, per_kwh] = rule.machine;
  if (per_hour) value.set("machine_per_hour", money_text(*per_hour));
  if (per_kwh) value.set("electricity_per_kwh", money_text(*per_kwh));
  if (per_hour || per_kwh) {
    const Money& rate = per_hour ? *per_hour : *per_kwh;
    value.set("currency", std::string(rate.currency.text()));
  }
  value.set("illustrative", rule.illustrative);
  value.set("words", rule.words);
  return value;
}

Result<CostRule> cost_rule_from_value(const Value& value) {
  CostRule rule;
  const std::string_view kind = text_at(value, "kind");
  std::size_t index = 0;
  while (index < std::size(kKinds) && kKinds[index] != kind) ++index;
  if (index == std::size(kKinds)) {
    return fail(ErrorKind::invalid_input, "cost rule: unknown kind \"" + std::string(kind) + "\"",
                "", "it is one of none, tokens, machine");
  }
  rule.kind = static_cast<CostRule::Kind>(index);
  rule.price_key = text_at(value, "price_key");
  rule.words = text_at(value, "words");
  if (const Value* flag = value.find("illustrative"); flag != nullptr && flag->boolean() != nullptr)
    rule.illustrative = *flag->boolean();

  const auto currency = value.find("currency") != nullptr
                            ? parse_currency(text_at(value, "currency"))
                            : std::optional<Currency>(kUsd);
  if (!currency)
    return fail(ErrorKind::invalid_input, "cost rule: currency is not three capital letters");
  const auto per_hour = rate_at(value, "machine_per_hour", *currency);
  if (!per_hour) return fail(per_hour.error());
  const auto per_kwh = rate_at(value, "electricity_per_kwh", *currency);
  if (!per_kwh) return fail(per_kwh.error());
  rule.machine = {*per_hour, *per_kwh};
  return rule;
}

std::string in_words(const PriceRow& row) {
  return row.key() + " from " + row.effective_from + ": " + amount(row.input_per_1m) + " in, " +
         amount(row.output_per_1m) + " out per 1M tokens";
}

std::string in_words(const MachineRate& rate) {
  std::string out;
  if (rate.per_hour) out = amount(rate.per_hour) + " per hour of use";
  if (rate.electricity_per_kwh) {
    out += (out.empty() ? "" : " and ") + amount(rate.electricity_per_kwh) + " per kWh";
  }
  return out;
}

}  // namespace pennyweight
