// The loops of co-moments, for the vectors of one instruction set.
#pragma once

#include "kernels.h"

namespace relucid {
namespace {

template <class L>
struct Centring {
  typename L::Reg threshold, floor, centre, scale;

  typename L::Reg operator()(typename L::Reg z) const {
    return L::mul(L::sub(L::max(floor, L::sub(z, threshold)), centre), scale);
  }
};

template <class L>
void pack_rows(const float* const* z, int64_t rows, int64_t units, const Centre& centre, const Packed& to, int64_t at) {
  constexpr int kLanes = L::kLanes;
  constexpr int64_t kRows = 8;  // read side by side, each from its begin to its end
  Centring<L> centred{L::all(centre.threshold), L::all(centre.floor), {}, {}};
  for (int64_t first = 0; first < rows; first += kRows) {
    const int64_t end = first + kRows < rows ? first + kRows : rows;
    for (int64_t unit = 0; unit < in_strips(units); unit += kLanes) {
      centred.centre = L::load_real(centre.of + unit);
      centred.scale = L::load_real(centre.scale + unit);
      float* const out = to.values + unit / kPanel * kPanel * kPanelRows + at * kPanel + unit % kPanel;
      auto sum = L::all(0);
      const int64_t left = units - unit;
      for (int64_t row = first; row < end; ++row) {
        const float* from = z[row] + unit;
        if (row + kRows < rows) __builtin_prefetch(z[row + kRows] + unit);
        const auto raw = left >= kLanes ? L::load(from)
                         : left > 0     ? L::load(from, L::head(static_cast<int>(left)))
                                        : L::all(0);
        const auto value = centred(raw);
        sum = L::add(sum, value);
        L::store_real(out + row * kPanel, value);
      }
      L::store_real(to.sums + unit, L::add(L::load_real(to.sums + unit), sum));
    }
  }
}

template <class L>
void pack_planes(const float* z, ptrdiff_t stride, int64_t positions, int64_t units, const Centre& centre,
                 const Packed& to, int64_t at) {
  constexpr int kLanes = L::kLanes;
  Centring<L> centred{L::all(centre.threshold), L::all(centre.floor), {}, {}};
  for (int64_t unit = 0; unit < in_strips(units); unit += kLanes) {
    centred.centre = L::load_real(centre.of + unit);
    centred.scale = L::load_real(centre.scale + unit);
    float* out = to.values + unit / kPanel * kPanel * kPanelRows + at * kPanel + unit % kPanel;
    auto sums = L::load_real(to.sums + unit);
    for (int64_t position = 0; position < positions; position += kLanes) {
      const int64_t count = positions - position < kLanes ? positions - position : kLanes;
      const auto head = L::head(static_cast<int>(count));
      typename L::Reg block[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        const float* from = z + (unit + i) * stride + position;
        block[i] = unit + i >= units ? L::all(0) : count == kLanes ? L::load(from) : L::load(from, head);
      }
      L::transpose(block);
      auto sum = L::all(0);
      for (int i = 0; i < kLanes; ++i) {
        if (i >= count) break;
        const auto value = centred(block[i]);
        sum = L::add(sum, value);
        L::store_real(out + (position + i) * kPanel, value);
      }
      sums = L::add(sums, sum);
    }
    L::store_real(to.sums + unit, sums);
  }
}

template <class L>
void pack_blocks(const float* z, ptrdiff_t stride, int64_t block, int64_t positions, int64_t units,
                 const Centre& centre, const Packed& to, int64_t at) {
  constexpr int kLanes = L::kLanes;
  Centring<L> centred{L::all(centre.threshold), L::all(centre.floor), {}, {}};
  for (int64_t unit = 0; unit < in_strips(units); unit += kLanes) {
    centred.centre = L::load_real(centre.of + unit);
    centred.scale = L::load_real(centre.scale + unit);
    float* const out = to.values + unit / kPanel * kPanel * kPanelRows + at * kPanel + unit % kPanel;
    auto sums = L::load_real(to.sums + unit);
    const int64_t left = units - unit;
    const auto head = L::head(static_cast<int>(left < 0 ? 0 : left < kLanes ? left : kLanes));
    const float* const from = z + unit / block * stride + unit % block;
    for (int64_t first = 0; first < positions; first += kLanes) {
      const int64_t end = positions - first < kLanes ? positions : first + kLanes;
      auto sum = L::all(0);
      for (int64_t position = first; position < end; ++position) {
        const auto value = centred(left > 0 ? L::load(from + position * block, head) : L::all(0));
        __builtin_prefetch(from + (position + kAhead) * block);
        sum = L::add(sum, value);
        L::store_real(out + position * kPanel, value);
      }
      sums = L::add(sums, sum);
    }
    L::store_real(to.sums + unit, sums);
  }
}

// Doubles that so many vectors are soon to be added to.
template <class L, int kVectors>
void fetch_ahead(const double* to) {
  constexpr int kLine = 8;
  for (int j = 0; j < kVectors * L::kLanes; j += kLine) __builtin_prefetch(to + j, 1);
}

// A tile of products, kept in registers over some rows, and hence inlined: some units by some vectors of units.
template <class L, int kUnits, int kVectors>
__attribute__((always_inline)) inline void multiply_some(const float* const (&left)[kUnits], const float* right,
                                                         int64_t first, int64_t last,
                                                         typename L::Reg (&sum)[kUnits][kVectors]) {
  for (int i = 0; i < kUnits; ++i) {
    for (int j = 0; j < kVectors; ++j) sum[i][j] = L::all(0);
  }
  for (int64_t at = first * kPanel; at < last * kPanel; at += kPanel) {
    typename L::Reg values[kVectors];
    for (int j = 0; j < kVectors; ++j) values[j] = L::load_real(right + at + j * L::kLanes);
    for (int i = 0; i < kUnits; ++i) {
      const auto own = L::all(left[i][at]);
      for (int j = 0; j < kVectors; ++j) sum[i][j] = L::fma(own, values[j], sum[i][j]);
    }
  }
}

// The same of all rows, in parts of kPartRows, since the error of a sum in float grows with its length.
template <class L, int kUnits, int kVectors>
void multiply(const float* packed, int64_t rows, const int32_t* units, int64_t column, double* to, int64_t width,
              bool add) {
  const float* left[kUnits];
  for (int i = 0; i < kUnits; ++i) {
    const int64_t unit = units[i];
    left[i] = packed + unit / kPanel * kPanel * kPanelRows + unit % kPanel;
    fetch_ahead<L, kVectors>(to + unit * width + column);
  }
  const float* const right = packed + column / kPanel * kPanel * kPanelRows + column % kPanel;
  typename L::Reg sum[kUnits][kVectors], part[kUnits][kVectors];
  multiply_some<L, kUnits, kVectors>(left, right, 0, rows < kPartRows ? rows : kPartRows, sum);
  for (int64_t row = kPartRows; row < rows; row += kPartRows) {
    const int64_t end = rows - row < kPartRows ? rows : row + kPartRows;
    multiply_some<L, kUnits, kVectors>(left, right, row, end, part);
    for (int i = 0; i < kUnits; ++i) {
      for (int j = 0; j < kVectors; ++j) sum[i][j] = L::add(sum[i][j], part[i][j]);
    }
  }
  for (int i = 0; i < kUnits; ++i) {
    double* const sums = to + units[i] * width + column;
    for (int j = 0; j < kVectors; ++j) L::add_to(sums + j * L::kLanes, sum[i][j], add);
  }
}

template <class L>
void square(const float* packed, int64_t rows, const int32_t* units, int64_t count, double* to, int64_t width,
            bool add) {
  constexpr int kUnits = L::kTileUnits, kVectors = L::kTileVectors;
  static_assert(kStrip % kUnits == 0);
  for (int64_t panel = 0; count > 0; panel += kPanel) {
    for (int64_t i = 0; i < count; i += kUnits) {
      const int64_t end = units[i + kUnits - 1] + 1 < panel + kPanel ? units[i + kUnits - 1] + 1 : panel + kPanel;
      int64_t column = panel;
      for (; end - column > (kVectors - 1) * L::kLanes; column += kVectors * L::kLanes) {
        multiply<L, kUnits, kVectors>(packed, rows, units + i, column, to, width, add);
      }
      for (; column < end; column += L::kLanes) {
        multiply<L, kUnits, 1>(packed, rows, units + i, column, to, width, add);
      }
    }
    for (; count > 0 && units[kUnits - 1] < panel + kPanel; count -= kUnits) units += kUnits;
  }
}

}  // namespace
}  // namespace relucid
