// One pass over a tap: extents and activity of every unit, class of every sample, key of every pattern.
#pragma once

#include <cstdint>

#include "host.h"
#include "lanes.h"
#include "layout.h"
#include "words.h"

namespace relucid {

struct Tap {
  const void* z;
  Type type;
  Layout layout;
};

// Where the numbers go; null where one is not asked for.
struct Probed {
  void* h;          // max(z, 0), laid out as z
  void* low;        // (unit) float, of double values double
  void* high;       // (unit)
  int64_t* active;  // (unit)
  bool* dead;       // (sample)
  bool* linear;     // (sample)
  bool* finite;     // (sample)
  uint64_t* keys;   // (sample, position)
};

// The words are null where no keys are asked for. Throws where memory runs out.
void probe(const Tap& tap, double threshold, const Words* words, const Probed& to, const Host& host);

}  // namespace relucid
