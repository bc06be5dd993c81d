// Vectors of any processor, sixteen bytes, as gcc and clang have them: what they compile to is theirs to choose.
#pragma once

#include <type_traits>

#include "halves.h"
#include "lanes.h"

namespace relucid::plain {
namespace {

typedef float Floats4 __attribute__((vector_size(16)));
typedef int32_t Ints4 __attribute__((vector_size(16)));
typedef uint64_t Words4 __attribute__((vector_size(32)));
typedef double Doubles4 __attribute__((vector_size(32)));
typedef double Doubles2 __attribute__((vector_size(16)));
typedef int64_t Longs2 __attribute__((vector_size(16)));
typedef int32_t Ints2 __attribute__((vector_size(8)));
typedef uint64_t Words2 __attribute__((vector_size(16)));

template <class RegType, class MaskType, class CountsType, class SumsType, class Doubles, int kCount>
struct Vectors {
  using Reg = RegType;
  using Mask = MaskType;
  using Counts = CountsType;
  using Sums = SumsType;
  using Real = std::remove_reference_t<decltype(Reg{}[0])>;
  using Whole = std::remove_reference_t<decltype(Mask{}[0])>;
  struct Head {
    Mask mask;
    int lanes;
  };
  static constexpr int kLanes = kCount;
  static constexpr int kUnits = 2;
  static constexpr int kRows = 2;
  static constexpr int kTileUnits = 4;
  static constexpr int kTileVectors = 2;
  static constexpr int kSpanVectors = 8;  // and of one unit alone by so many

  template <class Vector, class Element>
  static Vector read(const Element* from) {
    Vector a;
    std::memcpy(&a, from, sizeof a);
    return a;
  }
  template <class Vector, class Element>
  static void write(Element* to, Vector a) {
    std::memcpy(to, &a, sizeof a);
  }

  static Reg all(Real value) { return value - Reg{}; }
  static Reg add(Reg a, Reg b) { return a + b; }
  static Reg mul(Reg a, Reg b) { return a * b; }
  static Reg sub(Reg a, Reg b) { return a - b; }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  static Reg min(Reg a, Reg b) { return a < b ? a : b; }
  static Reg max(Reg a, Reg b) { return a > b ? a : b; }
  static Reg where(Head head, Reg a, Reg b) { return head.mask != 0 ? a : b; }
  static Real least(Reg a) {
    Real found = a[0];
    for (int i = 1; i < kLanes; ++i) found = a[i] < found ? a[i] : found;
    return found;
  }
  static Real most(Reg a) {
    Real found = a[0];
    for (int i = 1; i < kLanes; ++i) found = a[i] > found ? a[i] : found;
    return found;
  }
  static Reg load_real(const Real* from) { return read<Reg>(from); }
  static void store_real(Real* to, Reg a) { write(to, a); }
  static void add_to(double* to, Reg a, bool add) {
    Doubles sum = __builtin_convertvector(a, Doubles);
    if (add) sum += read<Doubles>(to);
    write(to, sum);
  }
  static void transpose(Reg (&block)[kLanes]) {
    for (int i = 0; i < kLanes; ++i) {
      for (int j = 0; j < i; ++j) {
        const Real kept = block[i][j];
        block[i][j] = block[j][i];
        block[j][i] = kept;
      }
    }
  }

  static Mask none() { return Mask{}; }
  static Head head(int lanes) {
    Mask numbers;
    for (int i = 0; i < kLanes; ++i) numbers[i] = i;
    return {numbers < static_cast<Whole>(lanes), lanes};
  }
  static Mask positive(Reg a) { return a > Real{0}; }
  static Mask unordered(Reg a, Reg b) { return (a != a) | (b != b); }
  static Mask within(Head head, Mask a) { return head.mask & a; }
  static Mask either(Mask a, Mask b) { return a | b; }
  static bool any(Mask a) { return count(a) != 0; }
  static unsigned bits(Mask a) {
    unsigned found = 0;
    for (int i = 0; i < kLanes; ++i) found |= static_cast<unsigned>(a[i] & 1) << i;
    return found;
  }
  static int count(Mask a) {
    Whole sum = 0;
    for (int i = 0; i < kLanes; ++i) sum -= a[i];
    return static_cast<int>(sum);
  }

  static Counts load_counts(const int32_t* from) { return read<Counts>(from); }
  static void store_counts(int32_t* to, Counts a) { write(to, a); }
  static Counts add(Counts a, Mask where) { return a - __builtin_convertvector(where, Counts); }

  static Sums zero() { return Sums{}; }
  static Sums every(uint64_t word) { return word + Sums{}; }
  static Sums load_sums(const uint64_t* from) { return read<Sums>(from); }
  static void store_sums(uint64_t* to, Sums a) { write(to, a); }
  static Sums add(Sums a, Mask where, Sums words) { return a + (__builtin_convertvector(where, Sums) & words); }
  static uint64_t total(Sums a) {
    uint64_t sum = 0;
    for (int i = 0; i < kLanes; ++i) sum += a[i];
    return sum;
  }
};

inline float narrow(float value, float) { return value; }
inline double narrow(double value, double) { return value; }
inline Float16 narrow(float value, Float16) { return to_float16(value); }
inline BFloat16 narrow(float value, BFloat16) { return {static_cast<uint16_t>(to_bits(value) >> 16)}; }

template <class ValueType, class Vectors>
struct Of : Vectors {
  using Value = ValueType;
  using typename Vectors::Head;
  using typename Vectors::Reg;
  static constexpr Head kAll{{}, Vectors::kLanes};

  static Reg load(const Value* from, Head head = kAll) {
    Reg a{};
    for (int i = 0; i < head.lanes; ++i) a[i] = widen(from[i]);
    return a;
  }
  static void store(Value* to, Reg a, Head head = kAll) {
    for (int i = 0; i < head.lanes; ++i) to[i] = narrow(a[i], Value{});
  }
};

using Four = Vectors<Floats4, Ints4, Ints4, Words4, Doubles4, 4>;
using OfFloat32 = Of<float, Four>;
using OfFloat16 = Of<Float16, Four>;
using OfBFloat16 = Of<BFloat16, Four>;
using OfFloat64 = Of<double, Vectors<Doubles2, Longs2, Ints2, Words2, Doubles2, 2>>;

}  // namespace
}  // namespace relucid::plain
