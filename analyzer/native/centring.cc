// By what the values of each unit are centred and scaled, so that products in float neither cancel nor overflow.
#include <algorithm>
#include <cmath>
#include <limits>

#include "halves.h"
#include "packing.h"

namespace relucid {
namespace {

constexpr int64_t kSpots = 8;
constexpr int64_t kRowsOfSpot = 16;

// The power of two not above a positive number.
double power_under(double number) { return std::exp2(std::floor(std::log2(number))); }

// Whether a unit is to be centred at 0, so that its products where it is 0 need not be made. With this share p of zeros
// its variance is at least p / (1 - p) of its squared mean, hence its mean square at most 1 / p variances: no more
// cancels. But not where it is nearly the same wherever it is not 0: the same rounding would be repeated over and over.
bool best_at_zero(double share, double mean, double spread) {
  constexpr double kShare = 0.4, kSpread = 0.6;  // the latter of what is not 0, by the measure of its mean
  return share >= kShare && (spread * spread + mean * mean) * (1 - share) >= (1 + kSpread * kSpread) * mean * mean;
}

}  // namespace

Packing::Packing(const Tap& tap, double threshold, bool rectify, const Host& host)
    : tap_(tap),
      units_(tap.layout.unit_count()),
      positions_(tap.layout.positions.count()),
      rows_(tap.layout.samples.count * positions_),
      threshold_(threshold),
      floor_(rectify ? 0 : -std::numeric_limits<double>::infinity()),
      offsets_(static_cast<size_t>(units_)),
      centre_(static_cast<size_t>(in_panels(units_))),
      scale_(centre_.size(), 1.0),
      centre_in_float_(centre_.size()),
      scale_in_float_(centre_.size(), 1.0f) {
  for (int64_t unit = 0; unit < units_; ++unit) offsets_[static_cast<size_t>(unit)] = tap.layout.units.offset(unit);
  const Scratch<float> memory(host, Buffer::size(in_panels(units_)));
  find_centre(Buffer(memory.get(), in_panels(units_)));
}

void Packing::set_centre(int64_t unit, double centre) {
  const auto at = static_cast<size_t>(unit);
  centre_in_float_[at] = static_cast<float>(centre);
  centre_[at] = tap_.type == Type::kFloat64 ? centre : centre_in_float_[at];
}

// To values of this size, as far as the powers go whose inverses are numbers too.
void Packing::set_scale(int64_t unit, double size) {
  const auto at = static_cast<size_t>(unit);
  const double most = tap_.type == Type::kFloat64 ? 0x1p1000 : 0x1p126;
  scale_[at] = 1 / std::clamp(power_under(size), 1 / most, most);
  scale_in_float_[at] = static_cast<float>(scale_[at]);
}

double Packing::value(int64_t row, int64_t unit) const {
  const int64_t at = offset(row) + offsets_[static_cast<size_t>(unit)];
  const auto threshold = static_cast<float>(threshold_), floor = static_cast<float>(floor_);
  switch (tap_.type) {
    case Type::kFloat32:
      return std::max(static_cast<const float*>(tap_.z)[at] - threshold, floor);
    case Type::kFloat16:
      return std::max(widen(static_cast<const Float16*>(tap_.z)[at]) - threshold, floor);
    case Type::kBFloat16:
      return std::max(widen(static_cast<const BFloat16*>(tap_.z)[at]) - threshold, floor);
    case Type::kFloat64:
      break;
  }
  return std::max(static_cast<const double*>(tap_.z)[at] - threshold_, floor_);
}

// First by the first row, from which the others differ by so little that float holds it; then by the mean of some.
void Packing::find_centre(const Buffer& buffer) {
  for (int64_t unit = 0; unit < in_panels(units_); ++unit) {
    set_centre(unit, unit < units_ ? value(0, unit) : std::max(-threshold_, floor_));
  }
  if (tap_.type == Type::kFloat64) scale_by_largest(rows_ / kRowsOfSpot / kSpots + 1);
  const int64_t spots = std::clamp<int64_t>(rows_ / kRowsOfSpot, 1, kSpots);
  std::vector<double> squares(centre_.size(), 0.0);
  std::vector<float> zero(centre_.size());
  std::vector<int32_t> zeros(centre_.size(), 0);
  for (size_t at = 0; at < zero.size(); ++at) zero[at] = static_cast<float>(-centre_[at] * scale_[at]);
  int64_t seen = 0;
  for (int64_t spot = 0; spot < spots; ++spot) {
    const int64_t first = begin_of(spot, spots, rows_);
    const int64_t count = std::min(kRowsOfSpot, begin_of(spot + 1, spots, rows_) - first);
    pack(first, count, units_, buffer.packed());
    buffer.add_squares(count, squares.data());
    buffer.count_equal(count, zero.data(), zeros.data());
    seen += count;
  }
  for (int64_t unit = 0; unit < units_; ++unit) {
    const auto at = static_cast<size_t>(unit);
    const double offset = buffer.packed().sums[unit] / static_cast<double>(seen);
    const double variance = squares[at] / static_cast<double>(seen) - offset * offset;
    if (!(variance > 0)) {
      if (centre_[at] != 0) set_scale(unit, std::abs(centre_[at]));
      continue;
    }
    const double spread = std::sqrt(variance) / scale_[at];
    const double mean = centre_[at] + offset / scale_[at];
    if (best_at_zero(zeros[at] / static_cast<double>(seen), mean, spread)) {
      set_centre(unit, 0);
      often_zero_ = true;
    } else {
      // A centre of few digits, by the measure of the spread. Where many values are equal, as zeros are after a ReLU,
      // so few digits are in their products too that the same rounding is not repeated over and over.
      const double grid = power_under(spread) / 2;
      set_centre(unit, std::nearbyint(mean / grid) * grid);
    }
    set_scale(unit, spread);
  }
}

void Packing::scale_by_largest(int64_t step) {
  for (int64_t unit = 0; unit < units_; ++unit) {
    double largest = 0;
    for (int64_t row = 0; row < rows_; row += step)
      largest = std::max(largest, std::abs(value(row, unit) - centre(unit)));
    if (largest > 0) set_scale(unit, largest);
  }
}

}  // namespace relucid
