// Items as text: str(), repr() and json.dumps() of Python.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "metrics/base/text_template_context.h"

namespace pennyweight::templates {

// What {{ }} writes. Where oversights are errors, lists and maps are refused.
Text str(Context& context, const Item& item);
Text repr(Context& context, const Item& item);

struct JsonLook {
  std::int64_t indent = -1;  // negative: on one line
  std::string between = ", ", after_key = ": ";
  bool sorted = false, ascii = false;
};
Text json(Context& context, const Item& item, const JsonLook& look);

// The shortest text that reads back as the same number, laid out as Python does.
std::string real_text(double number);

}  // namespace pennyweight::templates
