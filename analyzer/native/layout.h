// The address of the value of each (sample, position, unit) of a tap: its axes, permuted without a copy.
#pragma once

#include <cstdint>
#include <vector>

namespace relucid {

// One loop over memory: so many steps of so many elements.
struct Loop {
  int64_t count;
  int64_t stride;
};

// Loops one inside the other, the outermost first.
struct Loops {
  std::vector<Loop> loops;  // none of one step; neighbours that walk through memory evenly are one

  void inside(Loop loop);  // adds a loop within those there
  int64_t count() const;
  int64_t offset(int64_t number) const;  // of the element with this number
};

// Channels as the runtime keeps them for convolutions: (sample, channel / size, positions, size), in memory under the
// shape (sample, channel, positions), where the channels are filled up to whole blocks.
struct Blocks {
  int64_t size;      // 0 if the values are not in blocks
  int64_t channels;  // without padding
};

// As analyzer/runtime/tap_axes.py arranges a tap whose sample axis is as long as the batch: positions are all axes but
// those of samples and units, in their order; with `every_position` units are all axes but that of samples.
struct Layout {
  Loop samples;
  Loops positions;
  Loops units;
  Blocks blocks;

  int64_t unit_count() const { return blocks.size == 0 ? units.count() : blocks.channels; }
  bool units_adjoin() const;      // a row of units is one piece of memory
  bool positions_adjoin() const;  // the innermost loop over positions walks through one piece of memory
  int64_t size() const { return samples.count * positions.count() * units.count(); }  // with what fills blocks up
};

struct Axes {
  int64_t sample;
  int64_t unit;
  bool every_position;
  Blocks blocks;
};

// Throws Refused where the axes do not fit the shape, or nothing is there.
Layout arrange(const std::vector<int64_t>& shape, const Axes& axes);

}  // namespace relucid
