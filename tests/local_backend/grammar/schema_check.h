// A plain validator of JSON against the keywords that tests use, and schemas made at random.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "metrics/base/random.h"

namespace pennyweight::llm::test {

using OrderedJson = nlohmann::ordered_json;

bool is_valid(const OrderedJson& value, const OrderedJson& schema, const OrderedJson& root);
OrderedJson random_schema(Random& random, int depth);

}  // namespace pennyweight::llm::test
