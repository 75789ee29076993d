#include <string>

#include "metrics/base/text_template.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

// Followed bytes in brackets.
std::string followed(std::string_view source) {
  const auto parsed = TextTemplate::parse(source, TemplateUse::chat_template);
  if (!parsed) return parsed.error().what;
  const Value message(Value::Map{{"role", "user"}, {"content", " aXb "}, {"n", 1}});
  const Value parts(Value::Map{{"content", Value::List{Value::Map{{"text", "안"}}}}});
  const auto out =
      parsed->render_following(Value(Value::Map{{"m", message}, {"p", parts}}), "content");
  if (!out) return out.error().what;
  std::string shown;
  std::size_t at = 0;
  for (const TextSpan& span : out->spans) {
    shown += out->text.substr(at, span.begin - at);
    shown += "[" + out->text.substr(span.begin, span.end - span.begin) + "]";
    at = span.end;
  }
  return shown + out->text.substr(at);
}

TEST_CASE("texts under the key are followed, byte for byte, and others are not") {
  CHECK(followed("x{{ m.content }}{{ m.role }}{{ m.n }}") == "x[ aXb ]user1");
  CHECK(followed("{{ p.content[0].text }}{{ m }}") ==
        "[안]{'role': 'user', 'content': '[ aXb ]', 'n': 1}");
  CHECK(followed("{{ '<' + m.content.strip() ~ '>' }}") == "<[aXb]>");
  CHECK(followed("{{ m.content | trim }}{{ m.content.lstrip(' a') }}") == "[aXbXb ]");
  CHECK(followed("{{ m.content[1:3] }}|{{ m.content[::-1] }}|{{ m.content[1] }}") ==
        "[aX]|[ bXa ]|[a]");
  CHECK(followed("{{ m.content.split('X') | join('-') }}") == "[ a]-[b ]");
  CHECK(followed("{{ m.content.replace('X', 'y') }}{{ 'uXv'.replace('X', m.content) }}") ==
        "[ a]y[b ]u[ aXb ]v");
  CHECK(followed("{{ m.content | upper }}|{{ ('<' ~ m.content) | title }}") == "[ AXB ]|<[ Axb ]");
  CHECK(followed("{{ [m.content, 'c'] | tojson }}") == "[\"[ aXb ]\", \"c\"]");
  CHECK(followed("{{ '%s!' % m.content }}{{ '{}!'.format(m.content) }}{{ m.content * 2 }}") ==
        "[ aXb ]![ aXb ]![ aXb  aXb ]");
  CHECK(followed("{% set t %}<{{ m.content }}>{% endset %}{{ t }}"
                 "{% macro f(x) %}({{ x }}){% endmacro %}{{ f(m.content) }}") ==
        "<[ aXb ]>([ aXb ])");
  CHECK(followed("{% for c in m.content if c != ' ' %}{{ c }},{% endfor %}") == "[a],[X],[b],");
  CHECK(followed("{{ m.content | indent(2, true) }}|{{ m.content | length }}") == "  [ aXb ]|5");
  CHECK(followed("{{ ('[\"' ~ m.content ~ '\"]') | from_json | first }}") == "[ aXb ]");
}

TEST_CASE("without a key nothing is followed") {
  const auto parsed = TextTemplate::parse("{{ m }}").value();
  CHECK(parsed.render_following(Value(Value::Map{{"m", "x"}}), "").value().spans.empty());
  CHECK(parsed.render_following(Value(Value::Map{{"m", "x"}}), "m").value().spans ==
        std::vector<TextSpan>{{0, 1}});
}

}  // namespace
}  // namespace pennyweight
