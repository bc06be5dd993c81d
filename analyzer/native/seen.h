// Results of the tasks of a probe for units and for samples, and how they are combined.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "host.h"
#include "kernels.h"

namespace relucid {

// Extremes of all units, separate for each part of the rows, so that tasks never wait for one another.
class UnitsSeen {
 public:
  UnitsSeen(const Host& host, int64_t parts, int64_t units, Type type);

  // The arrays of a part from some unit on, emptied up to `units` further on; a part is used by one task a unit.
  Extents part(int64_t number, int64_t unit, int64_t units);

  // Any may be null. Low and high are double of double values, else float.
  void tell(void* low, void* high, int64_t* active) const;

 private:
  template <class Real>
  void tell_as(Real* low, Real* high) const;

  int64_t parts_, units_, stride_;
  bool doubles_;
  Scratch<double> low_, high_;  // floats where the values are not double
  Scratch<int32_t> active_;
};

// How many units are active in each sample, at all its positions, and whether its values are finite.
class SamplesSeen {
 public:
  explicit SamplesSeen(int64_t samples);

  void add(int64_t sample, int64_t active, bool finite) {
    active_[sample].fetch_add(active, std::memory_order_relaxed);
    if (!finite) spoilt_[sample].store(true, std::memory_order_relaxed);
  }

  // Any may be null; `all` is how many units there are at all positions together.
  void tell(int64_t all, bool* dead, bool* linear, bool* finite) const;

 private:
  int64_t samples_;
  std::unique_ptr<std::atomic<int64_t>[]> active_;
  std::unique_ptr<std::atomic<bool>[]> spoilt_;
};

}  // namespace relucid
