// Cuts a tap into tiles, distributes the tiles as tasks, and combines the results of the tasks.
//
// Only counts, sums modulo 2^64 and extremes are combined: the result does not depend on how the tap was cut.
#include "probe.h"

#include "job.h"

namespace relucid {

void probe(const Tap& tap, double threshold, const Words* words, const Probed& to, const Host& host) {
  Job job{tap, threshold, words, to, host};
  if (job.layout.blocks.size != 0) {
    see_blocks(job);
  } else if (job.layout.positions_adjoin() && job.layout.units.loops.size() <= 1) {
    see_planes(job);
  } else {
    see_rows(job);
  }
  job.samples.tell(job.positions * job.units, to.dead, to.linear, to.finite);
}

}  // namespace relucid
