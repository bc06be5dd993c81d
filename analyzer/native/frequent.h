// The patterns that occur most, whatever their keys, in little memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace relucid {

// Space-saving (Metwally, Agrawal & El Abbadi 2005), in groups that a few lines of cache hold each: a new key takes the
// place of the one that occurred least, and with it the doubt how often it had occurred before. Groups go by the lowest
// bits of a key, the sample beside this by the highest, so neither depends on the other.
class Frequent {
 public:
  // Begins to keep at most so many.
  void start(int64_t most);
  bool started() const { return !groups_.empty(); }

  // Counts from before the start, each key once, and then `seeded`.
  void seed(uint64_t key, int64_t count);
  void seeded();
  void add(uint64_t key);
  void prefetch(uint64_t key) const {
    __builtin_prefetch(&groups_[key & mask_]);
    __builtin_prefetch(groups_[key & mask_].most);
  }

  int64_t size() const;
  // Of each key kept, in no order: occurrences while it was kept, and most occurrences before.
  void read(uint64_t* keys, int64_t* seen, int64_t* missed) const;
  int64_t floor() const;  // most occurrences of a key that is not kept

 private:
  static constexpr int kKept = 8;
  struct alignas(128) Group {
    uint64_t keys[kKept];
    uint32_t most[kKept];  // most occurrences there can have been; 0 where nothing is kept
    uint32_t missed[kKept];
  };

  std::vector<Group> groups_;
  std::vector<uint32_t> floors_;  // of each group
  uint64_t mask_ = 0;
  std::unordered_map<uint64_t, int64_t> beyond_;  // occurrences past what 32 bits count
};

}  // namespace relucid
