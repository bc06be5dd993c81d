// Vectors of AVX2: eight floats or four doubles. Included by one file only, within its target.
#pragma once

#include <immintrin.h>

#include "lanes.h"

namespace relucid::avx2 {
namespace {

struct Singles {
  using Real = float;
  using Reg = __m256;
  using Mask = __m256;
  using Counts = __m256i;
  struct Head {
    __m256 mask;
    int lanes;
  };
  struct Sums {
    __m256i first, second;
  };
  static constexpr int kLanes = 8;
  static constexpr int kUnits = 2;
  static constexpr int kRows = 2;
  static constexpr int kTileUnits = 4;
  static constexpr int kTileVectors = 2;
  static constexpr int kSpanVectors = 8;  // and of one unit alone by so many

  static Reg all(float value) { return _mm256_set1_ps(value); }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
  static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  static Reg where(Head head, Reg a, Reg b) { return _mm256_blendv_ps(b, a, head.mask); }
  static float least(Reg a) {
    __m128 half = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_min_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_min_ss(half, _mm_movehdup_ps(half)));
  }
  static float most(Reg a) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
  }
  static Reg load_real(const float* from) { return _mm256_loadu_ps(from); }
  static void store_real(float* to, Reg a) { _mm256_storeu_ps(to, a); }
  static void add_to(double* to, Reg a, bool add) {
    __m256d first = _mm256_cvtps_pd(_mm256_castps256_ps128(a));
    __m256d second = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
    if (add) {
      first = _mm256_add_pd(first, _mm256_loadu_pd(to));
      second = _mm256_add_pd(second, _mm256_loadu_pd(to + 4));
    }
    _mm256_storeu_pd(to, first);
    _mm256_storeu_pd(to + 4, second);
  }
  static void transpose(Reg (&block)[kLanes]) {
    __m256 pairs[kLanes], fours[kLanes];
    for (int i = 0; i < kLanes; i += 2) {
      pairs[i] = _mm256_unpacklo_ps(block[i], block[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_ps(block[i], block[i + 1]);
    }
    for (int i = 0; i < kLanes; i += 4) {
      for (int j = 0; j < 2; ++j) {
        fours[i + 2 * j] = _mm256_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0x44);
        fours[i + 2 * j + 1] = _mm256_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0xee);
      }
    }
    for (int c = 0; c < 4; ++c) {
      block[c] = _mm256_permute2f128_ps(fours[c], fours[4 + c], 0x20);
      block[4 + c] = _mm256_permute2f128_ps(fours[c], fours[4 + c], 0x31);
    }
  }

  static Mask none() { return _mm256_setzero_ps(); }
  static Head head(int lanes) {
    const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), numbers)), lanes};
  }
  static Mask positive(Reg a) { return _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ); }
  static Mask unordered(Reg a, Reg b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
  static Mask within(Head head, Mask a) { return _mm256_and_ps(head.mask, a); }
  static Mask either(Mask a, Mask b) { return _mm256_or_ps(a, b); }
  static bool any(Mask a) { return _mm256_movemask_ps(a) != 0; }
  static unsigned bits(Mask a) { return static_cast<unsigned>(_mm256_movemask_ps(a)); }
  static int count(Mask a) { return __builtin_popcount(bits(a)); }

  static Counts load_counts(const int32_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static void store_counts(int32_t* to, Counts a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a); }
  static Counts add(Counts a, Mask where) { return _mm256_sub_epi32(a, _mm256_castps_si256(where)); }

  static Sums zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Sums every(uint64_t word) {
    const __m256i words = _mm256_set1_epi64x(static_cast<long long>(word));
    return {words, words};
  }
  static Sums load_sums(const uint64_t* from) {
    const auto* words = reinterpret_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(words), _mm256_loadu_si256(words + 1)};
  }
  static void store_sums(uint64_t* to, Sums a) {
    auto* words = reinterpret_cast<__m256i*>(to);
    _mm256_storeu_si256(words, a.first);
    _mm256_storeu_si256(words + 1, a.second);
  }
  static Sums add(Sums a, Mask where, Sums words) {
    const __m256i mask = _mm256_castps_si256(where);
    const __m256i first = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(mask));
    const __m256i second = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(mask, 1));
    return {_mm256_add_epi64(a.first, _mm256_and_si256(first, words.first)),
            _mm256_add_epi64(a.second, _mm256_and_si256(second, words.second))};
  }
  static uint64_t total(Sums a) {
    const __m256i both = _mm256_add_epi64(a.first, a.second);
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(half)) + static_cast<uint64_t>(_mm_extract_epi64(half, 1));
  }
};

struct OfFloat32 : Singles {
  using Value = float;
  static Reg load(const float* from) { return _mm256_loadu_ps(from); }
  static Reg load(const float* from, Head head) { return _mm256_maskload_ps(from, _mm256_castps_si256(head.mask)); }
  static void store(float* to, Reg a) { _mm256_storeu_ps(to, a); }
  static void store(float* to, Reg a, Head head) { _mm256_maskstore_ps(to, _mm256_castps_si256(head.mask), a); }
};

