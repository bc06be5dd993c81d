// Rows of a tap, of any type and layout, centred and packed for products in float.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"
#include "probe.h"

namespace relucid {

// Room for the rows that are multiplied at once, and their sums.
class Buffer {
 public:
  // Of `size(width)` floats; the width is in whole panels.
  Buffer(float* memory, int64_t width);

  static constexpr int64_t size(int64_t width) { return width * (kPanelRows + 1); }

  const Packed& packed() const { return packed_; }
  void add_sums(double* to, int64_t width) const;  // and set them back to 0
  void add_squares(int64_t rows, double* to) const;
  void count_equal(int64_t rows, const float* what, int32_t* to) const;  // values of each unit

 private:
  int64_t width_;
  Packed packed_;
};

class Packing {
 public:
  Packing(const Tap& tap, double threshold, bool rectify, const Host& host);

  int64_t rows() const { return rows_; }
  int64_t units() const { return units_; }

  // What is packed is (value - centre) * scale; the scale is a power of two.
  double centre(int64_t unit) const { return centre_[static_cast<size_t>(unit)]; }
  double scale(int64_t unit) const { return scale_[static_cast<size_t>(unit)]; }

  // Whether there are units that are 0 in many rows; their centre is 0 then.
  bool often_zero() const { return often_zero_; }

  // Packs rows from `first` on, the units before `units` of each; their sums are added to those there.
  void pack(int64_t first, int64_t rows, int64_t units, const Packed& to) const;

  // Scales by the largest value there is instead of the spread of some; only products of finite values then are finite.
  // For rows in so many separate parts.
  void scale_by_largest(int64_t step);

 private:
  void find_centre(const Buffer& buffer);
  void set_centre(int64_t unit, double centre);
  void set_scale(int64_t unit, double size);
  void pack_rows(int64_t first, int64_t rows, int64_t units, const Packed& to) const;
  void pack_planes(int64_t first, int64_t rows, int64_t units, const Packed& to) const;
  void pack_blocks(int64_t first, int64_t rows, int64_t units, const Packed& to) const;
  template <class Value>
  void pack_one_by_one(int64_t first, int64_t rows, int64_t units, const Packed& to) const;
  int64_t offset(int64_t row) const;
  double value(int64_t row, int64_t unit) const;
  Centre in_float() const;

  const Tap& tap_;
  const int64_t units_, positions_, rows_;
  const double threshold_, floor_;
  std::vector<int64_t> offsets_;  // of each unit
  // Of whole panels; floats each, unless the values are double.
  std::vector<double> centre_, scale_;
  std::vector<float> centre_in_float_, scale_in_float_;
  bool often_zero_ = false;
};

}  // namespace relucid
