// The random words that pattern keys are sums of, exactly as analyzer/stats/keys.py makes them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "mixing.h"

namespace relucid {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;
constexpr int64_t kWordBits = 64;

// Word `number` (from 1) of the stream of a seed.
inline uint64_t stream(uint64_t seed, uint64_t number) { return mix64(mix64(seed) + number * kGolden); }

// What makes the keys of patterns of some number of units: key = mix64(salt + sum of the words of the active units).
// Up to 64 units a word is one bit, so that the key is a bijection of the signs.
struct Words {
  uint64_t salt = 0;
  int64_t units = 0;
  std::unique_ptr<uint64_t[]> of;  // one a unit, then zeros up to a whole vector
  // (unit / kChoice, which of these units are active) sums of their words; null where they were not asked for
  std::unique_ptr<uint64_t[]> choices;
};

// Caches the words of the last number of units: they are the same in every run of a node, nearly always.
class WordsOfSeed {
 public:
  explicit WordsOfSeed(int64_t seed) : seed_(static_cast<uint64_t>(seed)) {}
  std::shared_ptr<const Words> get(int64_t units, bool choices);

 private:
  uint64_t seed_;
  std::mutex lock_;
  std::shared_ptr<const Words> last_;
};

}  // namespace relucid
