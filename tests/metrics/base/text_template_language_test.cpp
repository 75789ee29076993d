// The language of templates. What is expected was rendered by Jinja 3.1.6 on CPython, set up as
// Hugging Face does for chat templates.
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/text_template.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using Cases = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kVariables =
    R"({"m": [{"role": "user", "content": " Hi there "},
    {"role": "assistant", "content": "Yes", "tool": null},
    {"role": "user", "content": "안녕 <b>"}],
    "n": 3, "x": 1.5, "big": 123456789, "t": true, "nil": null,
    "d": {"b": 1, "a": "two", "items": [1]}, "l": [3, 1, 2],
    "w": ["b", "A", "c", "a"], "e": [], "s": "Hello, World",
    "strftime_now": "2024-07-26"})";

void check(const Cases& cases) {
  const Value variables = parse_json(kVariables).value();
  for (const auto& [source, expected] : cases) {
    CAPTURE(source);
    const auto parsed = TextTemplate::parse(source, TemplateUse::chat_template);
    REQUIRE(parsed);
    const auto text = parsed->render(variables);
    if (!text) FAIL(text.error().what);
    CHECK(*text == expected);
  }
}

TEST_CASE("statements do what Jinja does") {
  check({
      {"{% for c in w %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.rev"
       "index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ "
       "loop.nextitem }} {% endfor %}",
       "1043TrueFalse4A 2132FalseFalse4bc 3221FalseFalse4Aa 4310FalseTrue4c "},
      {"{% for c in w if c != 'A' %}{{ loop.index }}{{ c }}{% endfor %}|{% for c in e %"
       "}x{% else %}none{% endfor %}|{% for c in l if c > 9 %}x{% else %}none{% endfor "
       "%}",
       "1b2c3a|none|none"},
      {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{"
       "% endfor %}{% for c in 'a안' %}[{{ c }}]{% endfor %}",
       "b=1;a=two;items=[1];baitems[a][안]"},
      {"{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}"
       "{% break %}{% endif %}{{ i }}{% endfor %}",
       "0134"},
      {"{% for i in [1, 2] %}{% for j in [1, 2] %}{% if j == 2 %}{% break %}{% endif %}"
       "{{ i }}{{ j }}{{ loop.depth }} {% endfor %}{% endfor %}",
       "111 211 "},
      {"{% set a, b = 1, 'x' %}{{ a }}{{ b }}{% set t2 = (1,) %}{{ t2 }}{% set y %}<{{ "
       "n }}>{% endset %}{{ y ~ y }}{% set z | upper %}abc{% endset %}{{ z }}",
       "1x(1,)<3><3>ABC"},
      {"{% set ns = namespace(i=0, found=false) %}{% for c in l %}{% set ns.i = ns.i + "
       "c %}{% set k = c %}{% endfor %}{{ ns.i }}{{ ns.found }}{{ k is defined }}",
       "6FalseFalse"},
      {"{% set x = 'out' %}{% for c in l %}{{ x }}{% set x = c %}{{ x }} {% endfor %}{{"
       " x }}{% if true %}{% set x = 'in' %}{% endif %}{{ x }}",
       "out3 out1 out2 outin"},
      {"{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ f(1) }}{{ f("
       "1, 3) }}{{ f(1, c='z') }}{{ f(b=9, a=8) }}{{ f() }}",
       "12x;13x;12z;89x;2x;"},
      {"{% macro g(n) %}{% if n > 0 %}{{ n }}{{ g(n - 1) }}{% endif %}{% endmacro %}{{ "
       "g(4) }}{{ g(1) | length }}",
       "43211"},
      {"{% macro w2(k) %}<{{ k }}>{{ caller('in') }}</{{ k }}>{% endmacro %}{% call(z) "
       "w2('b') %}{{ z }}{{ n }}{% endcall %}",
       "<b>in3</b>"},
      {"{% macro h() %}{{ later }}{% set local = 1 %}{% endmacro %}{% set later = 'L' %"
       "}{{ h() }}{{ local is defined }}",
       "LFalse"},
      {"{% macro o(x, last) %}{{ x }}{{ last }}{% endmacro %}{% for c in l %}{{ o(c, lo"
       "op.last) }}{% endfor %}",
       "3False1False2True"},
      {"{% filter upper %}a{{ n }}b{% endfilter %}{% with v = 1, u = 2 %}{{ v + u }}{% "
       "endwith %}{{ v is defined }}",
       "A3B3False"},
      {"{% generation %}{{ n }}{% endgeneration %}{% raw %}{{ n }}{% x %}{% endraw %}{#"
       " c #}",
       "3{{ n }}{% x %}"},
      {"{{ {'a': {'b': [1, (2, 3)]}}['a']['b'][1][0] }}{{ {}.get('x', 'd') }}{{ {'k': 1"
       "}}}",
       "2d{'k': 1}"},
  });
}

TEST_CASE("expressions have the values that Python gives them") {
  check({
      {"{{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ 2 ** 3 }} {{ 2 ** -1 }} "
       "{{ 4 / 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 3 * 1.5 }} {{ 1 - 2 - 3 }}",
       "3.5 3 -4 -2 8 0.5 2.0 3.0 0.5 4.5 -4"},
      {"{{ 'ab' * 2 }} {{ 2 * [1] }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 'a' + 'b' ~ 1"
       " }} {{ -n }} {{ +n }} {{ true + 1 }} {{ 'a' 'b' }}",
       "abab [1, 1] [1, 2] (1, 2) ab1 -3 3 2 ab"},
      {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 2 >= 2"
       ".0 }} {{ 1 == true }} {{ 1 == 1.0 }} {{ '1' == 1 }} {{ none == false }} {{ n !="
       " 3 }}",
       "True False True True True True True False False False"},
      {"{{ 'b' if n == 3 else 'c' }}{{ 'b' if n == 4 }}{{ 1 if false else 2 if false el"
       "se 3 }}{{ (n if t else x) + 1 }}",
       "b34"},
      {"{{ 'a' in s }} {{ 'ell' in s }} {{ 2 in l }} {{ 'b' in d }} {{ 1 not in l }} {{"
       " not 'a' in 'b' }} {{ 'x' in nope }} {{ 1 in d }}",
       "False True True True False True False False"},
      {"{{ s[0] }}{{ s[-1] }}{{ s[1:4] }}{{ s[:-7] }}{{ s[::-1] }}{{ s[::2] }}{{ s[5:2:"
       "-1] }}|{{ l[1:] }}{{ l[::-1] }}{{ l[-2:] }}{{ l[5:] }}{{ l[:0] }}{{ m[0].conten"
       "t[1:3] }}{{ m[2]['content'][:2] }}",
       "HdellHellodlroW ,olleHHlo ol,ol|[1, 2][2, 1, 3][1, 2][][]Hi안녕"},
      {"{{ nope }}|{{ d.nope }}|{{ d['nope'] is defined }}|{{ l[9] is defined }}|{{ nil"
       ".x is defined }}|{{ s.x is defined }}|{{ nope == nope2 }}{{ nope is none }}{{ n"
       "ot nope }}{{ nope ~ 'x' }}",
       "||False|False|False|False|TrueFalseTruex"},
      {"{{ 0 or 'a' }}{{ '' and 1 }}|{{ none or false }}|{{ [] or {} }}|{{ 1 and 2 }}|{"
       "{ not [] }}{{ not 0.0 }}{{ not ' ' }}{{ not {} }}",
       "a|False|{}|2|TrueTrueFalseTrue"},
      {"{{ true }} {{ False }} {{ none }} {{ 1.0 }} {{ 1e20 }} {{ 1.5e-7 }} {{ 0.1 + 0."
       "2 }} {{ 100000.0 }} {{ 1e16 }} {{ 123456789.125 }} {{ [1.0, 'a', none, true] }}",
       "True False None 1.0 1e+20 1.5e-07 0.30000000000000004 100000.0 1e+16 123456789."
       "125 [1.0, 'a', None, True]"},
      {"{{ ['it\\'s', 'a\"b', 'both\\'\"', 'n\\n\\t\\\\', '안녕', ''] }} {{ {'a': [1, {"
       "'b': none}], 'c': (1, 2), 'e': ()} }}",
       "[\"it's\", 'a\"b', 'both\\'\"', 'n\\n\\t\\\\', '안녕', ''] {'a': [1, {'b': None"
       "}], 'c': (1, 2), 'e': ()}"},
      {"{{ '\\x41\\u00e9\\U0001F600\\101\\n'|length }}{{ 'a\\qb' }}{{ \"it's\" }}{{ l.0"
       " }}{{ m.0.role }}",
       "5a\\qbit's3user"},
      {"{{ d.items is defined }}{{ d['items'] }}{{ m[1].tool is none }}{{ m[0].tool is "
       "defined }}{{ (s | upper).lower() }}{{ -1 | abs }}{{ (1, 2)[1] }}{{ {1: 'a', 'b'"
       ": 2} }}{{ {1: 'a'}[1] }}",
       "True[1]TrueFalsehello, world12{1: 'a', 'b': 2}a"},
  });
}

TEST_CASE("tests tell kinds apart as Jinja does") {
  check({
      {"{% for v in [1, 1.5, 'a', true, none, [1], (1,), {'a': 1}] %}{{ v is number }}{"
       "{ v is integer }}{{ v is float }}{{ v is string }}{{ v is boolean }}{{ v is non"
       "e }}{{ v is mapping }}{{ v is sequence }}{{ v is iterable }}{{ v is true }}{{ v"
       " is false }}{{ v is callable }} {% endfor %}",
       "TrueTrueFalseFalseFalseFalseFalseFalseFalseFalseFalseFalse TrueFalseTrueFalseFa"
       "lseFalseFalseFalseFalseFalseFalseFalse FalseFalseFalseTrueFalseFalseFalseTrueTr"
       "ueFalseFalseFalse TrueFalseFalseFalseTrueFalseFalseFalseFalseTrueFalseFalse Fal"
       "seFalseFalseFalseFalseTrueFalseFalseFalseFalseFalseFalse FalseFalseFalseFalseFa"
       "lseFalseFalseTrueTrueFalseFalseFalse FalseFalseFalseFalseFalseFalseFalseTrueTru"
       "eFalseFalseFalse FalseFalseFalseFalseFalseFalseTrueTrueTrueFalseFalseFalse "},
      {"{{ nope is undefined }}{{ nope is iterable }}{{ nope is sequence }}{{ nope is m"
       "apping }}{{ nope is string }}{{ n is defined }}{{ range is callable }}{{ n is n"
       "ot defined }}",
       "TrueTrueTrueFalseFalseTrueTrueFalse"},
      {"{{ 3 is odd }}{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ 9 is divisibleby(2) }}{"
       "{ 1 is eq 1 }}{{ 1 is equalto(2) }}{{ 1 is ne 2 }}{{ 1 is lt 2 }}{{ 2 is ge(2) "
       "}}{{ 3 is gt 2 }}{{ 2 is le 1 }}{{ 1 is in [1] }}{{ none is sameas none }}{{ 'a"
       "' is lower }}{{ 'A' is upper }}",
       "TrueTrueTrueFalseTrueFalseTrueTrueTrueTrueFalseTrueTrueTrueTrue"},
  });
}

TEST_CASE("filters make what Jinja makes") {
  check({
      {"{{ m | tojson }}|{{ d | tojson(indent=2) }}|{{ [] | tojson(indent=2) }}|{{ '<a>"
       "\\u001f\\\"\\n/&' | tojson }}|{{ '안' | tojson(ensure_ascii=true) }}|{{ {'b': 1"
       ", 'a': 1.0} | tojson(sort_keys=true, separators=(',', ':')) }}",
       "[{\"role\": \"user\", \"content\": \" Hi there \"}, {\"role\": \"assistant\", "
       "\"content\": \"Yes\", \"tool\": null}, {\"role\": \"user\", \"content\": \"안녕"
       " <b>\"}]|{\n  \"b\": 1,\n  \"a\": \"two\",\n  \"items\": [\n    1\n  ]\n}|[]|\""
       "<a>\\u001f\\\"\\n/&\"|\"\\uc548\"|{\"a\":1.0,\"b\":1}"},
      {"{{ nope | default('x') }}{{ '' | default('x') }}{{ '' | default('x', true) }}{{"
       " nil | default('x', boolean=true) }}{{ nil | default('x') }}{{ nope | d(1) }}{{"
       " nope | default }}",
       "xxxNone1"},
      {"[{{ '  a b ' | trim }}][{{ 'xxaxx' | trim('x') }}][{{ 12 | string }}][{{ nil | "
       "trim }}][{{ 'a<b' | safe }}][{{ s | upper }}][{{ s | lower }}][{{ 'hELLO wORLD'"
       " | title }}][{{ 'hELLO wORLD' | capitalize }}][{{ \"they're bill's\" | title }}"
       "]",
       "[a b][a][12][None][a<b][HELLO, WORLD][hello, world][Hello World][Hello world][T"
       "hey're Bill's]"},
      {"{{ l | join }}{{ l | join(', ') }}{{ w | join('-') | replace('-', '+', 1) }}{{ "
       "m | join(',', attribute='role') }}{{ 'abc' | join('.') }}{{ 'a.b.a' | replace('"
       "a', '') }}{{ 'ab' | replace('', '-') }}",
       "3123, 1, 2b+A-c-auser,assistant,usera.b.c.b.-a-b-"},
      {"{{ l | sort }}{{ w | sort }}{{ w | sort(case_sensitive=true) }}{{ l | sort(reve"
       "rse=true) }}{{ m | sort(attribute='content') | map(attribute='role') | list }}{"
       "{ w | unique | list }}{{ [1, 2, 1] | unique | list }}",
       "[1, 2, 3]['A', 'a', 'b', 'c']['A', 'a', 'b', 'c'][3, 2, 1]['user', 'assistant',"
       " 'user']['b', 'A', 'c'][1, 2]"},
      {"{{ d | dictsort }}{{ {'b': 2, 'A': 3, 'c': 1} | dictsort(by='value') }}{{ d | i"
       "tems | list }}{{ l | first }}{{ l | last }}{{ e | first is defined }}{{ s | fir"
       "st }}{{ s | list | length }}{{ d | list }}{{ l | reverse | list }}{{ s | revers"
       "e }}",
       "[('a', 'two'), ('b', 1), ('items', [1])][('c', 1), ('b', 2), ('A', 3)][('b', 1)"
       ", ('a', 'two'), ('items', [1])]32FalseH12['b', 'a', 'items'][2, 1, 3]dlroW ,oll"
       "eH"},
      {"{{ m | map(attribute='content') | map('trim') | list }}{{ m | map(attribute='to"
       "ol', default='-') | list }}{{ l | map('string') | join('') }}{{ m | selectattr("
       "'role', 'equalto', 'user') | list | length }}{{ m | rejectattr('role', 'in', ['"
       "user']) | map(attribute='role') | list }}{{ m | selectattr('tool', 'defined') |"
       " list | length }}{{ l | select('odd') | list }}{{ l | reject('eq', 3) | list }}"
       "{{ [0, 1] | select | list }}{{ l | select('>', 1) | list }}{{ none | selectattr"
       "('x') | list }}",
       "['Hi there', 'Yes', '안녕 <b>']['-', None, '-']3122['assistant']1[3, 1][1, 2][1"
       "][3, 2][]"},
      {"{{ '3' | int }}{{ 'x' | int }}{{ '3.9' | int }}{{ 3.9 | int }}{{ 'x' | int(7) }"
       "}{{ '1.5' | float }}{{ 'x' | float }}{{ -3 | abs }}{{ 2.5 | round }}{{ 3.14159 "
       "| round(2) }}{{ 2.1 | round(0, 'ceil') }}{{ 7 | round }}{{ l | min }}{{ w | max"
       " }}{{ l | sum }}{{ m | length }}{{ d | count }}",
       "303371.50.032.03.143.071c633"},
      {"{{ 'a\\nb\\n\\nc\\n' | indent }}|{{ 'a\\nb' | indent(2, true) }}|{{ 'a\\n\\nb' "
       "| indent(width=1, blank=true) }}|{{ 'a\\nb' | indent('> ') }}|{{ '%s-%d-%.2f%%'"
       " | format('a', 3, 1.005) }}",
       "a\n    b\n\n    c\n|  a\n  b|a\n \n b|a\n> b|a-3-1.00%"},
  });
}

TEST_CASE("methods and functions make what Python makes") {
  check({
      {"{{ s.upper() }}{{ s.split(', ') }}{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1"
       ") }}{{ 'a b c'.split(none, 1) }}{{ ''.split(',') }}{{ ''.split() }}{{ 'a\\nb\\r"
       "\\nc'.splitlines() }}",
       "HELLO, WORLD['Hello', 'World']['a', 'b']['a', 'b,c']['a', 'b c'][''][]['a', 'b'"
       ", 'c']"},
      {"[{{ '  a '.lstrip() }}][{{ '  a '.rstrip() }}][{{ 'xxaxx'.strip('x') }}][{{ 'ab"
       "cba'.lstrip('ab') }}][{{ 'abcba'.rstrip('ab') }}][{{ '안안a'.strip('안') }}][{{"
       " ' '.strip() }}]",
       "[a ][  a][a][cba][abc][a][]"},
      {"{{ s.startswith('He') }}{{ s.endswith(('x', 'ld')) }}{{ s.replace('l', 'L') }}{"
       "{ s.replace('l', 'L', 1) }}{{ s.find('o') }}{{ s.find('z') }}{{ s.count('l') }}"
       "{{ '-'.join(['a', 'b']) }}{{ 'ab'.title() }}{{ \"they're\".title() }}{{ 'aB'.ca"
       "pitalize() }}{{ 'pre-x'.removeprefix('pre-') }}{{ 'x.y'.removesuffix('.y') }}{{"
       " '12'.isdigit() }}",
       "TrueTrueHeLLo, WorLdHeLlo, World4-13a-bAbThey'ReAbxxTrue"},
      {"{{ '{} {}'.format(1, 'b') }}{{ '{1}{0}{k}{{}}'.format('a', 'b', k=n) }}{{ '{:.2"
       "f}'.format(x) }}{{ '%s %s' % ('a', [1]) }}{{ '%d' % 3.9 }}",
       "1 bba3{}1.50a [1]3"},
      {"{{ d.get('a') }}{{ d.get('z') }}{{ d.get('z', 5) }}{{ d.keys() | list }}{{ d.va"
       "lues() | list }}{{ d.items() | list }}",
       "twoNone5['b', 'a', 'items'][1, 'two', [1]][('b', 1), ('a', 'two'), ('items', [1"
       "])]"},
      {"{% set k = [] %}{{ k.append(1) }}{% set _ = k.append(2) %}{{ k }}{{ k.pop() }}{"
       "{ k.pop(0) }}{{ k }}{{ [1, 2, 1].count(1) }}{{ [1, 2].index(2) }}",
       "None[1, 2]21[]21"},
      {"{{ range(3) | list }}{{ range(1, 7, 2) | list }}{{ range(3, 0, -1) | list }}{{ "
       "dict(a=1, b='x') }}{{ dict({'a': 1}, b=2).b }}{{ strftime_now('%Y-%m-%d %d %b %"
       "B %A %a %j %y %H:%M %%') }}",
       "[0, 1, 2][1, 3, 5][3, 2, 1]{'a': 1, 'b': 'x'}22024-07-26 26 Jul July Friday Fri"
       " 208 24 00:00 %"},
  });
}

TEST_CASE("blanks around the tags of a chat template go where Hugging Face drops them") {
  check({
      {"a\n  {% if t %}\nb\n  {% endif %}\nc\n\n", "a\nb\nc\n"},
      {"  {%- if t -%}  x  {%- endif -%}  y\n {{- n -}} \n z", "xy3z"},
      {"{% for c in l %}\n    {{ c }}\n{% endfor %}\n  {# gone #}\nend",
       "    3\n    1\n    2\nend"},
      {" {%+ if t %}\n x{% endif +%}\ny\r\n{{ n }}\n", "  x\ny\n3"},
      {"{% if t %}\n{% raw %}\n {{ a }}\n{% endraw %}\n{% endif %}\nb", "\n {{ a }}\nb"},
      {"x {%- set a = 1 %}\n\n y\n{%- set b = 2 -%}\n\n z", "x\n yz"},
  });
}

TEST_CASE("methods and filters of public templates do what Jinja does") {
  check({
      {"{{ s.rsplit('o', 1) }}{{ s.rsplit('o') }}{{ 'a  b c '.rsplit() }}{{ ' a  b c "
       "'.rsplit(None, 1) }}{{ 'aaa'.rsplit('aa') }}",
       "['Hello, W', 'rld']['Hell', ', W', 'rld']['a', 'b', 'c'][' a  b', 'c']['a', '']"},
      {"{{ s.rfind('o') }} {{ s.rfind('o', 0, 5) }} {{ s.rfind('x') }} {{ s.find('o', 5) }} {{ "
       "s.find('o', -4, -1) }} {{ '안녕안'.rfind('안') }} {{ s.find('', 50) }} {{ s.index('W') }} "
       "{{ s.rindex('l') }} {{ 'aaa'.rfind('aa') }}",
       "8 4 -1 8 8 2 -1 7 10 1"},
      {"{{ s.partition(', ') }}{{ s.partition('x') }}{{ s.rpartition('o') }}{{ s.rpartition('x') "
       "}}",
       "('Hello', ', ', 'World')('Hello, World', '', '')('Hello, W', 'o', 'rld')('', '', 'Hello, "
       "World')"},
      {"{{ s.startswith('W', 7) }}{{ s.startswith('H', 1) }}{{ s.endswith('o', 0, 5) }}{{ "
       "s.endswith(('x', 'ld')) }}{{ s.startswith('', 99) }}",
       "TrueFalseTrueTrueFalse"},
      {"{{ 'abc'.isalpha() }}{{ '안녕'.isalpha() }}{{ 'a1'.isalpha() }}{{ ''.isalpha() }}{{ "
       "'7'.zfill(3) }}{{ '-7'.zfill(4) }}{{ 'abc'.zfill(2) }}",
       "TrueTrueFalseFalse007-007abc"},
      {"{% set k = d.copy() %}{% set q = l.copy() %}{{ k == d }}{{ q }}", "True[3, 1, 2]"},
      {"{% for c in w %}{{ loop.cycle('x', 'y') }}{% endfor %}|{% for c in [1, 1, 2, 2, 1] %}{{ "
       "loop.changed(c) }} {% endfor %}",
       "xyxy|True False True False True "},
      {"{{ l|batch(2)|list }}{{ l|batch(2, 'z')|list }}{{ [1,2,3,4,5,6,7]|slice(3)|list }}{{ "
       "[1,2,3,4,5,6,7]|slice(3, 0)|list }}{{ [1,2]|slice(3)|list }}",
       "[[3, 1], [2]][[3, 1], [2, 'z']][[1, 2, 3], [4, 5], [6, 7]][[1, 2, 3], [4, 5, 0], [6, 7, "
       "0]][[1], [2], []]"},
      {"{{ s|wordcount }} {{ 'a_b  c-d 안녕'|wordcount }} {{ ''|wordcount }}", "2 4 0"},
      {"{% for role, all in m|groupby('role') %}{{ role }}:{{ all|length }} {% endfor %}{% for k, "
       "g in [{'k': 'b'}, {'k': 'B'}, {'k': 'a'}]|groupby('k') %}{{ k }}{{ g }}{% endfor %}{% for "
       "k, g in [{'a': 'x'}, {}]|groupby('a', default='y') %}{{ k }}{{ g }}{% endfor %}",
       "assistant:1 user:2 a[{'k': 'a'}]b[{'k': 'b'}, {'k': 'B'}]x[{'a': 'x'}]y[{}]"},
      {"{{ 'one two three'|truncate(9) }}|{{ 'one two three'|truncate(7, leeway=0) }}|{{ 'one two "
       "three'|truncate(7, true, '..', 0) }}|{{ 'short'|truncate(4) }}|{{ "
       "'onetwothree'|truncate(6, leeway=0) }}",
       "one two three|one...|one t..|short|one..."},
      {"{{ 'straße'|upper }}{{ 'straße'.upper() }}{{ 'straße'|title }}{{ 'ßa'|capitalize }}",
       "STRASSESTRASSEStraßeSsa"},
  });
}

}  // namespace
}  // namespace pennyweight
