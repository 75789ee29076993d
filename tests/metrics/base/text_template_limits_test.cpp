#include <string>
#include <vector>

#include "metrics/base/text_template.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

std::string failure(std::string_view source, TemplateUse use = TemplateUse::chat_template) {
  const auto parsed = TextTemplate::parse(source, use);
  if (!parsed) return parsed.error().what;
  const auto text = parsed->render(Value(Value::Map{{"n", 3}, {"s", "text"}}));
  return text ? "rendered: " + text->substr(0, 100) : text.error().what;
}
bool fails(std::string_view source) {
  return failure(source).find("template line ") == 0;
}

TEST_CASE("a template that would grow without end is stopped") {
  const std::string doubled = "{% set ns = namespace(a=[1], b=[1], s='xxxxxxxxxxxxxxxx') %}";
  const std::string forty = "{% for i in range(40) %}";
  for (const std::string& source : std::vector<std::string>{
           "{{ 'x' * 99999999999 }}", "{{ ('x' * 9999999) * 9999999 }}", "{{ [0] * 99999999999 }}",
           "{{ range(99999999999) }}", "{{ 's'.replace('', 'x' * 9999999) * 9 }}",
           "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
           "{{ ('a\n' * 9999999) | indent(9999) }}", "{{ ([0] * 999999) | join('x' * 999999) }}",
           "{{ [n] | tojson(indent=99999999) * 99999999 }}",
           "{{ '%s%s' % ('x' * 9999999, 'x' * 9999999) }}",
           "{% for i in range(999999) %}{% for j in range(9) %}{% endfor %}{% endfor %}",
           doubled + forty + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
           doubled + forty + "{% set ns.a = ns.a + ns.a %}{% endfor %}",
           doubled + forty + "{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
           doubled + forty +
               "{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}"
               "{{ ns.a == ns.b }}",
           doubled +
               "{% for i in range(999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a | tojson }}",
           doubled + "{% for i in range(9999) %}{{ 'x' * 9999 }}{% endfor %}"}) {
    CAPTURE(source);
    CHECK(fails(source));
  }
  CHECK(failure("{{ '' * 99999999999 }}") == "rendered: ");
}

TEST_CASE("a template that calls itself, or holds itself, is stopped") {
  CHECK(failure("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").find("nested too deeply") !=
        std::string::npos);
  CHECK(fails("{% macro f(g) %}{{ g(g) }}{% endmacro %}{{ f(f) }}"));
  CHECK(fails("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}"));
  CHECK(fails("{% set l = [] %}{% set _ = l.append(l) %}{{ l }}"));
  CHECK(fails("{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}"));
  CHECK(
      fails("{% set l = [] %}{% set k = [] %}{% set _ = l.append(k) %}{% set _ = k.append(l) %}"
            "{{ l == k }}"));
  CHECK(fails("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}"));
  CHECK(fails("{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}{{ l + 1 }}"));
  const std::string deep =
      "{% set ns = namespace(a=[]) %}{% for i in range(50000) %}"
      "{% set ns.a = [ns.a] %}{% endfor %}";
  CHECK(failure(deep).find("rendered") == 0);  // deep, but never walked
}

TEST_CASE("numbers that do not fit are errors") {
  for (const char* source :
       {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ 9223372036854775807 * 2 }}", "{{ 2 ** 64 }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}",
        "{{ 1 % 0 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ 1e300 | int }}",
        "{{ -(-9223372036854775807 - 1) }}", "{{ 1 | round(-1) }}", "{{ s[::0] }}",
        "{{ range(1, 2, 0) }}", "{{ '%d' % 1e300 }}", "{{ '%.999f' % 1 }}"}) {
    CAPTURE(source);
    CHECK(fails(source));
  }
  CHECK(failure("{{ (-9223372036854775807 - 1) % -1 }}{{ 0 ** 0 }}{{ (-1) ** 999999999 }}") ==
        "rendered: 01-1");
  CHECK(failure("{{ s[9223372036854775807:] }}{{ s[-9223372036854775807:] }}"
                "{{ s[::9223372036854775807] }}{{ s[9223372036854775807] is defined }}") ==
        "rendered: texttFalse");
}

TEST_CASE("what is not there is an error that says so") {
  CHECK(failure("{{ nope.x }}").find("\"nope\" is not defined") != std::string::npos);
  CHECK(failure("{{ nope + 1 }}").find("\"nope\" is not defined") != std::string::npos);
  CHECK(failure("{{ s.nope() }}").find("\"s.nope\" is not a function") != std::string::npos);
  CHECK(failure("{{ s | nope }}").find("no filter \"nope\"") != std::string::npos);
  CHECK(failure("{{ s is nope }}").find("no test \"nope\"") != std::string::npos);
  CHECK(failure("{% if false %}{{ s | nope }}{{ nope() }}{% endif %}") == "rendered: ");
  CHECK(failure("{{ strftime_now('%Y') }}").find("is not a function") != std::string::npos);
  CHECK(failure("{{ strftime_now is defined }}") == "rendered: False");
  for (const char* source : {"{{ s.upper(1) }}",
                             "{{ s | default(nope=1) }}",
                             "{{ s.split('') }}",
                             "{{ s.__class__.x }}",
                             "{{ nope | tojson }}",
                             "{{ [1] < ['a'] }}",
                             "{{ none | sort }}",
                             "{{ [1, 'a'] | sort }}",
                             "{{ {[]: 1} }}",
                             "{% set a, b = 1, 2, 3 %}",
                             "{% set s.x = 1 %}",
                             "{{ [].pop() }}",
                             "{% for x in 3 %}{% endfor %}",
                             "{{ '%s' % () }}",
                             "{{ '{}'.format() }}",
                             "{{ '{'.format() }}",
                             "{{ '{0.x}'.format(1) }}",
                             "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
                             "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
                             "{{ 'x' | from_json }}",
                             "{{ 'a' - 1 }}"}) {
    CAPTURE(source);
    CHECK(fails(source));
  }
}

TEST_CASE("where oversights are errors, unknown names are found before anything is rendered") {
  for (const char* source :
       {"{% if false %}{{ s | nope }}{% endif %}", "{% if false %}{{ nope() }}{% endif %}",
        "{{ s.nope() }}", "{{ s is nope }}"}) {
    CAPTURE(source);
    CHECK_FALSE(TextTemplate::parse(source, TemplateUse::task_set));
    CHECK(TextTemplate::parse(source, TemplateUse::chat_template));
  }
  CHECK(failure("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}", TemplateUse::task_set) ==
        "rendered: <1>");
  CHECK(failure("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f() }}", TemplateUse::task_set)
            .find("\"x\" is not defined") != std::string::npos);
  CHECK(failure("{{ 'b' if n == 4 }}", TemplateUse::task_set).find("is not defined") !=
        std::string::npos);
}

}  // namespace
}  // namespace pennyweight
