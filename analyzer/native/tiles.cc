// Units in planes (channels first) or in blocks (channels as the runtime keeps them): a task goes through tiles of
// positions that adjoin, and in each through all units.
#include <functional>

#include "job.h"

namespace relucid {
namespace {

// Sees the positions from some element on, so many; where the sums of words go, and the extents.
using Look = std::function<Tally(int64_t, int64_t, uint64_t*, const Extents&)>;

// Of positions of which so many adjoin.
void see_tiles(Job& job, int64_t inner, const Look& look) {
  constexpr int64_t kTilePositions = 2048;  // their sums of words stay in the first cache
  const int64_t tiles_of_inner = (inner + kTilePositions - 1) / kTilePositions;
  const int64_t inners_of_sample = job.positions / inner;
  const int64_t tiles = job.layout.samples.count * inners_of_sample * tiles_of_inner;
  const int64_t parts = std::min(job.parts_wanted(), tiles);
  UnitsSeen seen(job.host, parts, job.units, job.tap.type);
  job.host.run(parts, [&](int64_t part) {
    const Extents extents = seen.part(part, 0, job.units);
    alignas(64) uint64_t sums[kTilePositions + kPad];
    for (int64_t tile = begin_of(part, parts, tiles); tile < begin_of(part + 1, parts, tiles); ++tile) {
      const int64_t sample = tile / tiles_of_inner / inners_of_sample;
      const int64_t begin = begin_of(tile % tiles_of_inner, tiles_of_inner, inner);
      const int64_t end = begin_of(tile % tiles_of_inner + 1, tiles_of_inner, inner);
      const int64_t position = tile / tiles_of_inner % inners_of_sample * inner + begin;
      const int64_t offset = sample * job.layout.samples.stride + job.layout.positions.offset(position);
      const Tally tally = look(offset, end - begin, sums, extents);
      job.samples.add(sample, tally.active, tally.finite);
      if (job.words != nullptr) job.tell_keys(sample * job.positions + position, end - begin, sums);
    }
  });
  seen.tell(job.to.low, job.to.high, job.to.active);
}

}  // namespace

void see_planes(Job& job) {
  const int64_t stride = job.layout.units.loops.empty() ? 0 : job.layout.units.loops[0].stride;
  const auto kernel = kernels().planes[static_cast<int>(job.tap.type)][job.to.h != nullptr][job.words != nullptr];
  see_tiles(job, job.layout.positions.loops.back().count,
            [&](int64_t offset, int64_t positions, uint64_t* sums, const Extents& extents) {
              return kernel({job.z(offset), job.h(offset), stride, job.units, positions, job.threshold,
                             job.words_from(0), sums, extents});
            });
}

void see_blocks(Job& job) {
  const int64_t block = job.layout.blocks.size, stride = job.positions * block;
  const uint64_t* const choices = job.words == nullptr ? nullptr : job.words->choices.get();
  const auto kernel = kernels().blocks[job.to.h != nullptr][job.words != nullptr];
  see_tiles(job, job.positions, [&](int64_t offset, int64_t positions, uint64_t* sums, const Extents& extents) {
    return kernel({job.z(offset), job.h(offset), stride, block, job.units, positions, job.threshold, choices, sums,
                   extents});
  });
}

}  // namespace relucid
