// The words of JSON schema that are read here (drafts 7 to 2020-12).
#pragma once

#include <map>
#include <string>
#include <vector>

namespace pennyweight::llm {

// Of each type the keywords that bear on it alone.
const std::map<std::string, std::vector<std::string>, std::less<>>& schema_keywords_by_type();
// Title, description and the like: no value is valid or not because of them.
bool is_schema_annotation(const std::string& keyword);
// Any that is understood; every other one is refused.
bool is_schema_keyword(const std::string& keyword);

}  // namespace pennyweight::llm
