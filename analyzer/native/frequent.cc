// Groups of the keys that occurred most.
#include "frequent.h"

#include <algorithm>

namespace relucid {
namespace {

constexpr int64_t kMostGroups = int64_t{1} << 13;  // a megabyte and a half, most of which stays in the cache

}  // namespace

void Frequent::start(int64_t most) {
  int64_t groups = 2;  // at least, so that there are keys of another group
  while (groups < kMostGroups && 2 * groups * kKeys <= most) groups *= 2;
  groups_.assign(static_cast<size_t>(groups), Group{});
  mask_ = static_cast<uint64_t>(groups) - 1;
}

// The one that occurred least, and of those the one that was replaced longest ago.
unsigned Frequent::raise_floor(Group& group) {
  auto least = static_cast<unsigned>(group.next);
  for (unsigned n = 1, at = least; n < kKeys; ++n) {
    at = at + 1 < kKeys ? at + 1 : 0;
    if (group.kept[at].most < group.kept[least].most) least = at;
  }
  group.floor = std::max(group.floor, group.kept[least].most);
  return least;
}

void Frequent::seed(uint64_t key, int64_t count) {
  Group& group = groups_[key & mask_];
  if (count <= group.floor) return;
  const auto less = [](const Kept& one, const Kept& other) { return one.most < other.most; };
  const auto least = std::min_element(group.kept, group.kept + kKeys, less) - group.kept;
  group.floor = std::max(group.floor, std::min(count, group.kept[least].most));
  if (count <= group.kept[least].most) return;
  group.keys[least] = key;
  group.kept[least] = {count, 0};
}

// Of a tie that did not fit as a whole none is kept: which of its keys was added first depends on the keys.
void Frequent::seeded() {
  for (uint64_t number = 0; number <= mask_; ++number) {
    Group& group = groups_[number];
    for (unsigned i = 0; i < kKeys; ++i) {
      if (group.kept[i].most > group.floor) continue;
      group.keys[i] = ~number;
      group.kept[i] = {0, 0};
    }
  }
}

int64_t Frequent::size() const {
  int64_t number = 0;
  for (const Group& group : groups_) {
    for (const Kept& kept : group.kept) number += kept.most != 0;
  }
  return number;
}

void Frequent::read(uint64_t* keys, int64_t* seen, int64_t* missed) const {
  int64_t number = 0;
  for (const Group& group : groups_) {
    for (unsigned i = 0; i < kKeys; ++i) {
      const Kept& kept = group.kept[i];
      if (kept.most == 0) continue;
      keys[number] = group.keys[i];
      seen[number] = kept.most - kept.missed;
      missed[number++] = kept.missed;
    }
  }
}

int64_t Frequent::floor() const {
  int64_t floor = 0;
  for (const Group& group : groups_) floor = std::max(floor, group.floor);
  return floor;
}

}  // namespace relucid
