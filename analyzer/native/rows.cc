// Units in rows (channels last): a task goes through rows, or through a piece of each row where units are many.
#include <memory>
#include <vector>

#include "job.h"

namespace relucid {
namespace {

constexpr int64_t kTileRows = 64;
constexpr int64_t kUnitsOfPiece = 4096;
constexpr int64_t kTurnedBytes = 64 * 1024;
constexpr int64_t kMostAtOnce = int64_t{1} << 30;

// Copies rows whose units are scattered in memory into contiguous memory.
class Turned {
 public:
  explicit Turned(const Job& job) : job_(job), offsets_(static_cast<size_t>(job.units)) {
    for (int64_t unit = 0; unit < job.units; ++unit)
      offsets_[static_cast<size_t>(unit)] = job.layout.units.offset(unit);
  }

  void copy(int64_t offset, int64_t unit, int64_t units, char* to) const {
    if (job_.bytes == 8) copy_as<uint64_t>(offset, unit, units, to);
    if (job_.bytes == 4) copy_as<uint32_t>(offset, unit, units, to);
    if (job_.bytes == 2) copy_as<uint16_t>(offset, unit, units, to);
  }

 private:
  template <class Bits>
  void copy_as(int64_t offset, int64_t unit, int64_t units, char* to) const {
    const Bits* from = static_cast<const Bits*>(job_.z(offset));
    for (int64_t i = 0; i < units; ++i) reinterpret_cast<Bits*>(to)[i] = from[offsets_[static_cast<size_t>(unit + i)]];
  }

  const Job& job_;
  std::vector<int64_t> offsets_;
};

// Computes only h = max(z, 0), in the layout of the tap.
void rectify(const Job& job) {
  const int64_t size = job.layout.size(), tasks = std::max(job.tasks_wanted(), size / kMostAtOnce + 1);
  const auto kernel = kernels().planes[static_cast<int>(job.tap.type)][true][false];
  job.host.run(tasks, [&](int64_t task) {
    const int64_t begin = begin_of(task, tasks, size), end = begin_of(task + 1, tasks, size);
    double low = 0, high = 0;
    int32_t active = 0;
    kernel({job.z(begin), job.h(begin), 0, 1, end - begin, 0, nullptr, nullptr, {&low, &high, &active}});
  });
}

}  // namespace

void see_rows(Job& job) {
  const bool turns = !job.layout.units_adjoin();
  const int64_t parts = job.parts_wanted();
  // The sums of the pieces of a row are added up once all are there.
  const int64_t blocks = (job.units + kPad - 1) / kPad;
  const int64_t pieces = std::clamp<int64_t>(job.tasks_wanted() / parts, 1, blocks * kPad / kUnitsOfPiece + 1);
  const bool writes = job.to.h != nullptr && !turns;
  const auto kernel = kernels().rows[static_cast<int>(job.tap.type)][writes][job.words != nullptr];
  UnitsSeen seen(job.host, parts, job.units, job.tap.type);
  const std::unique_ptr<Turned> turned(turns ? new Turned(job) : nullptr);
  const bool sums_apart = pieces > 1 && job.words != nullptr;
  const Scratch<uint64_t> sums_of(job.host, sums_apart ? pieces * job.rows : 0);
  const int64_t most_units = (blocks + pieces - 1) / pieces * kPad;
  const int64_t tile_rows =
      turns ? std::clamp<int64_t>(kTurnedBytes / (most_units * job.bytes), 1, kTileRows) : kTileRows;
  const int64_t room = turns ? tile_rows * most_units * job.bytes : 0;
  const Scratch<char> copies(job.host, parts * pieces * room);
  job.host.run(parts * pieces, [&](int64_t task) {
    const int64_t part = task / pieces, piece = task % pieces;
    const int64_t unit = begin_of(piece, pieces, blocks) * kPad;
    const int64_t units = std::min(begin_of(piece + 1, pieces, blocks) * kPad, job.units) - unit;
    const Extents extents = seen.part(part, unit, units);
    const void* z[kTileRows];
    void* h[kTileRows];
    uint64_t sums[kTileRows];
    int64_t active[kTileRows];
    bool finite[kTileRows];
    const int64_t end = begin_of(part + 1, parts, job.rows);
    for (int64_t row = begin_of(part, parts, job.rows); row < end; row += tile_rows) {
      const int64_t count = std::min(tile_rows, end - row);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t offset = (row + i) / job.positions * job.layout.samples.stride +
                               job.layout.positions.offset((row + i) % job.positions);
        char* const copy = copies.get() + task * room + i * units * job.bytes;
        if (turns) turned->copy(offset, unit, units, copy);
        z[i] = turns ? copy : job.z(offset + unit);
        h[i] = writes ? job.h(offset + unit) : nullptr;
      }
      kernel({z, h, count, units, job.threshold, job.words_from(unit), sums, active, finite, extents});
      for (int64_t i = 0; i < count; ++i) job.samples.add((row + i) / job.positions, active[i], finite[i]);
      if (sums_apart) {
        std::copy(sums, sums + count, sums_of.get() + piece * job.rows + row);
      } else if (job.words != nullptr) {
        job.tell_keys(row, count, sums);
      }
    }
  });
  for (int64_t row = 0; sums_apart && row < job.rows; ++row) {
    uint64_t sum = 0;
    for (int64_t piece = 0; piece < pieces; ++piece) sum += sums_of.get()[piece * job.rows + row];
    job.tell_keys(row, 1, &sum);
  }
  seen.tell(job.to.low, job.to.high, job.to.active);
  if (turns && job.to.h != nullptr) rectify(job);
}

}  // namespace relucid
