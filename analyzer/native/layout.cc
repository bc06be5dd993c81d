// A shape and the axes of samples and units, made into loops.
#include "layout.h"

#include <string>

#include "refused.h"

namespace relucid {
namespace {

std::string told(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (const int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + (shape.size() == 1 ? ",)" : ")");
}

int64_t within(int64_t axis, const std::vector<int64_t>& shape, const char* name) {
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < -rank || axis >= rank) {
    throw Refused(std::string(name) + " " + std::to_string(axis) + " is not an axis of values of shape " + told(shape));
  }
  return axis < 0 ? axis + rank : axis;
}

}  // namespace

void Loops::inside(Loop loop) {
  if (loop.count == 1) return;
  if (!loops.empty() && loops.back().stride == loop.count * loop.stride) {
    loops.back() = {loops.back().count * loop.count, loop.stride};
  } else {
    loops.push_back(loop);
  }
}

int64_t Loops::count() const {
  int64_t product = 1;
  for (const Loop& loop : loops) product *= loop.count;
  return product;
}

int64_t Loops::offset(int64_t number) const {
  int64_t sum = 0;
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    sum += number % loop->count * loop->stride;
    number /= loop->count;
  }
  return sum;
}

bool Layout::units_adjoin() const {
  return units.loops.empty() || (units.loops.size() == 1 && units.loops[0].stride == 1);
}

bool Layout::positions_adjoin() const { return !positions.loops.empty() && positions.loops.back().stride == 1; }

Layout arrange(const std::vector<int64_t>& shape, const Axes& axes) {
  const int64_t sample = within(axes.sample, shape, "sample_axis");
  const int64_t unit = within(axes.unit, shape, "unit_axis");
  if (sample == unit) {
    throw Refused("sample_axis and unit_axis are both axis " + std::to_string(unit) + " of values of shape " +
                  told(shape) + "; they must differ");
  }
  const int64_t block = axes.blocks.size, channels = axes.blocks.channels;
  if (block != 0 && ((block != 8 && block != 16) || sample != 0 || unit != 1 || axes.every_position || shape[1] % block != 0 ||
                     channels <= shape[1] - block || channels > shape[1])) {
    throw Refused(std::to_string(channels) + " channels in blocks of " + std::to_string(block) +
                  " are not what values of shape " + told(shape) + " hold");
  }
  std::vector<int64_t> strides(shape.size());
  int64_t step = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] <= 0) throw Refused("values of shape " + told(shape) + " are empty; none of its axes may be");
    strides[axis] = step;
    if (__builtin_mul_overflow(step, shape[axis], &step))
      throw Refused("values of shape " + told(shape) + " are too many");
  }
  Layout layout{{shape[sample], strides[sample]}, {}, {}, axes.blocks};
  if (block != 0) {
    const int64_t positions = strides[1];
    layout.positions.inside({positions, block});
    layout.units.inside({shape[1] / block, positions * block});
    layout.units.inside({block, 1});
    return layout;
  }
  for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
    if (axis == sample) continue;
    Loops& loops = axes.every_position || axis == unit ? layout.units : layout.positions;
    loops.inside({shape[axis], strides[axis]});
  }
  return layout;
}

}  // namespace relucid
