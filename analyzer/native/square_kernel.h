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
__attribute__((always_inline)) inline void multiply_some(const float* a, const float* b, int64_t rows,
                                                         typename L::Reg (&sum)[kUnits][kVectors]) {
  for (int i = 0; i < kUnits; ++i) {
    for (int j = 0; j < kVectors; ++j) sum[i][j] = L::all(0);
  }
  for (int64_t row = 0; row < rows; ++row, a += kPanel, b += kPanel) {
    typename L::Reg right[kVectors];
    for (int j = 0; j < kVectors; ++j) right[j] = L::load_real(b + j * L::kLanes);
    for (int i = 0; i < kUnits; ++i) {
      const auto left = L::all(a[i]);
      for (int j = 0; j < kVectors; ++j) sum[i][j] = L::fma(left, right[j], sum[i][j]);
    }
  }
}

// The same of all rows, in parts of kPartRows, since the error of a sum in float grows with its length.
template <class L, int kUnits, int kVectors>
void multiply(const float* a, const float* b, int64_t rows, double* to, int64_t width, bool add) {
  for (int i = 0; i < kUnits; ++i) fetch_ahead<L, kVectors>(to + i * width);
  typename L::Reg sum[kUnits][kVectors], part[kUnits][kVectors];
  multiply_some<L, kUnits, kVectors>(a, b, rows < kPartRows ? rows : kPartRows, sum);
  for (int64_t row = kPartRows; row < rows; row += kPartRows) {
    const int64_t count = rows - row < kPartRows ? rows - row : kPartRows;
    multiply_some<L, kUnits, kVectors>(a + row * kPanel, b + row * kPanel, count, part);
    for (int i = 0; i < kUnits; ++i) {
      for (int j = 0; j < kVectors; ++j) sum[i][j] = L::add(sum[i][j], part[i][j]);
    }
  }
  for (int i = 0; i < kUnits; ++i) {
    for (int j = 0; j < kVectors; ++j) L::add_to(to + i * width + j * L::kLanes, sum[i][j], add);
  }
}

template <class L>
void square(const float* packed, int64_t rows, int64_t first, int64_t last, double* to, int64_t width, bool add) {
  constexpr int kUnits = L::kTileUnits, kVectors = L::kTileVectors;
  constexpr int64_t kBlock = kPanel * kPanelRows;
  for (int64_t panel = 0; panel < in_panels(last); panel += kPanel) {
    const float* right = packed + panel / kPanel * kBlock;
    for (int64_t unit = first > panel ? first : panel; unit < last; unit += kUnits) {
      const float* left = packed + unit / kPanel * kBlock + unit % kPanel;
      const int64_t wanted = unit + kUnits - panel < kPanel ? unit + kUnits - panel : kPanel;
      int64_t column = 0;
      for (; wanted - column > (kVectors - 1) * L::kLanes; column += kVectors * L::kLanes) {
        multiply<L, kUnits, kVectors>(left, right + column, rows, to + unit * width + panel + column, width, add);
      }
      for (; column < wanted; column += L::kLanes) {
        multiply<L, kUnits, 1>(left, right + column, rows, to + unit * width + panel + column, width, add);
      }
    }
  }
}

}  // namespace
}  // namespace relucid
