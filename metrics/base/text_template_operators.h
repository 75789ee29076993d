// Operators over items, as Python has them. Failures are the context's.
#pragma once

#include "metrics/base/text_template_context.h"

namespace pennyweight::templates {

bool is_equal(Context& context, const Item& a, const Item& b, int depth = 0);
// Numbers, texts, or lists of them; anything else fails.
bool is_less(Context& context, const Item& a, const Item& b, int depth = 0);
bool contains(Context& context, const Item& in, const Item& what);

// kind is one of add ... power.
Item arithmetic(Context& context, Expression::Kind kind, const Item& a, const Item& b);
Item negated(Context& context, const Item& item);

// from[key]: undefined when it is not there.
Item child(Context& context, const Item& from, const Item& key);
// from[begin:end:step], each a number or none.
Item slice(Context& context, const Item& from, const Item& begin, const Item& end,
           const Item& step);

// What a loop runs over: the items, the keys of a map, the characters of a text. Fails for others.
Items items_of(Context& context, const Item& item);

}  // namespace pennyweight::templates
