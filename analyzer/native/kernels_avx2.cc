// The kernels in AVX2.
#include "kernels.h"

#if defined(__x86_64__)
// No header of the standard library below: its inline functions would be compiled for this target, and might be the
// ones that the linker takes for the whole library.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#include "lanes_avx2.h"
#include "table_of_kernels.h"

namespace relucid {

const Kernels& avx2_kernels() {
  using namespace avx2;
  static const Kernels kernels = table_of<OfFloat32, OfFloat64, OfFloat16, OfBFloat16>("avx2");
  return kernels;
}

}  // namespace relucid

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
