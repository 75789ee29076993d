// exp and log of doubles, the same bits on every machine: the C library's differ with the CPU.
// Built from + - * / only; relative error below 1e-14 (tested against long double).
#pragma once

namespace pennyweight::llm::exact_math {

double exp(double x) noexcept;  // 0 below -745.2, infinity above 709.8, NaN of NaN
double log(double x) noexcept;  // -infinity of 0, NaN below 0

}  // namespace pennyweight::llm::exact_math
