// Which way is cheaper, by how many values of a unit are not 0.
#include "products.h"

#include <algorithm>
#include <numeric>

#include "kernels.h"

namespace relucid {
namespace {

// The rows that are left cost more each, since they are read for one unit alone; and more still where a unit is
// multiplied with few others.
constexpr int64_t kMostInTenths = 6;
constexpr int64_t kLeastUnits = 96;

}  // namespace

Products::Products(const Packing& packing, int64_t tasks, const Host& host)
    : width_(in_panels(packing.units())),
      some_(packing.often_zero() && packing.units() > kLeastUnits),
      marks_(host, some_ ? tasks * kParts * width_ : 0),
      units_(host, tasks * 2 * width_),
      room_(host, some_ ? tasks * width_ * kMostSpan : 0) {}

// Of one unit.
bool Products::few(const uint64_t* marks, int64_t rows) const {
  int64_t marked = 0;
  for (int64_t row = 0; row < rows; row += kPartRows, marks += width_) marked += __builtin_popcountll(*marks);
  return marked * 10 <= rows * kMostInTenths;
}

void Products::gather(int64_t task, float* packed, int64_t rows, int64_t first, int64_t last, double* to,
                      bool add) const {
  int32_t* const dense = units_.get() + task * 2 * width_;
  const int64_t least = some_ ? std::clamp(kLeastUnits, first, last) : last;
  std::iota(dense, dense + (least - first), static_cast<int32_t>(first));
  int64_t count = least - first;
  if (least == last) return kernels().square(packed, rows, dense, count, to, width_, add);

  const int64_t end = (rows + kMarkedRows - 1) / kMarkedRows * kMarkedRows;
  for (int64_t panel = 0; rows < end && panel < in_panels(last); panel += kPanel) {
    float* const values = packed + panel * kPanelRows;
    std::fill(values + rows * kPanel, values + end * kPanel, 0.0f);
  }
  uint64_t* const marks = marks_.get() + task * kParts * width_;
  for (int64_t panel = least / kPanel * kPanel; panel < last; panel += kPanel)
    kernels().mark(packed + panel * kPanelRows, end, marks + panel, width_);
  int32_t* const sparse = dense + width_;
  int64_t others = 0;
  for (int64_t unit = least; unit < last; ++unit) {
    if (few(marks + unit, rows)) {
      sparse[others++] = static_cast<int32_t>(unit);
    } else {
      dense[count++] = static_cast<int32_t>(unit);
    }
  }
  while (count % kStrip != 0) dense[count++] = sparse[--others];  // all together are whole strips
  std::sort(dense, dense + count);
  kernels().square(packed, rows, dense, count, to, width_, add);
  float* const room = room_.get() + task * width_ * kMostSpan;
  kernels().square_marked(packed, rows, marks, sparse, others, room, to, width_, add);
}

}  // namespace relucid
