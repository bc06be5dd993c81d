// The loop of probes over units in blocks, for the vectors of one instruction set.
#pragma once

#include "kernels.h"
#include "probe_kernel.h"

namespace relucid {
namespace {

// Extremes and counts of the units of one vector.
template <class L>
struct SeenOfBlock : Seen<L> {
  typename L::Counts active;
  typename L::Mask unordered;
};

// Some positions side by side. `lanes` hold values, those `of_units` are units.
template <class L, bool kStore, bool kKeys, int kPositions>
__attribute__((always_inline)) inline void see_block(const BlocksOfUnits& tile, const float* z, float* h,
                                                     uint64_t* sums, const uint64_t* choices, int shift,
                                                     typename L::Head lanes, typename L::Head of_units,
                                                     SeenOfBlock<L>& seen) {
  using Reg = typename L::Reg;
  const Reg threshold = L::all(static_cast<float>(tile.threshold)), zero = L::all(0);
  Reg shifted[kPositions];
  for (int i = 0; i < kPositions; ++i) {
    const Reg raw = L::load(z + i * tile.block, lanes);
    __builtin_prefetch(z + (i + kAhead) * tile.block);
    if (kStore) L::store(h + i * tile.block, L::max(zero, raw), lanes);
    shifted[i] = L::sub(raw, threshold);
    seen.see(shifted[i]);
    const auto on = L::within(of_units, L::positive(shifted[i]));
    seen.active = L::add(seen.active, on);
    if (kKeys) {
      const unsigned bits = L::bits(on) << shift;
      uint64_t sum = sums[i] + choices[bits % kChoices];
      if (L::kLanes > kChoice) sum += choices[kChoices + bits / kChoices];
      sums[i] = sum;
    }
  }
  for (int i = 0; i < kPositions; i += 2) {
    const auto unordered = L::unordered(shifted[i], shifted[i + 1 < kPositions ? i + 1 : i]);
    seen.unordered = L::either(seen.unordered, L::within(of_units, unordered));
  }
}

// A block, vector by vector; where the block is the shorter one, the rest of the vector is unused.
template <class L, bool kStore, bool kKeys>
Tally blocks(const BlocksOfUnits& tile) {
  constexpr float kInfinity = __builtin_inff();
  constexpr int kLanes = L::kLanes, kAtOnce = L::kRows;
  const int64_t step = tile.block < kLanes ? tile.block : kLanes;
  const auto lanes = L::head(static_cast<int>(step));
  static constexpr int32_t kNone[kLanes] = {};
  Tally tally{0, true};
  for (int64_t at = 0; kKeys && at < tile.positions; ++at) tile.sums[at] = 0;
  for (int64_t unit = 0; unit < (tile.units + tile.block - 1) / tile.block * tile.block; unit += step) {
    const int64_t left = tile.units - unit;
    const int count = static_cast<int>(left < 0 ? 0 : left < step ? left : step);
    const auto of_units = L::head(count);
    const ptrdiff_t from = unit / tile.block * tile.stride + unit % tile.block;
    const float* z = static_cast<const float*>(tile.z) + from;
    float* h = kStore ? static_cast<float*>(tile.h) + from : nullptr;
    const uint64_t* const choices = kKeys ? tile.choices + unit / kChoice * kChoices : nullptr;
    const int shift = static_cast<int>(unit % kChoice);
    SeenOfBlock<L> seen;
    seen.low = L::all(kInfinity);
    seen.high = L::all(-kInfinity);
    seen.active = L::load_counts(kNone);
    seen.unordered = L::none();
    int64_t at = 0;
    for (; at + kAtOnce <= tile.positions; at += kAtOnce) {
      see_block<L, kStore, kKeys, kAtOnce>(tile, z + at * tile.block, kStore ? h + at * tile.block : nullptr,
                                           tile.sums + at, choices, shift, lanes, of_units, seen);
    }
    for (; at < tile.positions; ++at) {
      see_block<L, kStore, kKeys, 1>(tile, z + at * tile.block, kStore ? h + at * tile.block : nullptr, tile.sums + at,
                                     choices, shift, lanes, of_units, seen);
    }
    tally.finite &= !L::any(seen.unordered);
    float low[kLanes], high[kLanes];
    int32_t active[kLanes];
    L::store_real(low, seen.low);
    L::store_real(high, seen.high);
    L::store_counts(active, seen.active);
    float* const lows = static_cast<float*>(tile.extents.low) + unit;
    float* const highs = static_cast<float*>(tile.extents.high) + unit;
    for (int i = 0; i < count; ++i) {
      lows[i] = low[i] < lows[i] ? low[i] : lows[i];
      highs[i] = high[i] > highs[i] ? high[i] : highs[i];
      tile.extents.active[unit + i] += active[i];
      tally.active += active[i];
      tally.finite &= low[i] != -kInfinity && high[i] != kInfinity;
    }
  }
  return tally;
}

}  // namespace
}  // namespace relucid
