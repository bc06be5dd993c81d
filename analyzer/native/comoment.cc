// Co-moments in blocks: values centred by a provisional mean, multiplied in float, the products added up in double.
//
// With x = h - c, S = sum x and n rows: mean = c + S / n, m2 = sum x x^T - S S^T / n. With c the mean of some rows
// nothing cancels; of a unit that never changes c is its value, and m2 is exactly 0 there. Of a unit that is often 0 c
// is 0: little cancels, and many products need not be made.
#include "comoment.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "kernels.h"
#include "packing.h"
#include "products.h"

namespace relucid {
namespace {

constexpr int64_t kSquaresBytes = 4 << 20;  // of the sums of all parts of the rows together
constexpr int64_t kMostParts = 16;
constexpr int64_t kRowsOfPart = 4 * kPanelRows;

class Squares {
 public:
  Squares(const Packing& packing, const Host& host)
      : packing_(packing),
        host_(host),
        rows_(packing.rows()),
        width_(in_panels(packing.units())),
        parts_(
            std::clamp<int64_t>(std::min(kSquaresBytes / (width_ * width_ * 8), rows_ / kRowsOfPart), 1, kMostParts)),
        squares_(host, parts_ * width_ * width_),
        sums_(host, parts_ * width_) {}

  // Each task takes some rows and, of these, the products of some units with all before them.
  void gather() const {
    const int64_t strips = in_strips(packing_.units()) / kStrip;
    const int64_t groups = std::clamp<int64_t>(std::thread::hardware_concurrency() / parts_, 1, strips);
    const Scratch<float> buffers(host_, parts_ * groups * Buffer::size(width_));
    const Products products(packing_, parts_ * groups, host_);
    host_.run(parts_ * groups, [&](int64_t task) {
      const int64_t part = task / groups, group = task % groups;
      const int64_t first = bound(group, groups, strips), last = bound(group + 1, groups, strips);
      const Buffer buffer(buffers.get() + task * Buffer::size(width_), width_);
      double* const sums = sums_.get() + part * width_;
      if (group == groups - 1) std::fill(sums, sums + width_, 0.0);
      const int64_t begin = begin_of(part, parts_, rows_), end = begin_of(part + 1, parts_, rows_);
      for (int64_t row = begin; row < end; row += kPanelRows) {
        const int64_t count = std::min(kPanelRows, end - row);
        packing_.pack(row, count, std::min(last, packing_.units()), buffer.packed());
        products.gather(task, buffer.packed().values, count, first, last, squares_.get() + part * width_ * width_,
                        row != begin);
        if (group == groups - 1) buffer.add_sums(sums, width_);
      }
    });
  }

  bool finite() const {
    double sum = 0;
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t unit = 0; unit < packing_.units(); ++unit)
        sum += squares_.get()[(part * width_ + unit) * width_ + unit];
    }
    return std::isfinite(sum);
  }

  void tell(double* mean, double* m2) const {
    double* const sums = sums_.get();
    for (int64_t part = 1; part < parts_; ++part) {
      for (int64_t unit = 0; unit < width_; ++unit) sums[unit] += sums[part * width_ + unit];
    }
    const auto count = static_cast<double>(rows_);
    for (int64_t unit = 0; mean != nullptr && unit < packing_.units(); ++unit) {
      mean[unit] = packing_.centre(unit) + sums[unit] / count / packing_.scale(unit);
    }
    if (m2 == nullptr) return;
    std::vector<double> size(static_cast<size_t>(packing_.units()));
    for (int64_t unit = 0; unit < packing_.units(); ++unit) size[static_cast<size_t>(unit)] = 1 / packing_.scale(unit);
    host_.run(width_ / kPanel, [&](int64_t panel) {
      const int64_t end = std::min((panel + 1) * kPanel, packing_.units());
      for (int64_t unit = panel * kPanel; unit < end; ++unit) tell_row(unit, size.data(), m2);
    });
  }

 private:
  // Strips up to here hold an even share of the products, which grow with the square.
  static int64_t bound(int64_t group, int64_t groups, int64_t strips) {
    const double share = std::sqrt(static_cast<double>(group) / static_cast<double>(groups));
    return std::lround(share * static_cast<double>(strips)) * kStrip;
  }

  // The row of one unit, up to the diagonal; `size` holds the inverse scales.
  void tell_row(int64_t unit, const double* size, double* m2) const {
    const int64_t width = unit + 1;
    const double lack = sums_.get()[unit] / static_cast<double>(rows_), own = size[unit];
    const double* const sums = sums_.get();
    const double* const first = squares_.get() + unit * width_;
    double* const to = m2 + in_triangle(unit);
    for (int64_t j = 0; j < width; ++j) to[j] = first[j] - lack * sums[j];
    for (int64_t part = 1; part < parts_; ++part) {
      const double* const from = first + part * width_ * width_;
      for (int64_t j = 0; j < width; ++j) to[j] += from[j];
    }
    for (int64_t j = 0; j < width; ++j) to[j] *= own * size[j];
  }

  const Packing& packing_;
  const Host& host_;
  const int64_t rows_, width_, parts_;
  const Scratch<double> squares_;  // (part, unit, unit), of each unit up to itself
  const Scratch<double> sums_;     // (part, unit)
};

}  // namespace

void comoment(const Tap& tap, double threshold, bool rectify, double* mean, double* m2, const Host& host) {
  Packing packing(tap, threshold, rectify, host);
  const Squares squares(packing, host);
  squares.gather();
  if (!squares.finite()) {
    packing.scale_by_largest(1);
    squares.gather();
  }
  squares.tell(mean, m2);
}

}  // namespace relucid
