// Formatting of texts by Python's two languages for it, in the part that prompts use.
#pragma once

#include "metrics/base/text_template_context.h"

namespace pennyweight::templates {

// format % items: %s, %r, %d, %i, %f, %.2f and %%.
Item percent_format(Context& context, const Text& format, const Items& items);
// format.format(...): {}, {0}, {name}, with :d or :.2f; {{ and }} are braces.
Item brace_format(Context& context, const Text& format, const Arguments& arguments);

}  // namespace pennyweight::templates
