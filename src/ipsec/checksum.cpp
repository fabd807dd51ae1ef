#include "ipsec/checksum.hpp"

#include <bit>
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

// Both halves of each 32-bit lane, in lanes of their own: 2^16 rounds cannot overflow them, and no
// packet is that long.
template <bool copy>
[[gnu::target("avx2")]] std::uint64_t add_vectors(const std::uint8_t*& from, std::uint8_t* to,
                                                  std::size_t& size) {
    const __m256i low_halves = _mm256_set1_epi32(0xffff);
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    while (size >= vector_octets) {
        // The intrinsics for unaligned access are declared for aligned pointers.
        const __m256i word = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        if constexpr (copy) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), word);
            to += vector_octets;
        }
        low = _mm256_add_epi32(low, _mm256_and_si256(word, low_halves));
        high = _mm256_add_epi32(high, _mm256_srli_epi32(word, 16));
        from += vector_octets;
        size -= vector_octets;
    }
    alignas(vector_octets) std::uint32_t lanes[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(low, high));
    std::uint64_t sum = 0;
    for (const std::uint32_t lane : lanes) { sum += lane; }
    return sum;
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
    if (size >= vector_octets && has_avx2()) { sum = add_vectors<false>(from, nullptr, size); }
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
        to += octets.size() - size;
    }
#endif
    if (size != 0) { std::memcpy(to, from, size); }
    return finish(add_plain(from, size, sum));
}

}  // namespace culvert::ipsec
