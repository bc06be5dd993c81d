// The words of a seed, made once for each number of units.
#include "words.h"

#include "lanes.h"

namespace relucid {

std::shared_ptr<const Words> WordsOfSeed::get(int64_t units) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (last_ == nullptr || last_->units != units) {
    auto made = std::make_shared<Words>();
    made->salt = stream(seed_, 1);
    made->units = units;
    made->of = std::make_unique<uint64_t[]>(static_cast<size_t>(padded(units)));
    for (int64_t unit = 0; unit < units; ++unit) {
      made->of[unit] = units <= kWordBits ? uint64_t{1} << unit : stream(seed_, static_cast<uint64_t>(unit) + 1);
    }
    last_ = std::move(made);
  }
  return last_;
}

}  // namespace relucid
