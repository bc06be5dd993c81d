// Combines the parts of a tap: extremes of extremes, sums of counts.
#include "seen.h"

#include <limits>

namespace relucid {

UnitsSeen::UnitsSeen(const Host& host, int64_t parts, int64_t units, Type type)
    : parts_(parts),
      units_(units),
      stride_(padded(units)),
      doubles_(type == Type::kFloat64),
      low_(host, parts * stride_ / (doubles_ ? 1 : 2)),
      high_(host, parts * stride_ / (doubles_ ? 1 : 2)),
      active_(host, parts * stride_) {}

namespace {

template <class Real>
void empty(Real* low, Real* high, int64_t units) {
  for (int64_t unit = 0; unit < units; ++unit) {
    low[unit] = std::numeric_limits<Real>::infinity();
    high[unit] = -std::numeric_limits<Real>::infinity();
  }
}

}  // namespace

Extents UnitsSeen::part(int64_t number, int64_t unit, int64_t units) {
  const int64_t at = number * stride_ + unit;
  Extents extents{nullptr, nullptr, active_.get() + at};
  if (doubles_) {
    extents.low = low_.get() + at;
    extents.high = high_.get() + at;
    empty(static_cast<double*>(extents.low), static_cast<double*>(extents.high), padded(units));
  } else {
    extents.low = reinterpret_cast<float*>(low_.get()) + at;
    extents.high = reinterpret_cast<float*>(high_.get()) + at;
    empty(static_cast<float*>(extents.low), static_cast<float*>(extents.high), padded(units));
  }
  for (int64_t i = 0; i < padded(units); ++i) extents.active[i] = 0;
  return extents;
}

template <class Real>
void UnitsSeen::tell_as(Real* low, Real* high) const {
  const auto* lows = reinterpret_cast<const Real*>(low_.get());
  const auto* highs = reinterpret_cast<const Real*>(high_.get());
  for (int64_t unit = 0; low != nullptr && unit < units_; ++unit) low[unit] = lows[unit];
  for (int64_t unit = 0; high != nullptr && unit < units_; ++unit) high[unit] = highs[unit];
  for (int64_t part = 1; part < parts_; ++part) {
    lows += stride_;
    highs += stride_;
    for (int64_t unit = 0; low != nullptr && unit < units_; ++unit) {
      low[unit] = lows[unit] < low[unit] ? lows[unit] : low[unit];
    }
    for (int64_t unit = 0; high != nullptr && unit < units_; ++unit) {
      high[unit] = highs[unit] > high[unit] ? highs[unit] : high[unit];
    }
  }
}

void UnitsSeen::tell(void* low, void* high, int64_t* active) const {
  if (doubles_) {
    tell_as(static_cast<double*>(low), static_cast<double*>(high));
  } else {
    tell_as(static_cast<float*>(low), static_cast<float*>(high));
  }
  if (active == nullptr) return;
  for (int64_t unit = 0; unit < units_; ++unit) active[unit] = active_.get()[unit];
  for (int64_t part = 1; part < parts_; ++part) {
    for (int64_t unit = 0; unit < units_; ++unit) active[unit] += active_.get()[part * stride_ + unit];
  }
}

SamplesSeen::SamplesSeen(int64_t samples)
    : samples_(samples),
      active_(new std::atomic<int64_t>[static_cast<size_t>(samples)]),
      spoilt_(new std::atomic<bool>[static_cast<size_t>(samples)]) {
  for (int64_t sample = 0; sample < samples; ++sample) {
    active_[sample].store(0, std::memory_order_relaxed);
    spoilt_[sample].store(false, std::memory_order_relaxed);
  }
}

void SamplesSeen::tell(int64_t all, bool* dead, bool* linear, bool* finite) const {
  for (int64_t sample = 0; sample < samples_; ++sample) {
    const int64_t active = active_[sample].load(std::memory_order_relaxed);
    if (dead != nullptr) dead[sample] = active == 0;
    if (linear != nullptr) linear[sample] = active == all;
    if (finite != nullptr) finite[sample] = !spoilt_[sample].load(std::memory_order_relaxed);
  }
}

}  // namespace relucid
