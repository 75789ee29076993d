#include "local_backend/kernels/kernels.h"

#include "local_backend/kernels/instruction_sets.h"

namespace pennyweight::llm {
namespace {

#if defined(__x86_64__)
// The built-in also asks the operating system (XGETBV) whether it saves the registers. Every CPU
// with AVX2 has F16C.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif

}  // namespace

const KernelTable& portable_kernels() {
  return kPortableKernels;
}

const KernelTable* kernels(std::string_view name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if ((name == "auto" || name == "avx512") && has_avx512()) return &kAvx512Kernels;
  if ((name == "auto" || name == "avx2") && has_avx2()) return &kAvx2Kernels;
#endif
  if (name == "auto" || name == "portable") return &kPortableKernels;
  return nullptr;
}

}  // namespace pennyweight::llm
