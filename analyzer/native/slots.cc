// Memory straight from the system.
#include "slots.h"

#include <sys/mman.h>

#include <new>

namespace relucid {
namespace {

constexpr size_t kLargePage = 2 << 20;

}  // namespace

Slots::Slots(size_t size) : size_(size), bytes_(size * sizeof(Slot)) {
  const bool large = bytes_ >= kLargePage / 2;
  if (large) bytes_ = (bytes_ + kLargePage - 1) / kLargePage * kLargePage + kLargePage;
  memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  auto begin = reinterpret_cast<uintptr_t>(memory_);
  if (large) begin = (begin + kLargePage - 1) / kLargePage * kLargePage;
  slots_ = reinterpret_cast<Slot*>(begin);
#if defined(MADV_HUGEPAGE)
  if (large) madvise(slots_, bytes_ - kLargePage, MADV_HUGEPAGE);
#endif
}

Slots::~Slots() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

}  // namespace relucid
