// Vectors of AVX-512: sixteen floats or eight doubles. Included by one file only, within its target.
#pragma once

#include <immintrin.h>

#include "lanes.h"

namespace relucid::avx512 {
namespace {

// Modulo 2^64; the compiler's own reduction adds signed numbers, which must not overflow.
uint64_t total_of(__m512i a) {
  const __m256i half = _mm256_add_epi64(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
  const __m128i quarter = _mm_add_epi64(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(quarter)) + static_cast<uint64_t>(_mm_extract_epi64(quarter, 1));
}

struct Singles {
  using Real = float;
  using Reg = __m512;
  using Mask = __mmask16;
  using Head = Mask;
  using Counts = __m512i;
  struct Sums {
    __m512i first, second;
  };
  static constexpr int kLanes = 16;
  static constexpr int kUnits = 4;  // planes read side by side
  static constexpr int kRows = 4;   // rows read side by side

  static constexpr int kTileUnits = 8;  // a tile of products: so many units by so many vectors
  static constexpr int kTileVectors = 2;
  static constexpr int kSpanVectors = 8;  // and of one unit alone by so many

  static Reg all(float value) { return _mm512_set1_ps(value); }
  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }  // b where either is NaN
  static Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
  static Reg where(Head mask, Reg a, Reg b) { return _mm512_mask_blend_ps(mask, b, a); }
  static float least(Reg a) { return _mm512_reduce_min_ps(a); }
  static float most(Reg a) { return _mm512_reduce_max_ps(a); }
  static Reg load_real(const float* from) { return _mm512_loadu_ps(from); }
  static void store_real(float* to, Reg a) { _mm512_storeu_ps(to, a); }

  static void add_to(double* to, Reg a, bool add) {
    __m512d first = _mm512_cvtps_pd(_mm512_castps512_ps256(a));
    __m512d second = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
    if (add) {
      first = _mm512_add_pd(first, _mm512_loadu_pd(to));
      second = _mm512_add_pd(second, _mm512_loadu_pd(to + 8));
    }
    _mm512_storeu_pd(to, first);
    _mm512_storeu_pd(to + 8, second);
  }

  // Sixteen vectors as rows of a square, turned into its columns.
  static void transpose(Reg (&block)[kLanes]) {
    __m512 pairs[kLanes], fours[kLanes];
    for (int i = 0; i < kLanes; i += 2) {
      pairs[i] = _mm512_unpacklo_ps(block[i], block[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_ps(block[i], block[i + 1]);
    }
    for (int i = 0; i < kLanes; i += 4) {
      for (int j = 0; j < 2; ++j) {
        const __m512d a = _mm512_castps_pd(pairs[i + j]), b = _mm512_castps_pd(pairs[i + j + 2]);
        fours[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
        fours[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
      }
    }
    // fours[4 q + c] holds in its quarter p column 4 p + c of rows 4 q to 4 q + 3.
    for (int c = 0; c < 4; ++c) {
      const __m512 a = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0x88);
      const __m512 b = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0xdd);
      const __m512 d = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0x88);
      const __m512 e = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0xdd);
      block[c] = _mm512_shuffle_f32x4(a, d, 0x88);
      block[8 + c] = _mm512_shuffle_f32x4(a, d, 0xdd);
      block[4 + c] = _mm512_shuffle_f32x4(b, e, 0x88);
      block[12 + c] = _mm512_shuffle_f32x4(b, e, 0xdd);
    }
  }

  static Mask none() { return 0; }
  static Head head(int lanes) { return static_cast<Mask>((1u << lanes) - 1); }
  static Mask positive(Reg a) { return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ); }
  static Mask unordered(Reg a, Reg b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
  static Mask within(Head head, Mask a) { return head & a; }
  static Mask either(Mask a, Mask b) { return a | b; }
  static bool any(Mask a) { return a != 0; }
  static unsigned bits(Mask a) { return a; }
  static int count(Mask a) { return __builtin_popcount(a); }

  static Counts load_counts(const int32_t* from) { return _mm512_loadu_si512(from); }
  static void store_counts(int32_t* to, Counts a) { _mm512_storeu_si512(to, a); }
  static Counts add(Counts a, Mask where) { return _mm512_mask_add_epi32(a, where, a, _mm512_set1_epi32(1)); }

  static Sums zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static Sums every(uint64_t word) {
    const __m512i words = _mm512_set1_epi64(static_cast<long long>(word));
    return {words, words};
  }
  static Sums load_sums(const uint64_t* from) { return {_mm512_loadu_si512(from), _mm512_loadu_si512(from + 8)}; }
  static void store_sums(uint64_t* to, Sums a) {
    _mm512_storeu_si512(to, a.first);
    _mm512_storeu_si512(to + 8, a.second);
  }
  static Sums add(Sums a, Mask where, Sums words) {
    return {_mm512_mask_add_epi64(a.first, static_cast<__mmask8>(where), a.first, words.first),
            _mm512_mask_add_epi64(a.second, static_cast<__mmask8>(where >> 8), a.second, words.second)};
  }
  static uint64_t total(Sums a) { return total_of(_mm512_add_epi64(a.first, a.second)); }
};

struct OfFloat32 : Singles {
  using Value = float;
  static Reg load(const float* from) { return _mm512_loadu_ps(from); }
  static Reg load(const float* from, Head head) { return _mm512_maskz_loadu_ps(head, from); }
  static void store(float* to, Reg a) { _mm512_storeu_ps(to, a); }
  static void store(float* to, Reg a, Head head) { _mm512_mask_storeu_ps(to, head, a); }
};

struct OfFloat16 : Singles {
  using Value = Float16;
  static Reg load(const Float16* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static Reg load(const Float16* from, Head head) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(head, from)); }
  static void store(Float16* to, Reg a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store(Float16* to, Reg a, Head head) {
    _mm256_mask_storeu_epi16(to, head, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
};

struct OfBFloat16 : Singles {
  using Value = BFloat16;
  static Reg widened(__m256i bits) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16)); }
  static __m256i narrowed(Reg a) {  // of what was widened, hence exact
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(a), 16));
  }
  static Reg load(const BFloat16* from) { return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))); }
  static Reg load(const BFloat16* from, Head head) { return widened(_mm256_maskz_loadu_epi16(head, from)); }
  static void store(BFloat16* to, Reg a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), narrowed(a)); }
  static void store(BFloat16* to, Reg a, Head head) { _mm256_mask_storeu_epi16(to, head, narrowed(a)); }
};

