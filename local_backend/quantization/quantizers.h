// One block of floats to a block of bytes, for each type. The floats are finite. Private to this
// folder; formulas in docs/numerics.md.
#pragma once

#include "local_backend/quantization/block_fields.h"

namespace pennyweight::llm {

void quantize_q4_0(const float* x, Byte* block);
void quantize_q8_0(const float* x, Byte* block);

}  // namespace pennyweight::llm
