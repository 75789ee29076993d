#include "metrics/base/text_template.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

std::string rendered(std::string_view source, std::string_view json,
                     TemplateUse use = TemplateUse::task_set) {
  const Result<TextTemplate> parsed = TextTemplate::parse(source, use);
  if (!parsed) return "parse error: " + parsed.error().what;
  const Result<std::string> out = parsed->render(parse_json(json).value());
  return out ? *out : "error: " + out.error().what;
}

constexpr std::string_view kTalk =
    R"({"bos_token":"<s>","eos_token":"</s>","add_generation_prompt":true,"messages":[
    {"role":"system","content":"Be brief."},{"role":"user","content":" Hi "},
    {"role":"assistant","content":"Yes?"},{"role":"user","content":"1+1?"}]})";

TEST_CASE("a ChatML template renders a conversation") {
  CHECK(rendered("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
                 "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
                 "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
                 kTalk) ==
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n"
        "<|im_start|>assistant\nYes?<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
        "<|im_start|>assistant\n");
}

TEST_CASE("a template of Llama 2's kind renders a conversation") {
  CHECK(rendered("{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
                 "{% set system_message = messages[0]['content'] %}{% else %}"
                 "{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
                 "{% for message in loop_messages %}"
                 "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
                 "{{ raise_exception('roles must alternate') }}{% endif %}"
                 "{% if loop.index0 == 0 and system_message != false %}"
                 "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + "
                 "message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}"
                 "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + "
                 "' [/INST]' }}{% elif message['role'] == 'assistant' %}"
                 "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
                 kTalk) ==
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hi [/INST] Yes? </s><s>[INST] 1+1? [/INST]");
}

TEST_CASE("a template of Zephyr's kind leaves no lines of its own tags") {
  CHECK(rendered("{% for message in messages %}\n"
                 "{% if message['role'] == 'user' %}\n"
                 "{{ '<|user|>\n' + message['content'] + eos_token }}\n"
                 "{% elif message['role'] == 'system' %}\n"
                 "{{ '<|system|>\n' + message['content'] + eos_token }}\n"
                 "{% endif %}\n"
                 "  {% if loop.last and add_generation_prompt %}\n"
                 "{{ '<|assistant|>' }}\n"
                 "{% endif %}\n{% endfor %}\n",
                 kTalk, TemplateUse::chat_template) ==
        "<|system|>\nBe brief.</s>\n<|user|>\n Hi </s>\n<|user|>\n1+1?</s>\n<|assistant|>\n");
}

constexpr std::string_view kRow =
    R"({"q":" Which? ","n":3,"x":1.5,"yes":true,"nil":null,"a":{"b":{"c":"deep"}},"질문":"뭐",
    "choices":["red","green","blue"],"empty":[]})";

TEST_CASE("paths, literals and operators") {
  CHECK(rendered("{{ a.b.c }} {{ a['b'].c }} {{ choices[1] }} {{ choices[-1] }} {{ 질문 }}",
                 kRow) == "deep deep green blue 뭐");
  CHECK(rendered("{{ 'it\\'s' }}|{{ \"a\\n\\tb\\\\\" }}|{{ 'C:\\dir' }}|{{ 12 }}|{{ -1.5 }}",
                 kRow) == "it's|a\n\tb\\|C:\\dir|12|-1.5");
  CHECK(rendered("{{ n + 4 }} {{ 'a' + 'b' }} {{ 'n=' ~ n ~ nil ~ yes ~ x }} {{ n % 2 }}", kRow) ==
        "7 ab n=3NoneTrue1.5 1");
  CHECK(rendered("{{ -7 % 3 }} {{ 7 % -3 }} {{ -6 % 3 }}", kRow) == "2 -2 0");
  CHECK(rendered("{{ 1 == 1.0 }} {{ n != 3 }} {{ 'e' in 'red' }} {{ 'red' in choices }} "
                 "{{ 'b' in a }} {{ 'pink' not in choices }}",
                 kRow) == "True False True True True True");
  CHECK(rendered("{{ not n == 4 and yes or nope }} {{ (nil or 'x') }} {{ 0 and nope }}", kRow) ==
        "True x 0");
  CHECK(rendered("{{ 'a' + 'b' ~ 1 + 'c' }}", kRow) == "ab1c");  // ~ binds tighter than +
  CHECK(rendered("{{ choices[1:] | join }}{{ choices[:1] | join }}{{ choices[-1:] | join }}"
                 "{{ choices[5:] | length }}{{ choices[2:1] | length }}{{ choices[:] | length }}",
                 kRow) == "greenblueredblue003");
}

