// Room for the slots of a table: zeros, in large pages where the system has them.
//
// The slots are visited at random, and each page visited for the first time costs as much as counting a hundred keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace relucid {

struct Slot {
  uint64_t key;
  int64_t count;  // 0 where the slot is free
};

class Slots {
 public:
  Slots() = default;
  explicit Slots(size_t size);  // throws std::bad_alloc
  ~Slots();
  Slots(Slots&& other) noexcept { swap(other); }
  Slots& operator=(Slots&& other) noexcept {
    swap(other);
    return *this;
  }

  size_t size() const { return size_; }
  Slot& operator[](size_t at) { return slots_[at]; }
  const Slot* begin() const { return slots_; }
  const Slot* end() const { return slots_ + size_; }

 private:
  void swap(Slots& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(size_, other.size_);
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
  }

  Slot* slots_ = nullptr;
  size_t size_ = 0;
  void* memory_ = nullptr;  // that the slots lie in
  size_t bytes_ = 0;
};

}  // namespace relucid
