// Units in blocks (channels as the runtime keeps them): a task goes through tiles of positions, and in each through all.
#include "job.h"

namespace relucid {

void see_blocks(Job& job) {
  constexpr int64_t kTilePositions = 2048;  // their sums of words stay in the first cache
  const int64_t block = job.layout.blocks.size;
  const int64_t tiles_of_sample = (job.positions + kTilePositions - 1) / kTilePositions;
  const int64_t tiles = job.layout.samples.count * tiles_of_sample;
  const int64_t parts = std::min(job.parts_wanted(), tiles);
  const auto kernel = kernels().blocks[job.to.h != nullptr][job.words != nullptr];
  UnitsSeen seen(job.host, parts, job.units, job.tap.type);
  job.host.run(parts, [&](int64_t part) {
    const Extents extents = seen.part(part, 0, job.units);
    uint64_t sums[kTilePositions];
    for (int64_t tile = begin_of(part, parts, tiles); tile < begin_of(part + 1, parts, tiles); ++tile) {
      const int64_t sample = tile / tiles_of_sample;
      const int64_t begin = begin_of(tile % tiles_of_sample, tiles_of_sample, job.positions);
      const int64_t end = begin_of(tile % tiles_of_sample + 1, tiles_of_sample, job.positions);
      const int64_t offset = sample * job.layout.samples.stride + begin * block;
      const Tally tally = kernel({job.z(offset), job.h(offset), job.positions * block, block, job.units, end - begin,
                                  job.threshold, job.words == nullptr ? nullptr : job.words->choices.get(), sums,
                                  extents});
      job.samples.add(sample, tally.active, tally.finite);
      if (job.words != nullptr) job.tell_keys(sample * job.positions + begin, end - begin, sums);
    }
  });
  seen.tell(job.to.low, job.to.high, job.to.active);
}

}  // namespace relucid
