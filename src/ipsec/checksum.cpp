#include "ipsec/checksum.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace culvert::ipsec {
namespace {

// Sums in the processor's own byte order; RFC 1071 2 (B) allows it, swapped at the end.
std::uint64_t add_plain(const std::uint8_t* from, std::size_t size, std::uint64_t sum) {
    while (size >= 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, from, 4);
        sum += word;
        from += 4;
        size -= 4;
    }
    if (size != 0) {
        std::uint32_t word = 0;
        std::memcpy(&word, from, size);
        sum += word;
    }
    return sum;
}

std::uint16_t finish(std::uint64_t sum) {
    sum = (sum & 0xffffffffU) + (sum >> 32U);
    sum = (sum & 0xffffffffU) + (sum >> 32U);
    const std::uint16_t folded =
        fold(static_cast<std::uint32_t>((sum & 0xffffU) + (sum >> 16U & 0xffffU)));
    return std::endian::native == std::endian::little ? std::byteswap(folded) : folded;
}

#if defined(__x86_64__)

constexpr std::size_t vector_octets = 32;

[[gnu::target("avx2")]] inline __m256i load(const std::uint8_t* from) {
    // The intrinsics for unaligned access are declared for aligned pointers.
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// Adds up words as signed ones, two at a time, each 2^15 less than it is: what `words` of them lack
// is added at the end. A lane takes 2^15 vectors before it overflows, which no packet has.
template <bool copy>
[[gnu::target("avx2")]] std::uint64_t add_vectors(const std::uint8_t* from, std::uint8_t* to,
                                                  std::size_t size) {
    const __m256i sign = _mm256_set1_epi16(INT16_MIN);
    const __m256i ones = _mm256_set1_epi16(1);
    const std::size_t words = size / vector_octets * (vector_octets / 2);
    const auto take = [&](std::size_t at) __attribute__((target("avx2"), always_inline)) {
        const __m256i octets = load(from + at);
        if constexpr (copy) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at), octets); }
        return _mm256_madd_epi16(_mm256_xor_si256(octets, sign), ones);
    };
    const auto step = [&](std::size_t octets) {
        from += octets;
        if constexpr (copy) { to += octets; }
        size -= octets;
    };
    __m256i first = _mm256_setzero_si256();
    __m256i second = first;
    __m256i third = first;
    __m256i fourth = first;
    while (size >= 4 * vector_octets) {
        first = _mm256_add_epi32(first, take(0));
        second = _mm256_add_epi32(second, take(vector_octets));
        third = _mm256_add_epi32(third, take(2 * vector_octets));
        fourth = _mm256_add_epi32(fourth, take(3 * vector_octets));
        step(4 * vector_octets);
    }
    while (size >= vector_octets) {
        first = _mm256_add_epi32(first, take(0));
        step(vector_octets);
    }
    first = _mm256_add_epi32(_mm256_add_epi32(first, second), _mm256_add_epi32(third, fourth));
    // Halves of 64 bits: the whole sum may be larger than a lane.
    const __m256i wide =
        _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(first)),
                         _mm256_cvtepi32_epi64(_mm256_extracti128_si256(first, 1)));
    const __m128i half =
        _mm_add_epi64(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    const std::int64_t sum = _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
    return static_cast<std::uint64_t>(sum + static_cast<std::int64_t>(words << 15U));
}

bool has_avx2() {
    static const bool has = __builtin_cpu_supports("avx2") != 0;
    return has;
}

#endif

}  // namespace

std::uint16_t internet_sum(ByteView octets) {
    const std::uint8_t* from = octets.data();
    std::size_t size = octets.size();
    std::uint64_t sum = 0;
#if defined(__x86_64__)
    if (size >= vector_octets && has_avx2()) {
        sum = add_vectors<false>(from, nullptr, size);
        from += size / vector_octets * vector_octets;
        size %= vector_octets;
    }
#endif
    return finish(add_plain(from, size, sum));
}

std::uint16_t copy_and_sum(ByteView octets, std::uint8_t* to) {
    const std::uint8_t* from = octets.data();
    std::size_t size = octets.size();
    std::uint64_t sum = 0;
#if defined(__x86_64__)
    if (size >= vector_octets && has_avx2()) {
        sum = add_vectors<true>(from, to, size);
        from += size / vector_octets * vector_octets;
        to += size / vector_octets * vector_octets;
        size %= vector_octets;
    }
#endif
    if (size != 0) { std::memcpy(to, from, size); }
    return finish(add_plain(from, size, sum));
}

}  // namespace culvert::ipsec