// Eight values of sixteen bits, or the first of them.
template <class Value>
__m128i load_halves(const Value* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
template <class Value>
__m128i load_halves(const Value* from, int lanes) {
  Value copy[8] = {};
  for (int i = 0; i < lanes; ++i) copy[i] = from[i];
  return load_halves(copy);
}
template <class Value>
void store_halves(Value* to, __m128i a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), a);
}
template <class Value>
void store_halves(Value* to, __m128i a, int lanes) {
  Value copy[8];
  store_halves(copy, a);
  for (int i = 0; i < lanes; ++i) to[i] = copy[i];
}

struct OfFloat16 : Singles {
  using Value = Float16;
  static __m128i narrowed(Reg a) { return _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT); }
  static Reg load(const Float16* from) { return _mm256_cvtph_ps(load_halves(from)); }
  static Reg load(const Float16* from, Head head) { return _mm256_cvtph_ps(load_halves(from, head.lanes)); }
  static void store(Float16* to, Reg a) { store_halves(to, narrowed(a)); }
  static void store(Float16* to, Reg a, Head head) { store_halves(to, narrowed(a), head.lanes); }
};

struct OfBFloat16 : Singles {
  using Value = BFloat16;
  static Reg widened(__m128i bits) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)); }
  static __m128i narrowed(Reg a) {  // of what was widened, hence exact
    const __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(a), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  }
  static Reg load(const BFloat16* from) { return widened(load_halves(from)); }
  static Reg load(const BFloat16* from, Head head) { return widened(load_halves(from, head.lanes)); }
  static void store(BFloat16* to, Reg a) { store_halves(to, narrowed(a)); }
  static void store(BFloat16* to, Reg a, Head head) { store_halves(to, narrowed(a), head.lanes); }
};

struct OfFloat64 {
  using Value = double;
  using Real = double;
  using Reg = __m256d;
  using Mask = __m256d;
  using Head = __m256d;
  using Counts = __m128i;
  using Sums = __m256i;
  static constexpr int kLanes = 4;
  static constexpr int kUnits = 2;
  static constexpr int kRows = 2;

  static Reg load(const double* from) { return _mm256_loadu_pd(from); }
  static Reg load(const double* from, Head head) { return _mm256_maskload_pd(from, _mm256_castpd_si256(head)); }
  static void store(double* to, Reg a) { _mm256_storeu_pd(to, a); }
  static void store(double* to, Reg a, Head head) { _mm256_maskstore_pd(to, _mm256_castpd_si256(head), a); }

  static Reg all(double value) { return _mm256_set1_pd(value); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_pd(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_pd(a, b, c); }
  static Reg min(Reg a, Reg b) { return _mm256_min_pd(a, b); }
  static Reg max(Reg a, Reg b) { return _mm256_max_pd(a, b); }
  static Reg where(Head head, Reg a, Reg b) { return _mm256_blendv_pd(b, a, head); }
  static double least(Reg a) {
    const __m128d half = _mm_min_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_min_sd(half, _mm_unpackhi_pd(half, half)));
  }
  static double most(Reg a) {
    const __m128d half = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)));
  }
  static Reg load_real(const double* from) { return _mm256_loadu_pd(from); }
  static void store_real(double* to, Reg a) { _mm256_storeu_pd(to, a); }

  static Mask none() { return _mm256_setzero_pd(); }
  static Head head(int lanes) {
    return _mm256_castsi256_pd(_mm256_cmpgt_epi64(_mm256_set1_epi64x(lanes), _mm256_setr_epi64x(0, 1, 2, 3)));
  }
  static Mask positive(Reg a) { return _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_GT_OQ); }
  static Mask unordered(Reg a, Reg b) { return _mm256_cmp_pd(a, b, _CMP_UNORD_Q); }
  static Mask within(Head head, Mask a) { return _mm256_and_pd(head, a); }
  static Mask either(Mask a, Mask b) { return _mm256_or_pd(a, b); }
  static bool any(Mask a) { return _mm256_movemask_pd(a) != 0; }
  static int count(Mask a) { return __builtin_popcount(static_cast<unsigned>(_mm256_movemask_pd(a))); }

  static Counts load_counts(const int32_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
  static void store_counts(int32_t* to, Counts a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), a); }
  static Counts add(Counts a, Mask where) {
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
    const __m256i narrow = _mm256_permutevar8x32_epi32(_mm256_castpd_si256(where), even);
    return _mm_sub_epi32(a, _mm256_castsi256_si128(narrow));
  }

  static Sums zero() { return _mm256_setzero_si256(); }
  static Sums every(uint64_t word) { return _mm256_set1_epi64x(static_cast<long long>(word)); }
  static Sums load_sums(const uint64_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static void store_sums(uint64_t* to, Sums a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a); }
  static Sums add(Sums a, Mask where, Sums words) {
    return _mm256_add_epi64(a, _mm256_and_si256(_mm256_castpd_si256(where), words));
  }
  static uint64_t total(Sums a) {
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(half)) + static_cast<uint64_t>(_mm_extract_epi64(half, 1));
  }
};

}  // namespace
}  // namespace relucid::avx2