TEST_CASE("filters and methods") {
  CHECK(rendered("[{{ q | strip }}][{{ q|trim|upper }}][{{ q.strip().lower() }}]", kRow) ==
        "[Which?][WHICH?][which?]");
  CHECK(rendered("{{ choices | json }} {{ a | tojson }} {{ choices | join(', ') }}", kRow) ==
        R"(["red","green","blue"] {"b":{"c":"deep"}} red, green, blue)");
  CHECK(rendered("{{ nope | default('x') }} {{ a.nope.more | default(n) }} {{ n | default(0) }}",
                 kRow) == "x 3 3");
  CHECK(rendered("{{ 0 | letter }}{{ 25 | letter }} {{ 질문 | length }} {{ choices | length }}",
                 kRow) == "AZ 1 3");
  CHECK(rendered("{% for l in 'a\\nb\\r\\n\\nc\\n' | lines %}[{{ l }}]{% endfor %}", kRow) ==
        "[a][b][][c]");
}

TEST_CASE("tests of definedness") {
  CHECK(rendered("{{ nope is defined }} {{ n is defined }} {{ a.x is not defined }} "
                 "{{ not q is defined }} {{ nil is none }} {{ n is none }} {{ q is string }}",
                 kRow) == "False True True False True False True");
}

TEST_CASE("loops, conditions and assignments") {
  CHECK(rendered("{% for c in choices %}{{ loop.index0 | letter }}. {{ c }} ({{ loop.index }}/"
                 "{{ loop.length }}){% if not loop.last %}, {% endif %}{% endfor %}",
                 kRow) == "A. red (1/3), B. green (2/3), C. blue (3/3)");
  CHECK(rendered("{% for a in choices %}{% for b in choices %}{{ loop.index }}{% endfor %}"
                 "{{ loop.first }} {% endfor %}",
                 kRow) == "123True 123False 123False ");
  const std::string_view tree =
      "{% if v == 1 %}one{% elif v == 2 %}two{% elif v == 3 %}three{% else %}many{% endif %}";
  CHECK(rendered(tree, R"({"v":1})") == "one");
  CHECK(rendered(tree, R"({"v":2})") == "two");
  CHECK(rendered(tree, R"({"v":3})") == "three");
  CHECK(rendered(tree, R"({"v":4})") == "many");
  CHECK(rendered("{% set x = 'out' %}{% for c in choices %}{% set x = c %}{{ x }} {% endfor %}"
                 "{{ x }}{% if yes %}{% set x = 'in' %}{% endif %} {{ x }}",
                 kRow) == "red green blue out in");
  CHECK(rendered("{% for c in empty %}x{% endfor %}{# nothing {{ nope }} #}.", kRow) == ".");
}

TEST_CASE("blanks are trimmed where a dash asks for it and nowhere else") {
  CHECK(rendered("a \n{%- if yes %} b {% endif -%}\n c", kRow) == "a b c");
  CHECK(rendered("a {{- n -}} b{#- x -#} c", kRow) == "a3bc");
  CHECK(rendered("a\n{% if yes %}\nb\n{% endif %}\n", kRow) == "a\n\nb\n\n");
  CHECK(rendered("a\n  {% if yes %}\nb\n  {% endif %}\nc\n\n", kRow, TemplateUse::chat_template) ==
        "a\nb\nc\n");
  CHECK(rendered("a {% if yes %} b {% endif %}\n{{ n }}\n!", kRow, TemplateUse::chat_template) ==
        "a  b 3\n!");
  CHECK(rendered(" {%+ if yes %}x{% endif +%}\ny", kRow, TemplateUse::chat_template) == " x\ny");
  CHECK(rendered("{# c #}\n  {% set v = 1 %}\r\n{{ v }}", kRow, TemplateUse::chat_template) == "1");
}

TEST_CASE("an undefined name is an error that names it and its place") {
  CHECK(rendered("{{ q }}\n한 {{ nope }}", kRow) ==
        "error: template line 2, column 6: \"nope\" is not defined");
  CHECK(rendered("{{ a.x }}", kRow).find("\"a.x\" is not defined") != std::string::npos);
  CHECK(rendered("{{ choices[7] }}", kRow).find("\"choices[7]\"") != std::string::npos);
  CHECK(rendered("{% if nope %}{% endif %}", kRow).find("\"nope\"") != std::string::npos);
  CHECK(rendered("{% for x in nope %}{% endfor %}", kRow).find("\"nope\"") != std::string::npos);
}

