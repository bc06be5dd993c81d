// Half precision read and written without any instruction for it.
#pragma once

#include <cstdint>
#include <cstring>

#include "lanes.h"

namespace relucid {

inline float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t to_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float widen(float value) { return value; }
inline double widen(double value) { return value; }
inline float widen(BFloat16 value) { return from_bits(static_cast<uint32_t>(value.bits) << 16); }
inline float widen(Float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16, rest = value.bits & 0x7fffu;
  if (rest >= 0x7c00u) return from_bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // Five bits of exponent counted from 15 are read as eight counted from 127; this holds for subnormal numbers too.
  const float magnitude = from_bits(rest << 13) * 0x1p112f;
  return from_bits(sign | to_bits(magnitude));
}

// Of what was widened, hence exact; a NaN keeps its sign and the head of its payload.
inline Float16 to_float16(float value) {
  const uint32_t bits = to_bits(value), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
  if (rest >= 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7c00u | (rest >> 13 & 0x3ffu))};
  return {static_cast<uint16_t>(sign | to_bits(from_bits(rest) * 0x1p-112f) >> 13)};
}

}  // namespace relucid
