// Counts of pattern keys: exact up to a capacity, beyond it the sample and the frequent patterns of stats/patterns.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

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
  bool sampled(uint64_t key) const { return key <= last_; }

  void add_some(const uint64_t* keys, int64_t count);
  void insert(uint64_t* keys, size_t* places, int64_t count);
  void reach(size_t end);
  void rebuild(size_t homes, int level, uint64_t last);
  void raise();

  int64_t capacity_, total_ = 0, used_ = 0;
  int level_ = 0;
  uint64_t last_ = ~uint64_t{0};  // key that is sampled
  size_t homes_;                  // where keys belong, in their order: reading and growing walk through memory
  size_t end_;                    // of the buckets that may be in use: behind the last home, where collisions lead
  Slots slots_;
  std::unordered_map<uint64_t, int64_t> beyond_;  // occurrences counted before the buckets' counts restarted
  Frequent frequent_;
};

}  // namespace relucid
