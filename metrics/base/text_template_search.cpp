// Methods of texts that look for a part and cut there.
#include <algorithm>

#include "metrics/base/text_template_builtins.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

// What `start` and `end` of a method leave, in bytes. Both count characters, from the end where
// negative.
struct Window {
  std::string_view text;
  std::int64_t first = 0;    // character
  bool empty_range = false;  // begins behind its end or the text's: not even "" is there
};
Window window(Context& context, const Item& value, const Arguments& arguments) {
  const std::string_view all = value.text()->bytes();
  const bool whole_text =
      given(arguments, 1, "start").is_none() && given(arguments, 2, "end").is_none();
  if (whole_text) return {all};
  const std::vector<std::size_t> offsets = character_offsets(all);
  const auto length = static_cast<std::int64_t>(offsets.size()) - 1;
  std::int64_t begin = whole(context, arguments, 1, "start", 0);
  std::int64_t end = whole(context, arguments, 2, "end", length);
  if (begin < 0) begin = std::max<std::int64_t>(begin + length, 0);
  if (end < 0) end = std::max<std::int64_t>(end + length, 0);
  end = std::min(end, length);
  if (begin > end) return {{}, 0, true};
  const std::size_t from = offsets[static_cast<std::size_t>(begin)];
  return {all.substr(from, offsets[static_cast<std::size_t>(end)] - from), begin};
}

std::string reversed(std::string_view text) {
  return {text.rbegin(), text.rend()};
}
std::size_t first_place(std::string_view text, const std::string& what) {
  return Finder(what).find(text);
}
std::size_t last_place(std::string_view text, const std::string& what) {
  const std::string backwards = reversed(what);
  const std::size_t at = Finder(backwards).find(reversed(text));
  return at == std::string::npos ? at : text.size() - at - what.size();
}

using Place = std::size_t (*)(std::string_view text, const std::string& what);

// In characters; -1 when it is not there, or an error where `must`.
template <Place place, bool must>
Item find(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const what = spelled(context, arguments, 0, "sub");
  if (what == nullptr) return context.fail("this method takes a text");
  const Window in = window(context, value, arguments);
  if (!context.ok()) return {};
  const std::size_t at = in.empty_range ? std::string::npos : place(in.text, *what);
  if (at != std::string::npos)
    return in.first + static_cast<std::int64_t>(code_point_count(in.text.substr(0, at)));
  if (must) return context.fail("index does not find the text");
  return std::int64_t{-1};
}

bool starts(std::string_view text, std::string_view part) {
  return text.starts_with(part);
}
bool ends(std::string_view text, std::string_view part) {
  return text.ends_with(part);
}
// One spelling, or a tuple of them.
template <bool (*holds)(std::string_view text, std::string_view part)>
Item any_of(Context& context, const Item& value, const Arguments& arguments) {
  const Item part = given(arguments, 0, "part");
  const Window in = window(context, value, arguments);
  const Items parts = part.list() != nullptr ? part.list()->items : Items{part};
  for (const Item& item : parts) {
    if (item.text() == nullptr) return context.fail("startswith and endswith take a text");
    if (!context.charge()) return {};
    if (!in.empty_range && holds(in.text, item.text()->bytes())) return true;
  }
  return false;
}

// (before, separator, after)
template <Place place, bool from_left>
Item partition(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const what = spelled(context, arguments, 0, "sep");
  if (what == nullptr || what->empty()) return context.fail("the separator is empty");
  const Text& text = *value.text();
  const std::size_t at = place(text.bytes(), *what), size = text.bytes().size();
  if (at == std::string::npos) {
    const Item nothing = context.text(Text());
    return from_left ? context.list({value, nothing, nothing}, true)
                     : context.list({nothing, nothing, value}, true);
  }
  const std::size_t after = at + what->size();
  return context.list({context.text(text.part(0, at)), context.text(text.part(at, after)),
                       context.text(text.part(after, size))},
                      true);
}

// From the right, so that at most `most` cuts leave the beginning whole.
std::vector<Text> split_right(const Text& text, const std::string& separator, std::int64_t most) {
  std::vector<Text> out;
  const std::string backwards = reversed(text.bytes()), wanted = reversed(separator);
  const Finder finder(wanted);
  const std::size_t size = backwards.size();
  std::size_t at = 0;
  for (; most != 0; --most) {
    const std::size_t found = finder.find(backwards, at);
    if (found == std::string::npos) break;
    out.push_back(text.part(size - found, size - at));
    at = found + separator.size();
  }
  out.push_back(text.part(0, size - at));
  std::reverse(out.begin(), out.end());
  return out;
}
std::vector<Text> split_right_at_blanks(const Text& text, std::int64_t most) {
  std::vector<Text> out;
  const std::vector<std::size_t> offsets = character_offsets(text.bytes());
  const std::string_view all = text.bytes();
  const auto blank = [&](std::size_t i) {
    return is_python_space(code_points(all.substr(offsets[i], offsets[i + 1] - offsets[i]))[0]);
  };
  for (std::size_t end = offsets.size() - 1;;) {
    while (end > 0 && blank(end - 1)) --end;
    if (end == 0) break;
    std::size_t begin = end;
    while (begin > 0 && (most == 0 || !blank(begin - 1))) --begin;
    out.push_back(text.part(offsets[begin], offsets[end]));
    --most;
    end = begin;
  }
  std::reverse(out.begin(), out.end());
  return out;
}
Item rsplit(Context& context, const Item& value, const Arguments& arguments) {
  const std::string* const separator = spelled(context, arguments, 0, "sep");
  const std::int64_t most = whole(context, arguments, 1, "maxsplit", -1);
  if (separator == nullptr) return context.texts(split_right_at_blanks(*value.text(), most));
  if (separator->empty()) return context.fail("the separator is empty");
  return context.texts(split_right(*value.text(), *separator, most));
}

constexpr Builtin kSearchMethods[] = {
    {"find", "sub start end", 1, find<first_place, false>},
    {"rfind", "sub start end", 1, find<last_place, false>},
    {"index", "sub start end", 1, find<first_place, true>},
    {"rindex", "sub start end", 1, find<last_place, true>},
    {"startswith", "part start end", 1, any_of<starts>},
    {"endswith", "part start end", 1, any_of<ends>},
    {"partition", "sep", 1, partition<first_place, true>},
    {"rpartition", "sep", 1, partition<last_place, false>},
    {"rsplit", "sep maxsplit", 0, rsplit},
};

}  // namespace

std::span<const Builtin> search_methods() {
  return kSearchMethods;
}

}  // namespace pennyweight::templates
