// Places in a JSON schema, such as #/properties/name, for names of rules and for messages.
#pragma once

#include <string>
#include <string_view>

namespace pennyweight::llm {

// Without its middle where it is long: names in a schema may have any length.
std::string shortened(std::string_view text);
std::string place_under(std::string_view where, std::string_view rest);

}  // namespace pennyweight::llm
