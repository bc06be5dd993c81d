// Groups of the keys that occurred most.
#include "frequent.h"

#include <algorithm>
#include <limits>

namespace relucid {
namespace {

constexpr int64_t kMostKept = int64_t{1} << 16;  // a megabyte, which stays in the cache
constexpr uint32_t kFull = std::numeric_limits<uint32_t>::max();

}  // namespace

void Frequent::start(int64_t most) {
  size_t groups = 1;
  while (static_cast<int64_t>(2 * groups * kKept) <= std::min(most, kMostKept)) groups *= 2;
  std::vector<uint32_t> floors(groups, 0);
  groups_.assign(groups, Group{});
  floors_ = std::move(floors);
  mask_ = groups - 1;
}

void Frequent::seed(uint64_t key, int64_t count) {
  Group& group = groups_[key & mask_];
  uint32_t& floor = floors_[key & mask_];
  const auto least = static_cast<size_t>(std::min_element(group.most, group.most + kKept) - group.most);
  const auto number = static_cast<uint32_t>(std::min<int64_t>(count, kFull));
  if (number <= group.most[least]) {
    floor = std::max(floor, number);
    return;
  }
  floor = std::max(floor, group.most[least]);
  group.keys[least] = key;
  group.most[least] = number;
  if (count > kFull) beyond_[key] = count - kFull;
}

// Of a tie that did not fit whole none is kept: which came first depends on their keys.
void Frequent::seeded() {
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (uint32_t& most : groups_[group].most) most = most <= floors_[group] ? 0 : most;
  }
}

void Frequent::add(uint64_t key) {
  Group& group = groups_[key & mask_];
  unsigned at = 0;
  for (unsigned i = 0; i < kKept; ++i) at |= static_cast<unsigned>(group.keys[i] == key && group.most[i] != 0) << i;
  if (at != 0) {
    uint32_t& most = group.most[__builtin_ctz(at)];
    if (most == kFull) {
      ++beyond_[key];
    } else {
      ++most;
    }
    return;
  }
  unsigned least = 0;
  for (unsigned i = 1; i < kKept; ++i) least = group.most[i] < group.most[least] ? i : least;
  uint32_t& floor = floors_[key & mask_];
  floor = std::max(floor, group.most[least]);
  group.keys[least] = key;
  group.most[least] = floor + 1;
  group.missed[least] = floor;
}

int64_t Frequent::size() const {
  int64_t number = 0;
  for (const Group& group : groups_) number += kKept - std::count(group.most, group.most + kKept, 0u);
  return number;
}

void Frequent::read(uint64_t* keys, int64_t* seen, int64_t* missed) const {
  int64_t number = 0;
  for (const Group& group : groups_) {
    for (int i = 0; i < kKept; ++i) {
      if (group.most[i] == 0) continue;
      const auto more = beyond_.find(group.keys[i]);
      keys[number] = group.keys[i];
      seen[number] = static_cast<int64_t>(group.most[i]) - group.missed[i] + (more == beyond_.end() ? 0 : more->second);
      missed[number++] = group.missed[i];
    }
  }
}

int64_t Frequent::floor() const { return floors_.empty() ? 0 : *std::max_element(floors_.begin(), floors_.end()); }

}  // namespace relucid
