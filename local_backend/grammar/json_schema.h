// JSON schema to a grammar whose every text is valid JSON that the schema allows.
//
// Not every valid text can be written: properties come in the order of the schema, those it does
// not name only where additionalProperties asks for them, and white space is scarce. A keyword that
// decides what is valid and is not read here is refused by name.
#pragma once

#include <memory>
#include <string_view>

#include "local_backend/grammar/grammar.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Reads: type, enum, const; properties, required, additionalProperties; items, prefixItems,
// minItems, maxItems; minLength, maxLength, pattern, format (date, time, date-time, uuid, ipv4,
// email, hostname); minimum, maximum, exclusiveMinimum, exclusiveMaximum (whole numbers for type
// number); anyOf, oneOf of branches that cannot both hold, allOf; $ref within the document; true
// and false. Annotations are ignored.
Result<std::shared_ptr<const Grammar>> grammar_of_json_schema(std::string_view schema);

// Any JSON object.
std::shared_ptr<const Grammar> json_object_grammar();

}  // namespace pennyweight::llm