struct OfFloat64 {
  using Value = double;
  using Real = double;
  using Reg = __m512d;
  using Mask = __mmask8;
  using Head = Mask;
  using Counts = __m256i;
  using Sums = __m512i;
  static constexpr int kLanes = 8;
  static constexpr int kUnits = 4;
  static constexpr int kRows = 4;

  static Reg load(const double* from) { return _mm512_loadu_pd(from); }
  static Reg load(const double* from, Head head) { return _mm512_maskz_loadu_pd(head, from); }
  static void store(double* to, Reg a) { _mm512_storeu_pd(to, a); }
  static void store(double* to, Reg a, Head head) { _mm512_mask_storeu_pd(to, head, a); }

  static Reg all(double value) { return _mm512_set1_pd(value); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_pd(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_pd(a, b, c); }
  static Reg min(Reg a, Reg b) { return _mm512_min_pd(a, b); }
  static Reg max(Reg a, Reg b) { return _mm512_max_pd(a, b); }
  static Reg where(Head mask, Reg a, Reg b) { return _mm512_mask_blend_pd(mask, b, a); }
  static double least(Reg a) { return _mm512_reduce_min_pd(a); }
  static double most(Reg a) { return _mm512_reduce_max_pd(a); }
  static Reg load_real(const double* from) { return _mm512_loadu_pd(from); }
  static void store_real(double* to, Reg a) { _mm512_storeu_pd(to, a); }

  static Mask none() { return 0; }
  static Head head(int lanes) { return static_cast<Mask>((1u << lanes) - 1); }
  static Mask positive(Reg a) { return _mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_GT_OQ); }
  static Mask unordered(Reg a, Reg b) { return _mm512_cmp_pd_mask(a, b, _CMP_UNORD_Q); }
  static Mask within(Head head, Mask a) { return head & a; }
  static Mask either(Mask a, Mask b) { return a | b; }
  static bool any(Mask a) { return a != 0; }
  static int count(Mask a) { return __builtin_popcount(a); }

  static Counts load_counts(const int32_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static void store_counts(int32_t* to, Counts a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a); }
  static Counts add(Counts a, Mask where) { return _mm256_mask_add_epi32(a, where, a, _mm256_set1_epi32(1)); }

  static Sums zero() { return _mm512_setzero_si512(); }
  static Sums every(uint64_t word) { return _mm512_set1_epi64(static_cast<long long>(word)); }
  static Sums load_sums(const uint64_t* from) { return _mm512_loadu_si512(from); }
  static void store_sums(uint64_t* to, Sums a) { _mm512_storeu_si512(to, a); }
  static Sums add(Sums a, Mask where, Sums words) { return _mm512_mask_add_epi64(a, where, a, words); }
  static uint64_t total(Sums a) { return total_of(a); }
};

}  // namespace
}  // namespace relucid::avx512
