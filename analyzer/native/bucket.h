// Seven keys in one cache line, each with the number of its occurrences.
#pragma once

#include <cstdint>

namespace relucid {

constexpr unsigned kKeys = 7;

// Which of seven keys is this one; 7 if none. Without a branch, since which it is cannot be foreseen: where the compiler
// sees what is asked of the answer, it branches after all.
inline unsigned find(const uint64_t* keys, uint64_t key) {
  unsigned at = kKeys;
  for (unsigned i = kKeys; i-- > 0;) at = keys[i] == key ? i : at;
  asm("" : "+r"(at));
  return at;
}

// All zeros is empty. The keys in use are the first ones; the entries after them have no meaning.
struct alignas(64) Bucket {
  static constexpr int64_t kWrap = 256;  // occurrences of a key after which the bucket's count restarts at 0

  uint64_t words[kKeys + 1];  // the keys; in the last, a byte for each occurrence after its first, and one for `used`

  unsigned used() const { return static_cast<unsigned>(words[kKeys] >> 8 * kKeys); }
  bool full() const { return used() == kKeys; }
  uint64_t again(unsigned i) const { return words[kKeys] >> 8 * i & 255; }
  int64_t count(unsigned i) const { return 1 + static_cast<int64_t>(again(i)); }

  // Counts key i once more; true if its count restarts.
  bool add(unsigned i) {
    const uint64_t most = uint64_t{255} << 8 * i;
    const bool wraps = (words[kKeys] & most) == most;
    words[kKeys] += wraps ? -most : uint64_t{1} << 8 * i;
    return wraps;
  }

  // Takes a new key; 0 if the bucket was full, else 1. Without a branch, for the same reason.
  unsigned take(uint64_t key, uint64_t again = 0) {
    const uint64_t counts = words[kKeys];
    const unsigned at = used(), fits = full() ? 0 : 1;
    words[at] = key;  // overwrites the counts if it is full; they are restored
    words[kKeys] = counts + (again << 8 * at) + (uint64_t{fits} << 8 * kKeys);
    return fits;
  }
};

}  // namespace relucid
