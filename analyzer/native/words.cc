// The words of a seed, made once for each number of units.
#include "words.h"

#include "lanes.h"

namespace relucid {
namespace {

std::unique_ptr<uint64_t[]> choices_of(const uint64_t* words, int64_t units) {
  // One more than there are, of which a vector longer than a block reads the first.
  const int64_t groups = padded(units) / kChoice + 1;
  std::unique_ptr<uint64_t[]> sums(new uint64_t[static_cast<size_t>(groups * kChoices)]());
  uint64_t* to = sums.get();
  for (int64_t unit = 0; unit < padded(units); unit += kChoice, to += kChoices) {
    for (unsigned set = 1; set < kChoices; ++set) to[set] = to[set & (set - 1)] + words[unit + __builtin_ctz(set)];
  }
  return sums;
}

}  // namespace

std::shared_ptr<const Words> WordsOfSeed::get(int64_t units, bool choices) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (last_ == nullptr || last_->units != units || (choices && last_->choices == nullptr)) {
    auto made = std::make_shared<Words>();
    made->salt = stream(seed_, 1);
    made->units = units;
    made->of = std::make_unique<uint64_t[]>(static_cast<size_t>(padded(units)));
    for (int64_t unit = 0; unit < units; ++unit) {
      made->of[unit] = units <= kWordBits ? uint64_t{1} << unit : stream(seed_, static_cast<uint64_t>(unit) + 1);
    }
    if (choices) made->choices = choices_of(made->of.get(), units);
    last_ = std::move(made);
  }
  return last_;
}

}  // namespace relucid
