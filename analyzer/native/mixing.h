// The finaliser of splitmix64 (Steele, Lea & Flood 2014), a bijection.
#pragma once

#include <cstdint>

namespace relucid {
namespace {  // so that the linker never takes one compiled for another processor

inline uint64_t mix64(uint64_t word) {
  word ^= word >> 30;
  word *= 0xBF58476D1CE4E5B9u;
  word ^= word >> 27;
  word *= 0x94D049BB133111EBu;
  return word ^ (word >> 31);
}

}  // namespace
}  // namespace relucid
