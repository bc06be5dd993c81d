// Products of rows that are packed, of each unit in the way that is cheaper: of all rows, or of those where it is not
// 0.
#pragma once

#include <cstdint>

#include "host.h"
#include "packing.h"

namespace relucid {

class Products {
 public:
  // For so many tasks that may run at the same time.
  Products(const Packing& packing, int64_t tasks, const Host& host);

  // Of units from `first` to `last`, whole strips, as the kernels do. The rows after the last may be overwritten.
  void gather(int64_t task, float* packed, int64_t rows, int64_t first, int64_t last, double* to, bool add) const;

 private:
  bool few(const uint64_t* marks, int64_t rows) const;

  const int64_t width_;
  const bool some_;                // whether there may be units of which only some rows are multiplied
  const Scratch<uint64_t> marks_;  // (task, part, unit)
  const Scratch<int32_t> units_;   // (task, way, unit)
  const Scratch<float> room_;      // (task, unit, kMostSpan)
};

}  // namespace relucid
