// How other harnesses find a multiple-choice letter, so that their numbers can be repeated. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pennyweight {

// simple-evals (GPQA): the first "Answer: $B$" of A to D, its case kept.
std::optional<std::string> letter_by_simple_evals(std::string_view text);
// simple-evals (multilingual MMLU): markup removed; the first prefix of a list that matches
// anywhere.
std::optional<std::string> letter_by_simple_evals_mmlu(std::string_view text);
// inspect: what follows the last "ANSWER:", if it is one letter alone.
std::optional<std::string> letter_by_inspect(std::string_view text);
// KorMedMCQA: the last match of the first of four patterns, upper case.
std::optional<std::string> letter_by_kormedmcqa(std::string_view text);

}  // namespace pennyweight
