// Mean and co-moments of all units of a tap: what a covariance is made of.
#pragma once

#include "probe.h"

namespace relucid {

// Numbers on and under the diagonal of a square.
constexpr int64_t in_triangle(int64_t side) { return side * (side + 1) / 2; }

// Of the values h - threshold, or with `rectify` of max(h - threshold, 0): mean (unit), and m2, the sum over rows of
// (h - mean)(h - mean)^T on and under the diagonal, row after row. Either may be null. Throws where memory runs out.
void comoment(const Tap& tap, double threshold, bool rectify, double* mean, double* m2, const Host& host);

}  // namespace relucid
