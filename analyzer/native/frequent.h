// The patterns that occur most, whatever their keys, in little memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bucket.h"

namespace relucid {

// Space-saving (Metwally, Agrawal & El Abbadi 2005), in groups that a few lines of cache hold each: a new key takes the
// place of one that occurred no more often than any key not kept can have (the floor), and with it the uncertainty how
// often it occurred before. Groups are chosen by the lowest bits of a key, the sample by the highest, so neither depends
// on the other.
class Frequent {
 public:
  // Begins to keep so many at most, or a few.
  void start(int64_t most);
  bool started() const { return !groups_.empty(); }

  // Counts from before the start, each key once, and then `seeded`.
  void seed(uint64_t key, int64_t count);
  void seeded();

  void add(uint64_t key) {
    Group& group = groups_[key & mask_];
    unsigned at = find(group.keys, key);
    if (at < kKeys) {
      ++group.kept[at].most;
      return;
    }
    at = static_cast<unsigned>(group.next);
    if (group.kept[at].most > group.floor) at = raise_floor(group);
    group.keys[at] = key;
    group.kept[at] = {group.floor + 1, group.floor};
    group.next = at + 1 < kKeys ? at + 1 : 0;
  }

  void prefetch(uint64_t key) const {
    const Group& group = groups_[key & mask_];
    __builtin_prefetch(group.keys, 1);
    __builtin_prefetch(group.kept, 1);
    __builtin_prefetch(group.kept + 4, 1);
  }

  int64_t size() const;
  // Of each key kept, in no order: occurrences while it was kept, and most occurrences before.
  void read(uint64_t* keys, int64_t* seen, int64_t* missed) const;
  int64_t floor() const;  // most occurrences of a key that is not kept

 private:
  struct Kept {
    int64_t most;  // most occurrences there can have been; 0 where nothing is kept
    int64_t missed;
  };
  struct alignas(64) Group {
    uint64_t keys[kKeys];  // of another group where nothing is kept, hence never found
    uint64_t next;         // to be replaced, unless it is above the floor
    Kept kept[kKeys];
    int64_t floor;
  };

  // Where the next is above the floor: one that is not, for which the floor rises if it must.
  static unsigned raise_floor(Group& group);

  std::vector<Group> groups_;
  uint64_t mask_ = 0;
};

}  // namespace relucid
