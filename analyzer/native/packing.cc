// Four ways to pack: floats in rows, in planes or in blocks, and anything else number by number.
#include "packing.h"

#include <algorithm>

#include "halves.h"

namespace relucid {

Buffer::Buffer(float* memory, int64_t width) : width_(width), packed_{memory, memory + width * kPanelRows} {
  std::fill(packed_.sums, packed_.sums + width, 0.0f);
}

void Buffer::add_sums(double* to, int64_t width) const {
  for (int64_t unit = 0; unit < width; ++unit) {
    to[unit] += packed_.sums[unit];
    packed_.sums[unit] = 0;
  }
}

void Buffer::add_squares(int64_t rows, double* to) const {
  for (int64_t panel = 0; panel < width_; panel += kPanel) {
    const float* values = packed_.values + panel * kPanelRows;
    for (int64_t row = 0; row < rows; ++row, values += kPanel) {
      for (int64_t i = 0; i < kPanel; ++i) to[panel + i] += static_cast<double>(values[i]) * values[i];
    }
  }
}

void Buffer::count_equal(int64_t rows, const float* what, int32_t* to) const {
  for (int64_t panel = 0; panel < width_; panel += kPanel) {
    const float* values = packed_.values + panel * kPanelRows;
    for (int64_t row = 0; row < rows; ++row, values += kPanel) {
      for (int64_t i = 0; i < kPanel; ++i) to[panel + i] += values[i] == what[panel + i];
    }
  }
}

int64_t Packing::offset(int64_t row) const {
  return row / positions_ * tap_.layout.samples.stride + tap_.layout.positions.offset(row % positions_);
}

Centre Packing::in_float() const {
  return {centre_in_float_.data(), scale_in_float_.data(), static_cast<float>(threshold_), static_cast<float>(floor_)};
}

void Packing::pack(int64_t first, int64_t rows, int64_t units, const Packed& to) const {
  const Layout& layout = tap_.layout;
  switch (tap_.type) {
    case Type::kFloat32:
      if (layout.blocks.size != 0 && layout.blocks.size % kernels().lanes == 0) {
        return pack_blocks(first, rows, units, to);
      }
      if (layout.units_adjoin()) return pack_rows(first, rows, units, to);
      if (layout.positions_adjoin() && layout.units.loops.size() == 1) return pack_planes(first, rows, units, to);
      return pack_one_by_one<float>(first, rows, units, to);
    case Type::kFloat64:
      return pack_one_by_one<double>(first, rows, units, to);
    case Type::kFloat16:
      return pack_one_by_one<Float16>(first, rows, units, to);
    case Type::kBFloat16:
      return pack_one_by_one<BFloat16>(first, rows, units, to);
  }
}

void Packing::pack_rows(int64_t first, int64_t rows, int64_t units, const Packed& to) const {
  const float* from[kPanelRows];
  for (int64_t row = 0; row < rows; ++row) from[row] = static_cast<const float*>(tap_.z) + offset(first + row);
  kernels().pack_rows(from, rows, units, in_float(), to, 0);
}

void Packing::pack_planes(int64_t first, int64_t rows, int64_t units, const Packed& to) const {
  const int64_t inner = tap_.layout.positions.loops.back().count, stride = tap_.layout.units.loops[0].stride;
  for (int64_t row = 0; row < rows;) {
    const int64_t count = std::min(rows - row, inner - (first + row) % positions_ % inner);
    const float* from = static_cast<const float*>(tap_.z) + offset(first + row);
    kernels().pack_planes(from, stride, count, units, in_float(), to, row);
    row += count;
  }
}

void Packing::pack_blocks(int64_t first, int64_t rows, int64_t units, const Packed& to) const {
  const int64_t block = tap_.layout.blocks.size, stride = positions_ * block;
  for (int64_t row = 0; row < rows;) {
    const int64_t count = std::min(rows - row, positions_ - (first + row) % positions_);
    const float* from = static_cast<const float*>(tap_.z) + offset(first + row);
    kernels().pack_blocks(from, stride, block, count, units, in_float(), to, row);
    row += count;
  }
}

template <class Value>
void Packing::pack_one_by_one(int64_t first, int64_t rows, int64_t units, const Packed& to) const {
  using Real = decltype(widen(Value{}));
  const auto threshold = static_cast<Real>(threshold_), floor = static_cast<Real>(floor_);
  constexpr int64_t kRows = 8;  // of a sum in float; then such sums are added
  for (int64_t start = 0; start < rows; start += kRows) {
    const int64_t count = std::min(kRows, rows - start);
    const Value* from[kRows];
    for (int64_t row = 0; row < count; ++row)
      from[row] = static_cast<const Value*>(tap_.z) + offset(first + start + row);
    for (int64_t panel = 0; panel < units; panel += kPanel) {
      float sums[kPanel] = {};
      float* values = to.values + panel * kPanelRows + start * kPanel;
      for (int64_t row = 0; row < count; ++row, values += kPanel) {
        for (int64_t i = 0; i < kPanel; ++i) {
          const auto at = static_cast<size_t>(panel + i);
          const Real z = panel + i < units ? widen(from[row][offsets_[at]]) : Real{0};
          const Real h = std::max(static_cast<Real>(z - threshold), floor);
          values[i] = static_cast<float>((h - static_cast<Real>(centre_[at])) * static_cast<Real>(scale_[at]));
          sums[i] += values[i];
        }
      }
      for (int64_t i = 0; i < kPanel; ++i) to.sums[panel + i] += sums[i];
    }
  }
}

}  // namespace relucid
