// Room for the buckets of a table: zeros that cost nothing until they are touched, so that the table grows in its place.
//
// Memory touched for the first time is the dearest part of counting: a page costs as much as a hundred keys.
#pragma once

#include <cstddef>
#include <utility>

#include "bucket.h"

namespace relucid {

class Slots {
 public:
  explicit Slots(size_t size);  // so many at least; throws std::bad_alloc
  ~Slots();
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  size_t size() const { return size_; }
  Bucket* begin() { return slots_; }
  const Bucket* begin() const { return slots_; }

  void swap(Slots& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(size_, other.size_);
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
  }

 private:
  Bucket* slots_;
  size_t size_;
  void* memory_;  // that holds the slots
  size_t bytes_;
};

}  // namespace relucid
