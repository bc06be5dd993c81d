// Open addressing, in the order of the keys.
#include "table.h"

#include <algorithm>

namespace relucid {
namespace {

constexpr int64_t kFewestHomes = 64;
constexpr size_t kMore = 1024;        // slots behind the last home
constexpr int64_t kTrackedShare = 4;  // as TRACKED_SHARE of stats/patterns.py
constexpr int64_t kAtOnce = 64;       // keys whose places are on their way from memory at the same time

// So many that two in five stay free.
size_t homes_for(int64_t keys) { return static_cast<size_t>(std::max(keys + keys / 3 * 2 + 1, kFewestHomes)); }

}  // namespace

Table::Table(int64_t capacity) : capacity_(capacity), homes_(homes_for(0)), slots_(homes_ + kMore) {}

void Table::insert(uint64_t key, int64_t count) {
  size_t at = home(key);
  while (slots_[at].count != 0 && slots_[at].key != key) {
    if (++at < slots_.size()) continue;
    rebuild(homes_, 2 * (slots_.size() - homes_), level_);
    at = home(key);
  }
  used_ += slots_[at].count == 0;
  slots_[at].key = key;
  slots_[at].count += count;
}

void Table::add(const uint64_t* keys, int64_t count) {
  for (int64_t first = 0; first < count; first += kAtOnce) add_some(keys + first, std::min(kAtOnce, count - first));
}

void Table::add_some(const uint64_t* keys, int64_t count) {
  if (homes_for(used_ + count) > homes_) rebuild(homes_for(std::min(2 * used_, capacity_) + kAtOnce), kMore, level_);
  if (!frequent_.started()) {
    for (int64_t i = 0; i < count; ++i) __builtin_prefetch(&slots_[home(keys[i])], 1);
    for (int64_t i = 0; i < count; ++i) insert(keys[i], 1);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      frequent_.prefetch(keys[i]);
      if (sampled(keys[i])) __builtin_prefetch(&slots_[home(keys[i])], 1);
    }
    for (int64_t i = 0; i < count; ++i) {
      frequent_.add(keys[i]);
      if (sampled(keys[i])) insert(keys[i], 1);
    }
  }
  total_ += count;
  while (used_ > capacity_) raise();
}

void Table::rebuild(size_t homes, size_t more, int level) {
  Slots old(homes + more);
  std::swap(old, slots_);
  homes_ = homes;
  level_ = level;
  used_ = 0;
  // In two steps, since which slots are free cannot be foreseen, and a wrong guess costs more than all else.
  for (const Slot* from = old.begin(); from < old.end();) {
    Slot kept[kAtOnce];
    const Slot* end = std::min(from + kAtOnce, old.end());
    int64_t number = 0;
    for (; from < end; ++from) {
      kept[number] = *from;
      number += from->count != 0 && sampled(from->key);
    }
    for (int64_t i = 0; i < number; ++i) insert(kept[i].key, kept[i].count);
  }
}

void Table::raise() {
  if (!frequent_.started()) {
    Frequent frequent;
    frequent.start(capacity_ / kTrackedShare);
    for (const Slot& slot : slots_) {
      if (slot.count != 0) frequent.seed(slot.key, slot.count);
    }
    frequent.seeded();
    std::swap(frequent_, frequent);
  }
  rebuild(homes_, kMore, level_ + 1);
}

void Table::read(uint64_t* keys, int64_t* counts) const {
  int64_t number = 0;
  for (const Slot& slot : slots_) {
    if (slot.count == 0) continue;
    int64_t at = number++;
    // In order but for those that had to make way: each is put before the larger ones that it came after.
    for (; at > 0 && keys[at - 1] > slot.key; --at) {
      keys[at] = keys[at - 1];
      counts[at] = counts[at - 1];
    }
    keys[at] = slot.key;
    counts[at] = slot.count;
  }
}

}  // namespace relucid
