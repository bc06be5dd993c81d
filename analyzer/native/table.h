// Counts of pattern keys: exact up to a capacity, beyond it the sample and the frequent patterns of stats/patterns.py.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frequent.h"
#include "slots.h"

namespace relucid {

// Keys are evenly scattered. All below 2^(64 - level) are counted exactly; the level is the smallest at which at most
// `capacity` distinct ones are, so these counts depend on nothing but which keys were added, and how often.
class Table {
 public:
  explicit Table(int64_t capacity);

  void add(const uint64_t* keys, int64_t count);  // throws std::bad_alloc; how many were added is then unknown

  int level() const { return level_; }
  int64_t total() const { return total_; }
  int64_t size() const { return used_; }
  const Frequent& frequent() const { return frequent_; }

  // The keys in order, and the count of each.
  void read(uint64_t* keys, int64_t* counts) const;

 private:
  // Slots follow the order of the keys but for collisions, so that reading and growing walk through memory.
  size_t home(uint64_t key) const {
    return level_ == 64 ? 0 : static_cast<size_t>(static_cast<unsigned __int128>(key << level_) * homes_ >> 64);
  }
  bool sampled(uint64_t key) const { return level_ == 0 || key >> (64 - level_) == 0; }
  void insert(uint64_t key, int64_t count);
  void add_some(const uint64_t* keys, int64_t count);
  void rebuild(size_t homes, size_t more, int level);
  void raise();

  int64_t capacity_, total_ = 0, used_ = 0;
  int level_ = 0;
  size_t homes_;
  Slots slots_;  // the homes and, behind them, some more
  Frequent frequent_;
};

}  // namespace relucid
