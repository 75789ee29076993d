#include "local_backend/known_templates.h"

namespace pennyweight::llm {
namespace {

using System = KnownTemplate::System;

// In this order: the spellings of some families are part of others'.
constexpr KnownTemplate kTemplates[] = {
    {"chatml",
     {"<|im_start|>", "<|im_end|>"},
     System::own_turn,
     "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
     "{% endfor %}{{ '<|im_start|>assistant\n' }}"},
    {"llama2",
     {"[INST]", "<<SYS>>"},
     System::llama2_tags,
     "{% for m in messages %}{% if m.role == 'user' %}"
     "{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
     "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}"},
    {"phi3",
     {"<|assistant|>", "<|end|>"},
     System::own_turn,
     "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
     "{{ '<|assistant|>\n' }}"},
    {"zephyr",
     {"<|user|>", "eos_token"},
     System::own_turn,
     "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}"
     "{% endfor %}{{ '<|assistant|>\n' }}"},
    {"gemma",
     {"<start_of_turn>", "<end_of_turn>"},
     System::before_user,
     "{% for m in messages %}{{ '<start_of_turn>' }}"
     "{% if m.role == 'assistant' %}{{ 'model' }}{% else %}{{ m.role }}{% endif %}"
     "{{ '\n' + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
     "{{ '<start_of_turn>model\n' }}"},
    {"llama3",
     {"<|start_header_id|>", "<|eot_id|>"},
     System::own_turn,
     "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' }}"
     "{{ m.content | trim + '<|eot_id|>' }}{% endfor %}"
     "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"},
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

const KnownTemplate* known_template_of(std::string_view file_template) {
  for (const KnownTemplate& known : kTemplates) {
    if (contains(file_template, known.needles[0]) && contains(file_template, known.needles[1])) {
      return &known;
    }
  }
  return nullptr;
}

const KnownTemplate& chatml_template() {
  return kTemplates[0];
}

}  // namespace pennyweight::llm
