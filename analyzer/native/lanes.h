// What the vector code of every instruction set agrees on.
#pragma once

#include <cstdint>

namespace relucid {

// Arrays with an entry a unit are as long as whole vectors of any instruction set.
constexpr int64_t kPad = 16;
constexpr int64_t padded(int64_t units) { return (units + kPad - 1) / kPad * kPad; }

// Sums of words are looked up by which of so many units are active.
constexpr int kChoice = 8;
constexpr int64_t kChoices = 1 << kChoice;

// So many positions of a block are asked for before their turn.
constexpr int64_t kAhead = 128;

// Element types of a tap; the halves are computed in float.
enum class Type { kFloat32, kFloat64, kFloat16, kBFloat16 };
constexpr int kTypes = 4;

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

constexpr int64_t size_of(Type type) { return type == Type::kFloat64 ? 8 : type == Type::kFloat32 ? 4 : 2; }

}  // namespace relucid
