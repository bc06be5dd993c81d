// What all ways through a tap, by planes, by rows and by blocks, share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels.h"
#include "probe.h"
#include "seen.h"

namespace relucid {

struct Job {
  const Tap& tap;
  const double threshold;
  const Words* const words;
  const Probed& to;
  const Host& host;

  const Layout& layout = tap.layout;
  const int64_t bytes = size_of(tap.type);
  const int64_t units = layout.unit_count();
  const int64_t positions = layout.positions.count();
  const int64_t rows = layout.samples.count * positions;
  SamplesSeen samples{layout.samples.count};

  const void* z(int64_t offset) const { return static_cast<const char*>(tap.z) + offset * bytes; }
  void* h(int64_t offset) const { return to.h == nullptr ? nullptr : static_cast<char*>(to.h) + offset * bytes; }
  const uint64_t* words_from(int64_t unit) const { return words == nullptr ? nullptr : words->of.get() + unit; }
  void tell_keys(int64_t row, int64_t count, const uint64_t* sums) const {
    kernels().keys(sums, count, words->salt, to.keys + row);
  }

  // How many tasks are worth while.
  int64_t tasks_wanted() const {
    constexpr int64_t kTaskBytes = 128 * 1024, kMostTasks = 64;
    return std::clamp<int64_t>(layout.size() * bytes / kTaskBytes, 1, kMostTasks);
  }

  // The same where each task has extremes of all units, which should be small compared with what it reads, and where no
  // task counts beyond 32 bits.
  int64_t parts_wanted() const {
    constexpr int64_t kRowsOfPart = 24, kMostCounted = int64_t{1} << 30;
    return std::max(std::min(tasks_wanted(), std::max<int64_t>(rows / kRowsOfPart, 1)), rows / kMostCounted + 1);
  }
};

void see_planes(Job& job);
void see_rows(Job& job);
void see_blocks(Job& job);

}  // namespace relucid
