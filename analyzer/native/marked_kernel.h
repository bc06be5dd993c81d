// Products of units that are 0 in many rows: of each only those rows are multiplied in which it is not.
//
// A span of columns over one part of the rows stays in the nearest cache while one unit after the other walks through
// its rows, its sums in registers.
#pragma once

#include "kernels.h"
#include "square_kernel.h"

namespace relucid {
namespace {

// With the lowest bits besides, until kMarkedRows divide their number.
inline uint64_t in_whole_steps(uint64_t bits) {
  int64_t lack = -__builtin_popcountll(bits) & (kMarkedRows - 1);
  for (int64_t i = 1; i < kMarkedRows; ++i, --lack) bits |= lack > 0 ? bits + 1 : 0;
  return bits;
}

inline void mark(const float* panel, int64_t rows, uint64_t* marks, int64_t width) {
  constexpr int64_t kHalf = 32;  // bits: as many as a float has, so that the loop over units is one of whole vectors
  for (int64_t row = 0; row < rows; row += kPartRows, marks += width) {
    uint32_t bits[2][kPanel] = {};
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t first = row + half * kHalf, left = rows - first, count = left < kHalf ? left : kHalf;
      for (int64_t i = 0; i < count; ++i) {
        const float* const values = panel + (first + i) * kPanel;
        const uint32_t bit = uint32_t{1} << i;
        for (int64_t unit = 0; unit < kPanel; ++unit) bits[half][unit] |= values[unit] != 0 ? bit : 0;
      }
    }
    for (int64_t unit = 0; unit < kPanel; ++unit)
      marks[unit] = in_whole_steps(bits[0][unit] | static_cast<uint64_t>(bits[1][unit]) << kHalf);
  }
}

// One part of the rows, and what is done with its sums: the parts are added in float, the last of them to the doubles.
struct Part {
  const float* values;    // packed, its first row
  const uint64_t* marks;  // (unit)
  bool first, last;
};

// The products of the lowest row that is marked, set or added; which rows are left.
template <class L, bool kAdd, int kVectors>
__attribute__((always_inline)) inline uint64_t multiply_row(uint64_t left, const float* own, const float* span,
                                                            typename L::Reg (&sum)[kVectors]) {
  constexpr int kOfPanel = kPanel / L::kLanes;
  const int64_t row = __builtin_ctzll(left) * kPanel;
  const auto value = L::all(own[row]);
  for (int j = 0; j < kVectors; ++j) {
    const auto right = L::load_real(span + row + j / kOfPanel * kPanel * kPanelRows + j % kOfPanel * L::kLanes);
    sum[j] = kAdd ? L::fma(value, right, sum[j]) : L::mul(value, right);
  }
  return left & (left - 1);
}

// Products of some units with so many vectors of units from `column` on.
template <class L, int kVectors>
void multiply_marked(const Part& part, int64_t column, const int32_t* units, int64_t count, float* room, double* to,
                     int64_t width, bool add) {
  const float* const span = part.values + column / kPanel * kPanel * kPanelRows;
  uint64_t next = count > 0 ? part.marks[units[0]] : 0;
  for (int64_t number = 0; number < count; ++number, room += kMostSpan) {
    const auto unit = static_cast<uint64_t>(units[number]);
    const float* const own = part.values + unit / kPanel * kPanel * kPanelRows + unit % kPanel;
    uint64_t left = next;
    if (number + 1 < count) next = part.marks[units[number + 1]];  // at hand when the rows of this one end
    if (part.last && number + 1 < count) fetch_ahead<L, kVectors>(to + units[number + 1] * width + column);
    typename L::Reg sum[kVectors], some[kVectors];
    for (int j = 0; j < kVectors; ++j) sum[j] = L::all(0);
    while (left != 0) {
      static_assert(kMarkedRows == 4);
      left = multiply_row<L, false>(left, own, span, some);
      left = multiply_row<L, true>(left, own, span, some);
      left = multiply_row<L, true>(left, own, span, some);
      left = multiply_row<L, true>(left, own, span, some);
      for (int j = 0; j < kVectors; ++j) sum[j] = L::add(sum[j], some[j]);
    }
    if (!part.first) {
      for (int j = 0; j < kVectors; ++j) sum[j] = L::add(sum[j], L::load_real(room + j * L::kLanes));
    }
    double* const sums = to + static_cast<int64_t>(unit) * width + column;
    if (part.last) {
      for (int j = 0; j < kVectors; ++j) L::add_to(sums + j * L::kLanes, sum[j], add);
    } else {
      for (int j = 0; j < kVectors; ++j) L::store_real(room + j * L::kLanes, sum[j]);
    }
  }
}

// The units one after the other by how many vectors of the span they need.
template <class L, int kVectors>
void multiply_span(const Part& part, int64_t column, const int32_t* units, int64_t count, float* room, double* to,
                   int64_t width, bool add) {
  if constexpr (kVectors == L::kSpanVectors) {
    multiply_marked<L, kVectors>(part, column, units, count, room, to, width, add);
  } else {
    int64_t some = 0;
    while (some < count && units[some] < column + kVectors * L::kLanes) ++some;
    multiply_marked<L, kVectors>(part, column, units, some, room, to, width, add);
    multiply_span<L, kVectors + 1>(part, column, units + some, count - some, room + some * kMostSpan, to, width, add);
  }
}

template <class L>
void square_marked(const float* packed, int64_t rows, const uint64_t* marks, const int32_t* units, int64_t count,
                   float* room, double* to, int64_t width, bool add) {
  constexpr int64_t kSpan = L::kSpanVectors * L::kLanes;
  static_assert(kSpan <= kMostSpan && kSpan % kPanel == 0);
  for (int64_t column = 0; count > 0; column += kSpan) {
    for (int64_t row = 0; row < rows; row += kPartRows) {
      const Part part{packed + row * kPanel, marks + row / kPartRows * width, row == 0, row + kPartRows >= rows};
      multiply_span<L, 1>(part, column, units, count, room, to, width, add);
    }
    for (; count > 0 && units[0] < column + kSpan; --count) ++units;
  }
}

}  // namespace
}  // namespace relucid
