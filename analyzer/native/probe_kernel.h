// The loops of the probes, for the vectors of one instruction set.
//
// The previous operator wrote what they read, and it has left the near caches by now. A loop does so much with each
// line of memory that the processor's own prefetching does not reach far enough: each line is prefetched well before it
// is read, mostly by one step of the outer loop, which halves the time.
#pragma once

#include "kernels.h"
#include "mixing.h"

namespace relucid {
namespace {

void keys(const uint64_t* sums, int64_t count, uint64_t salt, uint64_t* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = mix64(salt + sums[i]);
}

template <class L>
struct Seen {
  typename L::Reg low, high;

  void see(typename L::Reg z) {
    low = L::min(z, low);
    high = L::max(z, high);
  }
  // Of the first lanes only.
  void see(typename L::Reg z, typename L::Head head) {
    low = L::min(L::where(head, z, low), low);
    high = L::max(L::where(head, z, high), high);
  }
};

// Some planes side by side, so that the sums of words are loaded and stored once for all of them.
template <class L, bool kStore, bool kKeys, int kUnits>
void see_planes(const Planes& tile, int64_t unit, Tally& tally) {
  using Value = typename L::Value;
  using Real = typename L::Real;
  using Reg = typename L::Reg;
  using Mask = typename L::Mask;
  const Value* z[kUnits];
  Value* h[kUnits];
  constexpr Real kInfinity = static_cast<Real>(__builtin_inf());
  Seen<L> seen[kUnits];
  typename L::Sums words[kUnits];
  int64_t active[kUnits];
  for (int i = 0; i < kUnits; ++i) {
    z[i] = static_cast<const Value*>(tile.z) + (unit + i) * tile.stride;
    if (kStore) h[i] = static_cast<Value*>(tile.h) + (unit + i) * tile.stride;
    if (kKeys) words[i] = L::every(tile.words[unit + i]);
    seen[i].low = L::all(kInfinity);
    seen[i].high = L::all(-kInfinity);
    active[i] = 0;
  }
  const Reg threshold = L::all(static_cast<Real>(tile.threshold)), zero = L::all(0);
  Mask unordered = L::none();
  int64_t at = 0;
  for (; at + L::kLanes <= tile.positions; at += L::kLanes) {
    Reg shifted[kUnits];
    auto sums = kKeys ? L::load_sums(tile.sums + at) : L::zero();
    for (int i = 0; i < kUnits; ++i) {
      const Reg raw = L::load(z[i] + at);
      __builtin_prefetch(z[i] + at + L::kUnits * tile.stride);
      if (kStore) L::store(h[i] + at, L::max(zero, raw));
      shifted[i] = L::sub(raw, threshold);
      seen[i].see(shifted[i]);
      const Mask on = L::positive(shifted[i]);
      active[i] += L::count(on);
      if (kKeys) sums = L::add(sums, on, words[i]);
    }
    for (int i = 0; i < kUnits; i += 2) {
      unordered = L::either(unordered, L::unordered(shifted[i], shifted[i + 1 < kUnits ? i + 1 : i]));
    }
    if (kKeys) L::store_sums(tile.sums + at, sums);
  }
  if (at < tile.positions) {
    const auto head = L::head(static_cast<int>(tile.positions - at));
    auto sums = kKeys ? L::load_sums(tile.sums + at) : L::zero();
    for (int i = 0; i < kUnits; ++i) {
      const Reg raw = L::load(z[i] + at, head);
      if (kStore) L::store(h[i] + at, L::max(zero, raw), head);
      const Reg shifted = L::sub(raw, threshold);
      seen[i].see(shifted, head);
      const Mask on = L::within(head, L::positive(shifted));
      active[i] += L::count(on);
      if (kKeys) sums = L::add(sums, on, words[i]);
      unordered = L::either(unordered, L::unordered(shifted, shifted));
    }
    if (kKeys) L::store_sums(tile.sums + at, sums);
  }
  tally.finite &= !L::any(unordered);
  for (int i = 0; i < kUnits; ++i) {
    Real& low = static_cast<Real*>(tile.extents.low)[unit + i];
    Real& high = static_cast<Real*>(tile.extents.high)[unit + i];
    const Real least = L::least(seen[i].low), most = L::most(seen[i].high);
    low = least < low ? least : low;
    high = most > high ? most : high;
    tile.extents.active[unit + i] += static_cast<int32_t>(active[i]);
    tally.active += active[i];
    tally.finite &= least != -kInfinity && most != kInfinity;
  }
}

template <class L, bool kStore, bool kKeys>
Tally planes(const Planes& tile) {
  Tally tally{0, true};
  if (kKeys) {
    for (int64_t at = 0; at < tile.positions; ++at) tile.sums[at] = 0;
  }
  int64_t unit = 0;
  for (; unit + L::kUnits <= tile.units; unit += L::kUnits) see_planes<L, kStore, kKeys, L::kUnits>(tile, unit, tally);
  for (; unit < tile.units; ++unit) see_planes<L, kStore, kKeys, 1>(tile, unit, tally);
  return tally;
}

// Some rows side by side, so that extents and words are loaded and stored once for all of them.
template <class L, bool kStore, bool kKeys, int kRows>
void see_rows(const Rows& tile, int64_t row) {
  using Value = typename L::Value;
  using Real = typename L::Real;
  using Reg = typename L::Reg;
  using Mask = typename L::Mask;
  const Value* z[kRows];
  Value* h[kRows];
  typename L::Sums sums[kRows];
  Reg spoilt[kRows];
  int64_t active[kRows];
  for (int i = 0; i < kRows; ++i) {
    z[i] = static_cast<const Value*>(tile.z[row + i]);
    if (kStore) h[i] = static_cast<Value*>(tile.h[row + i]);
    sums[i] = L::zero();
    spoilt[i] = L::all(0);
    active[i] = 0;
  }
  Real* const lows = static_cast<Real*>(tile.extents.low);
  Real* const highs = static_cast<Real*>(tile.extents.high);
  const Reg threshold = L::all(static_cast<Real>(tile.threshold)), zero = L::all(0);
  const auto see = [&](int64_t unit, auto whole, typename L::Head head) {
    Seen<L> seen;
    seen.low = L::load_real(lows + unit);
    seen.high = L::load_real(highs + unit);
    auto counts = L::load_counts(tile.extents.active + unit);
    const auto words = kKeys ? L::load_sums(tile.words + unit) : L::zero();
    for (int i = 0; i < kRows; ++i) {
      const Reg raw = whole ? L::load(z[i] + unit) : L::load(z[i] + unit, head);
      __builtin_prefetch(z[i] + unit + kRows * tile.units);
      if (kStore && whole) L::store(h[i] + unit, L::max(zero, raw));
      if (kStore && !whole) L::store(h[i] + unit, L::max(zero, raw), head);
      const Reg shifted = L::sub(raw, threshold);
      seen.see(shifted);
      spoilt[i] = L::fma(shifted, zero, spoilt[i]);  // 0, but NaN for ever once there was a NaN or an infinity
      const Mask on = whole ? L::positive(shifted) : L::within(head, L::positive(shifted));
      counts = L::add(counts, on);
      active[i] += L::count(on);
      if (kKeys) sums[i] = L::add(sums[i], on, words);
    }
    L::store_real(lows + unit, seen.low);
    L::store_real(highs + unit, seen.high);
    L::store_counts(tile.extents.active + unit, counts);
  };
  struct Yes {
    constexpr operator bool() const { return true; }
  };
  struct No {
    constexpr operator bool() const { return false; }
  };
  int64_t unit = 0;
  for (; unit + L::kLanes <= tile.units; unit += L::kLanes) see(unit, Yes{}, L::head(0));
  if (unit < tile.units) see(unit, No{}, L::head(static_cast<int>(tile.units - unit)));
  for (int i = 0; i < kRows; ++i) {
    if (kKeys) tile.sums[row + i] = L::total(sums[i]);
    tile.active[row + i] = active[i];
    tile.finite[row + i] = !L::any(L::unordered(spoilt[i], spoilt[i]));
  }
}

template <class L, bool kStore, bool kKeys>
void rows(const Rows& tile) {
  int64_t row = 0;
  for (; row + L::kRows <= tile.rows; row += L::kRows) see_rows<L, kStore, kKeys, L::kRows>(tile, row);
  for (; row < tile.rows; ++row) see_rows<L, kStore, kKeys, 1>(tile, row);
}

}  // namespace
}  // namespace relucid
