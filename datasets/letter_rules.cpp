#include "datasets/letter_rules.h"

#include <utility>
#include <vector>

#include "datasets/pattern.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

// The patterns are constants of ours; one that does not compile fails its test.
std::vector<Pattern> compile_all(const std::vector<std::string>& sources) {
  std::vector<Pattern> out;
  for (const std::string& source : sources) {
    if (auto pattern = Pattern::compile(source, {.ignore_case = true})) {
      out.push_back(std::move(*pattern));
    }
  }
  return out;
}

std::optional<std::string> group_of(std::optional<Pattern::Match> match) {
  if (!match || match->groups.size() < 2) return std::nullopt;
  return match->groups[1];
}

// "Answer" in the languages of the multilingual MMLU, in the order in which they are tried. `;`
// separates; `:` may have blanks before it where `~` stands.
constexpr std::string_view kAnswerWords =
    "Answer~:;উত্তর~:;उत्तर~:;উত্তরঃ;Antwort~:;답변~:;정답~:;답~:;答案~：;答案~:;答~：;答~:;答复~：;"
    "答曰~：;"
    "الإجابة:;الجواب:;إجابة:;الإجابة النهائية:;الإجابة الصحيحة:;الإجابة الصحيحة هي:;الإجابة هي:;"
    "الجواب "
    "النهائي:;Respuesta~:;Risposta~:;答え~:;答え~：;回答~:;回答~：;解答~:;Jawaban~:;Réponse~:;"
    "Resposta~:;Jibu~:;Idahun~:;Ìdáhùn~:;Idáhùn~:;Àmọ̀nà~:;Àdáhùn~:;Ànúgọ~:;Àṣàyàn~:";

std::vector<Pattern> answer_patterns() {
  std::vector<std::string> sources(1);
  for (const char c : kAnswerWords) {
    if (c == ';') {
      sources.emplace_back();
    } else if (c == '~') {
      sources.back() += "\\s*";
    } else {
      sources.back() += c;
    }
  }
  for (std::string& source : sources) source += "[ \\t]*([A-D]|[أ-د]|[অবডঢ]|[ＡＢＣＤ])";
  return compile_all(sources);
}

std::string without_markup(std::string text) {
  for (const std::string_view mark : {"**", "$\\boxed{", "}$", "\\$", "$\\text{", "$", "\\mathrm{",
                                      "\\{", "\\text", "\\(", "\\mathbf{", "{", "\\boxed"}) {
    for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at)) {
      text.erase(at, mark.size());
    }
  }
  return text;
}

std::string latin_letter(std::string letter) {
  constexpr std::pair<std::string_view, std::string_view> kForms[] = {
      {"A", "أঅＡ"}, {"B", "بবＢ"}, {"C", "جডＣ"}, {"D", "دঢＤ"}};
  for (const auto& [latin, forms] : kForms) {
    if (letter.size() > 1 && forms.find(letter) != forms.npos) return std::string(latin);
  }
  return letter;
}

}  // namespace

std::optional<std::string> letter_by_simple_evals(std::string_view text) {
  static const auto patterns = compile_all({"Answer[ \\t]*:[ \\t]*\\$?([A-D])\\$?"});
  return group_of(patterns.front().search(text));
}

std::optional<std::string> letter_by_simple_evals_mmlu(std::string_view text) {
  static const auto patterns = answer_patterns();
  const std::string plain = without_markup(std::string(text));
  for (const Pattern& pattern : patterns) {
    if (const auto letter = group_of(pattern.search(plain))) return latin_letter(*letter);
  }
  return std::nullopt;
}

std::optional<std::string> letter_by_inspect(std::string_view text) {
  static const auto patterns =
      compile_all({"ANSWER\\s*:", "\\AANSWER\\s*:\\s*([A-Za-z])(?:[^\\w]|\\n|\\z)"});
  const auto marker = patterns[0].last(text);
  if (!marker) return std::nullopt;
  return group_of(patterns[1].search(text.substr(marker->begin)));
}

std::optional<std::string> letter_by_kormedmcqa(std::string_view text) {
  static const auto patterns = compile_all({"정답[:\\s]*([ABCDE])", "정답은\\s*([ABCDE])\\s*입니다",
                                            "\\b([ABCDE])\\.", "\\b([ABCDE])\\b"});
  for (const Pattern& pattern : patterns) {
    if (auto letter = group_of(pattern.last(text))) {
      return std::string(1, static_cast<char>(letter->front() & ~0x20));
    }
  }
  return std::nullopt;
}

}  // namespace pennyweight
