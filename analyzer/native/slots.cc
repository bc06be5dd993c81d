// Memory straight from the system, which gives addresses at once and pages when they are touched.
#include "slots.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace relucid {
namespace {

constexpr size_t kLargePage = 2 << 20;
constexpr size_t kSmall = kLargePage / 4;  // up to here small pages do: hundreds of tables may hold little
constexpr size_t kTimes = 32;              // address space reserved, as a multiple of the size, if there is enough

size_t to_large_pages(size_t bytes) { return (bytes + kLargePage - 1) / kLargePage * kLargePage; }

}  // namespace

Slots::Slots(size_t size) {
  const size_t wanted = std::max(size * sizeof(Bucket), kSmall);
  const bool large = wanted > kSmall;
  for (size_t times = large ? kTimes : 1;; times /= 2) {
    const size_t bytes = large ? to_large_pages(times * wanted) : wanted;
    bytes_ = large ? bytes + kLargePage : bytes;
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_ = bytes / sizeof(Bucket);
    if (memory_ != MAP_FAILED) break;
    if (times == 1) throw std::bad_alloc();
  }
  auto begin = reinterpret_cast<uintptr_t>(memory_);
  if (large) begin = to_large_pages(begin);
  slots_ = reinterpret_cast<Bucket*>(begin);
#if defined(MADV_HUGEPAGE)
  if (large) madvise(slots_, size_ * sizeof(Bucket), MADV_HUGEPAGE);
#endif
}

Slots::~Slots() { munmap(memory_, bytes_); }

}  // namespace relucid
