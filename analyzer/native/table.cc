// Open addressing by buckets, in the order of the keys.
#include "table.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace relucid {
namespace {

constexpr int64_t kTrackedShare = 4;  // as TRACKED_SHARE of stats/patterns.py
constexpr int64_t kAtOnce = 64;       // keys whose places are on their way from memory at the same time
constexpr size_t kMore = 16;          // buckets behind the last home
constexpr size_t kMoved = 64;         // buckets emptied at once

// So many that one place in five stays free.
size_t homes_for(int64_t keys) { return static_cast<size_t>(keys) * 5 / (4 * kKeys) + 1; }

size_t home_of(uint64_t key, int level, size_t homes) {
  const uint64_t place = key << level % 64;  // at level 64 the one key is 0
  return static_cast<size_t>(static_cast<unsigned __int128>(place) * homes >> 64);
}

// Empties buckets, the last first, as memory is walked through. Gives how many keys there were.
size_t take_out(Bucket* begin, Bucket* end, uint64_t* keys, uint64_t* again) {
  size_t number = 0;
  while (end > begin) {
    --end;
    for (unsigned i = 0; i < kKeys; ++i) {
      keys[number + i] = end->words[i];
      again[number + i] = end->again(i);
    }
    number += end->used();
    end->words[kKeys] = 0;
  }
  return number;
}

// Drops keys past the last. Gives how many are left.
size_t keep(uint64_t last, uint64_t* keys, uint64_t* again, size_t number) {
  size_t kept = 0;
  for (size_t i = 0; i < number; ++i) {
    keys[kept] = keys[i];
    again[kept] = again[i];
    kept += keys[i] <= last;
  }
  return kept;
}

}  // namespace

Table::Table(int64_t capacity)
    : capacity_(capacity), homes_(homes_for(kAtOnce)), end_(homes_ + kMore), slots_(end_) {}

void Table::add(const uint64_t* keys, int64_t count) {
  for (int64_t first = 0; first < count; first += kAtOnce) add_some(keys + first, std::min(kAtOnce, count - first));
}

void Table::add_some(const uint64_t* keys, int64_t count) {
  if (homes_for(used_ + count) > homes_) {
    rebuild(homes_for(std::min(2 * used_, capacity_) + kAtOnce), level_, last_);
  }
  uint64_t kept[kAtOnce];
  size_t places[kAtOnce];
  int64_t number = 0;
  for (int64_t i = 0; i < count; ++i) {
    kept[number] = keys[i];
    places[number] = home_of(keys[i], level_, homes_);
    number += sampled(keys[i]);
  }
  for (int64_t i = 0; i < number; ++i) __builtin_prefetch(slots_.begin() + places[i], 1);
  if (frequent_.started()) {
    for (int64_t i = 0; i < count; ++i) frequent_.prefetch(keys[i]);
    for (int64_t i = 0; i < count; ++i) frequent_.add(keys[i]);
  }
  insert(kept, places, number);
  total_ += count;
  while (used_ > capacity_) raise();
}

// In rounds, each for the keys that found their bucket full: which do cannot be foreseen, and a wrong guess costs more
// than all else.
void Table::insert(uint64_t* keys, size_t* places, int64_t count) {
  for (size_t round = 0; count > 0; ++round) {
    reach(homes_ + round);
    Bucket* buckets = slots_.begin();
    int64_t number = 0, fresh = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t key = keys[i];
      const size_t place = places[i];
      Bucket& bucket = buckets[place];
      const unsigned at = find(bucket.words, key);
      if (at < bucket.used()) {
        if (bucket.add(at)) beyond_[key] += Bucket::kWrap;
        continue;
      }
      const unsigned fits = bucket.take(key);
      fresh += fits;
      keys[number] = key;
      places[number] = place + 1;
      number += 1 - fits;
    }
    used_ += fresh;
    count = number;
    for (int64_t i = 0; i < count; ++i) __builtin_prefetch(buckets + places[i], 1);
  }
}

// Makes sure that the buckets before `end` are there.
void Table::reach(size_t end) {
  if (end <= end_) return;
  end += kMore;
  if (end > slots_.size()) {
    Slots wider(end);
    std::memcpy(static_cast<void*>(wider.begin()), slots_.begin(), end_ * sizeof(Bucket));
    slots_.swap(wider);
  }
  end_ = end;
}

// To more homes, or to a higher level: either way no key's home index decreases, so that the last buckets can move
// first, within the same memory. Keys that were displaced follow full buckets, and are taken out together with
// them: otherwise they would be put among buckets that are still to be taken out.
void Table::rebuild(size_t homes, int level, uint64_t last) {
  size_t end = end_;
  reach(homes);
  homes_ = homes;
  level_ = level;
  last_ = last;
  used_ = 0;
  std::vector<uint64_t> keys, again;
  while (end > 0) {
    Bucket* buckets = slots_.begin();
    size_t begin = end - std::min(end, kMoved);
    while (begin > 0 && buckets[begin - 1].full()) --begin;
    keys.resize((end - begin) * kKeys);
    again.resize(keys.size());
    size_t number = take_out(buckets + begin, buckets + end, keys.data(), again.data());
    if (level > 0) number = keep(last, keys.data(), again.data(), number);
    for (size_t i = 0; i < number; ++i) {
      size_t place = home_of(keys[i], level, homes);
      for (; buckets[place].full(); buckets = slots_.begin()) reach(++place + 1);
      buckets[place].take(keys[i], again[i]);
    }
    used_ += static_cast<int64_t>(number);
    end = begin;
  }
}

void Table::raise() {
  if (!frequent_.started()) {
    Frequent frequent;
    frequent.start(capacity_ / kTrackedShare);
    for (size_t at = 0; at < end_; ++at) {
      const Bucket& bucket = slots_.begin()[at];
      for (unsigned i = 0; i < bucket.used(); ++i) {
        const auto more = beyond_.find(bucket.words[i]);
        frequent.seed(bucket.words[i], bucket.count(i) + (more == beyond_.end() ? 0 : more->second));
      }
    }
    frequent.seeded();
    std::swap(frequent_, frequent);
  }
  rebuild(homes_, level_ + 1, last_ >> 1);
  for (auto more = beyond_.begin(); more != beyond_.end();) more = sampled(more->first) ? ++more : beyond_.erase(more);
}

void Table::read(uint64_t* keys, int64_t* counts) const {
  int64_t number = 0;
  for (size_t place = 0; place < end_; ++place) {
    const Bucket& bucket = slots_.begin()[place];
    for (unsigned i = 0; i < bucket.used(); ++i) {
      const uint64_t key = bucket.words[i];
      int64_t at = number++;
      // In order except for those of the same bucket and those that were displaced.
      for (; at > 0 && keys[at - 1] > key; --at) {
        keys[at] = keys[at - 1];
        counts[at] = counts[at - 1];
      }
      keys[at] = key;
      counts[at] = bucket.count(i);
    }
  }
  for (const auto& [key, more] : beyond_) counts[std::lower_bound(keys, keys + number, key) - keys] += more;
}

}  // namespace relucid
