// Any text is a template or an error, in both uses; what parses renders within its limits, and
// what it says about content lies inside the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "metrics/base/text_template.h"

namespace {

using namespace pennyweight;

Value conversation() {
  Value out;
  out.set("messages", Value::List{Value::Map{{"role", "system"}, {"content", " S<|x|> "}},
                                  Value::Map{{"role", "user"}, {"content", "안녕 \"q\"\n"}},
                                  Value::Map{{"role", "assistant"}, {"content", nullptr}}});
  out.set("add_generation_prompt", true);
  out.set("bos_token", "<s>");
  out.set("n", 3);
  out.set("x", 1.5);
  out.set("strftime_now", "2024-07-26");
  return out;
}

void check(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const Value variables = conversation();
  for (const TemplateUse use : {TemplateUse::task_set, TemplateUse::chat_template}) {
    const auto parsed = TextTemplate::parse(source, use);
    if (!parsed) {
      check(parsed.error().what.starts_with("template line "));
      continue;
    }
    const auto text = parsed->render_following(variables, "content");
    if (!text) {
      check(text.error().what.starts_with("template line "));
      continue;
    }
    std::size_t at = 0;
    for (const TextSpan& span : text->spans) {
      check(span.begin >= at && span.begin < span.end);
      at = span.end;
    }
    check(at <= text->text.size() && text->text.size() <= std::size_t{16} << 20);
    check(parsed->render(variables).value() == text->text);
  }
  return 0;
}
