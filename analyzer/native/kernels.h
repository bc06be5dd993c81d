// The innermost loops, compiled once for each instruction set; chosen when first asked for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes.h"

namespace relucid {

// What a tile of planes held, all its units together.
struct Tally {
  int64_t active;
  bool finite;
};

// The extents of units so far: smallest and largest z, of type float (double for Float64), and how often z > 0.
// Each array is `padded` to whole vectors.
struct Extents {
  void* low;
  void* high;
  int32_t* active;
};

// Units in planes: a tile of positions that adjoin, of every unit.
struct Planes {
  const void* z;
  void* h;           // max(z, 0) goes there, laid out as z; may be z itself
  ptrdiff_t stride;  // elements from unit to unit
  int64_t units;
  int64_t positions;
  double threshold;
  const uint64_t* words;
  uint64_t* sums;  // (position) of the words of active units; `kPad` longer
  Extents extents;
};

// Units in rows: some (sample, position), in each of which the units adjoin.
struct Rows {
  const void* const* z;
  void* const* h;
  int64_t rows;
  int64_t units;
  double threshold;
  const uint64_t* words;
  uint64_t* sums;   // (row)
  int64_t* active;  // (row) number of active units
  bool* finite;     // (row)
  Extents extents;
};

// Units in blocks, as the runtime keeps channels: a tile of positions, in each of which the units of a block adjoin.
struct BlocksOfUnits {
  const void* z;
  void* h;           // also receives the padding of a block
  ptrdiff_t stride;  // elements from block to block
  int64_t block;     // units in a block; the last may hold fewer
  int64_t units;
  int64_t positions;
  double threshold;
  const uint64_t* choices;  // Words::choices
  uint64_t* sums;           // (position) of the words of active units
  Extents extents;
};

// What is multiplied: (max(z - threshold, floor) - of) * scale.
struct Centre {
  const float* of;     // (unit), as long as whole panels; where no unit is, what makes 0 of z = 0
  const float* scale;  // (unit)
  float threshold;
  float floor;  // 0, or -infinity where nothing is rectified
};

// Centred values on their way into products: in panels of so many units, each a row after the other.
constexpr int64_t kPanel = 32;
constexpr int64_t kPanelRows = 256;
constexpr int64_t kPartRows = 64;  // of a sum in float: so few, lest it lose digits
constexpr int64_t kParts = kPanelRows / kPartRows;
constexpr int64_t kStrip = 8;       // units that are multiplied at once
constexpr int64_t kMarkedRows = 4;  // where only some rows are multiplied: so many of them at once,
constexpr int64_t kMostSpan = 128;  // one unit with so many at most
constexpr int64_t in_panels(int64_t units) { return (units + kPanel - 1) / kPanel * kPanel; }
constexpr int64_t in_strips(int64_t units) { return (units + kStrip - 1) / kStrip * kStrip; }

struct Packed {
  float* values;  // (panel, kPanelRows, kPanel)
  float* sums;    // (unit) of all rows; added to
};

struct Kernels {
  const char* name;
  // By type, whether h is written, whether sums are.
  Tally (*planes[kTypes][2][2])(const Planes&);
  void (*rows[kTypes][2][2])(const Rows&);
  Tally (*blocks[2][2])(const BlocksOfUnits&);  // of floats
  int64_t lanes;                                // floats in a vector
  // Keys of patterns, from the sums of the words of their active units.
  void (*keys)(const uint64_t* sums, int64_t count, uint64_t salt, uint64_t* to);
  // Centre rows of so many units, and append them after the first `at` rows that are packed.
  void (*pack_rows)(const float* const* z, int64_t rows, int64_t units, const Centre&, const Packed&, int64_t at);
  void (*pack_planes)(const float* z, ptrdiff_t stride, int64_t positions, int64_t units, const Centre&, const Packed&,
                      int64_t at);
  // The block is a whole number of vectors.
  void (*pack_blocks)(const float* z, ptrdiff_t stride, int64_t block, int64_t positions, int64_t units, const Centre&,
                      const Packed&, int64_t at);
  // Of units by their numbers, in ascending order and whole strips of them, the sums over rows of their products with
  // all units up to themselves; `to` (unit, width) is overwritten, or with `add` added to. What follows a unit in
  // its row may be anything.
  void (*square)(const float* packed, int64_t rows, const int32_t* units, int64_t count, double* to, int64_t width,
                 bool add);
  // In which rows of a panel units are not 0, a bit each: (part, width). Some rows in which a unit is 0 are marked too,
  // until kMarkedRows divide their number; so many rows there must be, if only of zeros.
  void (*mark)(const float* panel, int64_t rows, uint64_t* marks, int64_t width);
  // As `square`, of however many units, and of each only the rows that are marked; `room` is for kMostSpan floats a
  // unit.
  void (*square_marked)(const float* packed, int64_t rows, const uint64_t* marks, const int32_t* units, int64_t count,
                        float* room, double* to, int64_t width, bool add);
};

const Kernels& plain_kernels();
#if defined(__x86_64__)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

// The best the processor has, unless `choose_kernels` said another.
const Kernels& kernels();

// Take the kernels of this name from now on; false where the processor has none such.
bool choose_kernels(const char* name);

}  // namespace relucid
