// Just enough of the ZIP and XML formats to look into a workbook without another program.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pennyweight::test {

// Name to content of every part; fails the test on a damaged archive.
std::map<std::string, std::string> unzip(std::string_view bytes);

// Empty, or what is wrong: a tag that is not closed, a control character, text that is not UTF-8.
std::string xml_fault(std::string_view xml);

}  // namespace pennyweight::test
