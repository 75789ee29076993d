#include "metrics/base/text_template.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

std::string rendered(std::string_view source, std::string_view json,
                     Blanks blanks = Blanks::as_written) {
  const Result<TextTemplate> parsed = TextTemplate::parse(source, blanks);
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
                 kTalk, Blanks::chat_template) ==
        "<|system|>\nBe brief.</s>\n<|user|>\n Hi </s>\n<|user|>\n1+1?</s>\n<|assistant|>\n");
}

}  // namespace
}  // namespace pennyweight
