// Which instruction set this processor has.
#include "kernels.h"

#include <atomic>
#include <cstring>

namespace relucid {
namespace {

const Kernels* found(const char* name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && (name == nullptr || std::strcmp(name, avx512_kernels().name) == 0)) return &avx512_kernels();
  if (avx2 && (name == nullptr || std::strcmp(name, avx2_kernels().name) == 0)) return &avx2_kernels();
#endif
  return name == nullptr || std::strcmp(name, plain_kernels().name) == 0 ? &plain_kernels() : nullptr;
}

std::atomic<const Kernels*>& chosen() {
  static std::atomic<const Kernels*> kernels{found(nullptr)};
  return kernels;
}

}  // namespace

const Kernels& kernels() { return *chosen().load(std::memory_order_relaxed); }

bool choose_kernels(const char* name) {
  const Kernels* wanted = found(name);
  if (wanted != nullptr) chosen().store(wanted, std::memory_order_relaxed);
  return wanted != nullptr;
}

}  // namespace relucid