TEST_CASE("what makes no sense is an error, not a guess") {
  for (const char* const bad :
       {"{{ n + 'x' }}", "{{ n | upper }}", "{{ q | join }}", "{{ choices }}", "{{ a }}",
        "{{ n % 0 }}", "{{ 26 | letter }}", "{{ -1 | letter }}", "{{ 1 in 2 }}", "{{ -q }}",
        "{{ q[1:q] }}", "{{ q | strip(1) }}", "{{ choices['a':] }}", "{% for x in n %}{% endfor %}",
        "{{ n | length }}", "{{ 9223372036854775807 + 1 }}", "{{ choices | join(1) }}"}) {
    CAPTURE(bad);
    CHECK(rendered(bad, kRow).find("error: template line 1") == 0);
  }
  const auto parsed = TextTemplate::parse("{{ raise_exception('roles must alternate') }}");
  REQUIRE(parsed);
  CHECK(parsed->render(Value()).error().why == "roles must alternate");
}

TEST_CASE("a template that does not parse says where and what") {
  for (const char* const bad : {"{{ }}",
                                "{{ a",
                                "{% if a %}",
                                "{% endif %}",
                                "{% for a b %}{% endfor %}",
                                "{# a",
                                "{{ 'a }}",
                                "{{ a | nope }}",
                                "{{ a.b() }}",
                                "{{ f(1) }}",
                                "{% include 'x' %}",
                                "{{ a[ }}",
                                "{{ a[] }}",
                                "{% set = 1 %}",
                                "{% break %}",
                                "{% set x %}",
                                "{{ a is odder }}",
                                "{{ (a }}",
                                "{{ a b }}",
                                "{{ a; }}",
                                "{% for a in b %}{% endif %}",
                                "{{ 99999999999999999999 }}",
                                "{%",
                                "{{ a == }}",
                                "{% if a %}{% else %}{% else %}{% endif %}",
                                "{{ a ? }}",
                                "{{ . }}"}) {
    CAPTURE(bad);
    const auto parsed = TextTemplate::parse(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind == ErrorKind::invalid_input);
    CHECK(parsed.error().what.find("template line 1, column ") == 0);
  }
  CHECK(TextTemplate::parse("{{ a | uper }}").error().fix == "did you mean \"upper\"?");
}

TEST_CASE("every truncation of a template parses or fails cleanly") {
  const std::string whole =
      "{% for m in messages -%} {{ m['role'] | upper ~ (m.content[1:] == 'x') }}"
      "{% if not loop.last and m is defined %}{# c #}{% set x = -1 %}{% else %}\\n{% endif %}"
      "{%- endfor %}";
  REQUIRE(TextTemplate::parse(whole));
  int parsed = 0;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto cut = TextTemplate::parse(whole.substr(0, n));
    parsed += cut ? 1 : 0;
    if (!cut) CHECK(cut.error().what.find("template line ") == 0);
  }
  CHECK(parsed <= 2);  // the empty one and "{"
}

TEST_CASE("a hostile template reaches a limit, not the end of memory or stack") {
  std::string deep = "{{ " + std::string(100'000, '(') + "1" + std::string(100'000, ')') + " }}";
  CHECK_FALSE(TextTemplate::parse(deep));
  CHECK_FALSE(TextTemplate::parse("{{ " + std::string(100'000, '-') + "1 }}"));
  std::string nots = "{{ ", sum = "{{ 1", blocks, filters = "{{ q", indexes = "{{ q";
  for (int i = 0; i < 100'000; ++i) {
    nots += "not ";
    sum += "+1";
    blocks += "{% if 1 %}";
    filters += "|trim";
    indexes += "[0]";
  }
  CHECK_FALSE(TextTemplate::parse(nots + "1 }}"));
  CHECK_FALSE(TextTemplate::parse(sum + " }}"));
  CHECK_FALSE(TextTemplate::parse(blocks));
  CHECK_FALSE(TextTemplate::parse(filters + " }}"));
  CHECK_FALSE(TextTemplate::parse(indexes + " }}"));

  std::string doubling = "{% set s = 'xxxxxxxxxxxxxxxx' %}";
  for (int i = 0; i < 40; ++i) doubling += "{% set s = s ~ s %}";
  CHECK(rendered(doubling, "{}").find("16 MiB") != std::string::npos);
  std::string long_list = "{\"l\":[0";
  for (int i = 0; i < 2000; ++i) long_list += ",0";
  CHECK(rendered("{% for a in l %}{% for b in l %}{% endfor %}{% endfor %}", long_list + "]}")
            .find("too many steps") != std::string::npos);
  CHECK(rendered("{% for a in l %}{% set k = l + l %}{% endfor %}", long_list + "]}")
            .find("too many steps") != std::string::npos);
}

TEST_CASE("a template of nothing renders to nothing") {
  CHECK(TextTemplate().render(Value()).value().empty());
  CHECK(rendered("", "{}").empty());
  CHECK(rendered("{ } %} }} #}", "{}") == "{ } %} }} #}");
}

}  // namespace
}  // namespace pennyweight
