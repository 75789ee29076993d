// Facts and prices to money. Unknown price or unknown tokens give an empty cost, never 0.
#pragma once

#include <optional>
#include <string>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"
#include "metrics/base/units.h"
#include "metrics/price_book.h"
#include "metrics/record.h"

namespace pennyweight {

// (input - cached) * input + cached * cached + output * output, exact in integers, rounded once. A
// missing cached price means the input price.
std::optional<Money> token_cost(const Usage& usage, const PriceRow& price);

// What one's own machine costs: rent or amortisation by the hour while it works, and electricity
// where energy is known.
struct MachineRate {
  std::optional<Money> per_hour;
  std::optional<Money> electricity_per_kwh;
};
struct MachineCost {
  std::optional<Money> machine, electricity;  // electricity is empty where energy is unavailable
  std::optional<Money> total;                 // of the parts that are known and asked for
};
MachineCost machine_cost(const MachineRate& rate, Duration busy, std::optional<Joules> energy);

// How a target is priced, in a form that is stored with the run and printed in words.
struct CostRule {
  enum class Kind : std::uint8_t { none, tokens, machine } kind = Kind::none;
  std::string price_key;      // tokens
  MachineRate machine;        // machine
  bool illustrative = false;  // the price is of another model: the report says so
  std::string words;  // "groq/llama-3.1-8b-instant from 2026-08-21, $0.05 in, $0.08 out per 1M"
};

// As kept in CellInfo::target_facts under "cost": {"kind", "price_key", "machine_per_hour",
// "electricity_per_kwh", "currency", "illustrative", "words"}; amounts are decimal texts, both
// rates in one currency, and what a rule does not use is left out.
Value to_value(const CostRule& rule);
Result<CostRule> cost_rule_from_value(const Value& value);

// "groq/llama-3.1-8b-instant from 2026-08-21: $0.05 in, $0.08 out per 1M tokens".
std::string in_words(const PriceRow& row);
// "$0.40 per hour of use and $0.15 per kWh".
std::string in_words(const MachineRate& rate);

}  // namespace pennyweight
