#pragma once
// The steps of gcm_vaes.cpp: the hash, and AES in counter mode, eight blocks at a time. Not for
// others.

#if defined(__x86_64__)

#include <array>
#include <cstddef>
#include <cstdint>

#include <immintrin.h>

#include "crypto/gcm_vaes.hpp"

// On each function, as the compiler wants it: the rest of the program runs on every processor.
#define CULVERT_VAES [[gnu::target("avx2,aes,pclmul,vaes,vpclmulqdq")]]
#define CULVERT_VAES_INLINE \
    [[gnu::target("avx2,aes,pclmul,vaes,vpclmulqdq"), gnu::always_inline]] inline

namespace culvert::crypto::gcm_vaes {

constexpr std::size_t block = 16;
constexpr std::size_t chunk = 8 * block;
// Of GcmVaesKey::powers: where the given power is, counted in blocks.
constexpr std::size_t index_of(std::size_t power) { return 10 - power; }

CULVERT_VAES_INLINE __m128i load(const std::uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
CULVERT_VAES_INLINE __m256i load_two(const std::uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
CULVERT_VAES_INLINE void store(std::uint8_t* to, __m128i value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
}
CULVERT_VAES_INLINE void store_two(std::uint8_t* to, __m256i value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
}

// ---- GHASH
//
// Blocks are octet-reversed, so that a register's bit 127 is the coefficient of x^0, and the
// carry-less product of two of them comes out one bit too low. The key is multiplied by x
// beforehand to make up for that.

CULVERT_VAES_INLINE __m128i reversing() {
    return _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
CULVERT_VAES_INLINE __m128i reversed(__m128i value) { return _mm_shuffle_epi8(value, reversing()); }

// x^128 + x^127 + x^126 + x^121 + 1 without its first term: the polynomial seen from its other end.
constexpr auto polynomial_high = static_cast<long long>(0xc200000000000000U);

// Its lower 64 bits, folded into the upper ones, which then are the lower ones.
CULVERT_VAES_INLINE __m128i folded(__m128i from) {
    return _mm_xor_si128(_mm_shuffle_epi32(from, 0x4e),
                         _mm_clmulepi64_si128(from, _mm_set_epi64x(0, polynomial_high), 0x00));
}
// The 256 bits of low + middle * x^64 + high * x^128 as 128.
CULVERT_VAES_INLINE __m128i reduced(__m128i low, __m128i middle, __m128i high) {
    return _mm_xor_si128(high, folded(_mm_xor_si128(middle, folded(low))));
}

CULVERT_VAES_INLINE __m128i product(__m128i a, __m128i b) {
    return reduced(
        _mm_clmulepi64_si128(a, b, 0x00),
        _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10)),
        _mm_clmulepi64_si128(a, b, 0x11));
}

// A sum of products that is not reduced yet, two at a time.
struct Sum {
    __m256i low;
    __m256i middle;
    __m256i high;
};

CULVERT_VAES_INLINE Sum nothing() {
    return {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
}

// Two blocks, times the power at `index` and the one behind it.
CULVERT_VAES_INLINE void add(Sum& sum, __m256i blocks, const GcmVaesKey& key, std::size_t index) {
    const __m256i power = load_two(key.powers.data() + block * index);
    sum.low = _mm256_xor_si256(sum.low, _mm256_clmulepi64_epi128(blocks, power, 0x00));
    sum.high = _mm256_xor_si256(sum.high, _mm256_clmulepi64_epi128(blocks, power, 0x11));
    sum.middle = _mm256_xor_si256(sum.middle, _mm256_clmulepi64_epi128(blocks, power, 0x01));
    sum.middle = _mm256_xor_si256(sum.middle, _mm256_clmulepi64_epi128(blocks, power, 0x10));
}

CULVERT_VAES_INLINE __m128i both(__m256i value) {
    return _mm_xor_si128(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
}
CULVERT_VAES_INLINE __m128i total(const Sum& sum) {
    return reduced(both(sum.low), both(sum.middle), both(sum.high));
}

// The state of the hash, and with it the blocks at `from`, octet-reversed.
CULVERT_VAES_INLINE __m256i hashed(const std::uint8_t* from, std::size_t i, __m128i state) {
    const __m256i blocks = _mm256_shuffle_epi8(load_two(from + 2 * block * i),
                                               _mm256_broadcastsi128_si256(reversing()));
    return i == 0 ? _mm256_xor_si256(blocks, _mm256_zextsi128_si256(state)) : blocks;
}

CULVERT_VAES_INLINE __m128i hash_chunk(const GcmVaesKey& key, const std::uint8_t* from,
                                       __m128i state) {
    Sum sum = nothing();
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
        add(sum, hashed(from, i, state), key, index_of(8) + 2 * i);
    }
    return total(sum);
}

// ---- AES in counter mode

CULVERT_VAES_INLINE __m128i round_key(const GcmVaesKey& key, std::size_t round) {
    return load(key.round_keys.data() + block * round);
}
CULVERT_VAES_INLINE __m256i round_keys(const GcmVaesKey& key, std::size_t round) {
    return _mm256_broadcastsi128_si256(round_key(key, round));
}

CULVERT_VAES_INLINE __m128i enciphered(const GcmVaesKey& key, std::size_t rounds, __m128i text) {
    text = _mm_xor_si128(text, round_key(key, 0));
#pragma GCC unroll 16
    for (std::size_t round = 1; round < rounds; ++round) {
        text = _mm_aesenc_si128(text, round_key(key, round));
    }
    return _mm_aesenclast_si128(text, round_key(key, rounds));
}

// Two counter blocks, octet-reversed: the counters are the lowest words. 32 bits of them, as GCM
// has it.
CULVERT_VAES_INLINE __m256i after(__m256i counters) {
    return _mm256_add_epi32(counters, _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 2));
}

struct Lanes {
    __m256i two[4];  // NOLINT(modernize-avoid-c-arrays): std::array drops the alignment
};

// All rounds but the last of eight counter blocks; beside them, where the processor has room for
// it, the hash of a chunk at `hash`.
template <std::size_t rounds, bool hash_too>
CULVERT_VAES_INLINE void most_rounds(const GcmVaesKey& key, Lanes& lanes, __m256i& counters,
                                     const std::uint8_t* hash, __m128i& state) {
    const __m256i reverse = _mm256_broadcastsi128_si256(reversing());
    const __m256i first = round_keys(key, 0);
#pragma GCC unroll 4
    for (__m256i& lane : lanes.two) {
        lane = _mm256_xor_si256(_mm256_shuffle_epi8(counters, reverse), first);
        counters = after(counters);
    }
    Sum sum = nothing();
#pragma GCC unroll 16
    for (std::size_t round = 1; round < rounds; ++round) {
        const __m256i keys = round_keys(key, round);
#pragma GCC unroll 4
        for (__m256i& lane : lanes.two) { lane = _mm256_aesenc_epi128(lane, keys); }
        if constexpr (hash_too) {
            if (round % 2 == 1 && round < 8) {
                const std::size_t i = round / 2;
                add(sum, hashed(hash, i, state), key, index_of(8) + 2 * i);
            }
            if (round == 9) { state = total(sum); }
        }
    }
}

template <std::size_t rounds, bool hash_too>
CULVERT_VAES_INLINE void crypt_chunk(const GcmVaesKey& key, __m256i& counters,
                                     const std::uint8_t* in, std::uint8_t* out,
                                     const std::uint8_t* hash, __m128i& state) {
    Lanes lanes;
    most_rounds<rounds, hash_too>(key, lanes, counters, hash, state);
    const __m256i last = round_keys(key, rounds);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
        lanes.two[i] = _mm256_aesenclast_epi128(
            lanes.two[i], _mm256_xor_si256(last, load_two(in + 2 * block * i)));
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) { store_two(out + 2 * block * i, lanes.two[i]); }
}

}  // namespace culvert::crypto::gcm_vaes

#endif
