// The tables that a build holds; kernels() picks among them.
#pragma once

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm {

extern const KernelTable kPortableKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;    // AVX2, FMA, F16C
extern const KernelTable kAvx512Kernels;  // AVX-512 F, BW, VL, DQ, VNNI
#endif

}  // namespace pennyweight::llm
