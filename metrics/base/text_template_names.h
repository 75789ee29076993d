// What the language has, for the parser to check names and for messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennyweight::templates {

std::vector<std::string> filter_names();
std::vector<std::string> test_names();
std::vector<std::string> method_names();
std::vector<std::string> function_names();

}  // namespace pennyweight::templates
