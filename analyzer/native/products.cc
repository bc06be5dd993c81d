// Which way is cheaper, by how many values of a strip are not 0.
#include "products.h"

#include <algorithm>

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
      units_(host, some_ ? tasks * width_ : 0),
      room_(host, some_ ? tasks * width_ * kMostSpan : 0) {}

bool Products::few(const uint64_t* marks, int64_t rows, int64_t strip) const {
  int64_t marked = 0;
  for (int64_t row = 0; row < rows; row += kPartRows, marks += width_) {
    for (int64_t unit = strip; unit < strip + kStrip; ++unit) marked += __builtin_popcountll(marks[unit]);
  }
  return marked * 10 <= rows * kStrip * kMostInTenths;
}

void Products::gather(int64_t task, float* packed, int64_t rows, int64_t first, int64_t last, double* to,
                      bool add) const {
  const auto multiply_wholly = [&](int64_t begin, int64_t end) {
    if (begin < end) kernels().square(packed, rows, begin, end, to, width_, add);
  };
  if (!some_) return multiply_wholly(first, last);
  const int64_t steps = (rows + kMarkedRows - 1) / kMarkedRows * kMarkedRows;
  for (int64_t panel = 0; rows < steps && panel < in_panels(last); panel += kPanel) {
    float* const values = packed + panel * kPanelRows;
    std::fill(values + rows * kPanel, values + steps * kPanel, 0.0f);
  }
  uint64_t* const marks = marks_.get() + task * kParts * width_;
  int32_t* const units = units_.get() + task * width_;
  int64_t count = 0, begin = first;
  const int64_t least = std::max(first, kLeastUnits);
  for (int64_t strip = least; strip < last; strip += kStrip) {
    const int64_t panel = strip / kPanel * kPanel;
    if (strip == least || strip == panel) kernels().mark(packed + panel * kPanelRows, steps, marks + panel, width_);
    if (!few(marks, rows, strip)) continue;
    multiply_wholly(begin, strip);
    begin = strip + kStrip;
    for (int64_t unit = strip; unit < begin; ++unit) units[count++] = static_cast<int32_t>(unit);
  }
  multiply_wholly(begin, last);
  kernels().square_marked(packed, rows, marks, units, count, room_.get() + task * width_ * kMostSpan, to, width_, add);
}

}  // namespace relucid
