#include "crypto/gcm_vaes.hpp"

#include <bit>
#include <cstring>

#include "base/assert.hpp"
#include "crypto/gcm_vaes_steps.hpp"

namespace culvert::crypto {

#if defined(__x86_64__)

namespace {

using namespace gcm_vaes;

// ---- Ends of less than two blocks

alignas(32) constexpr std::array<std::uint8_t, 64> ones_then_zeros = [] {
    std::array<std::uint8_t, 64> out{};
    for (std::size_t i = 0; i < 32; ++i) { out[i] = 0xff; }
    return out;
}();

// `size` octets of ones, zeros behind them.
CULVERT_VAES_INLINE __m256i first_octets(std::size_t size) {
    return load_two(ones_then_zeros.data() + 32 - size);
}

CULVERT_VAES_INLINE __m256i load_part(const std::uint8_t* from, std::size_t size) {
    if (size % 4 == 0) {
        // Reads no octet that is masked, nor its page.
        return _mm256_maskload_epi32(reinterpret_cast<const int*>(from), first_octets(size));
    }
    alignas(32) std::array<std::uint8_t, 32> whole{};
    std::memcpy(whole.data(), from, size);
    return load_two(whole.data());
}

CULVERT_VAES_INLINE void store_part(std::uint8_t* to, __m256i value, std::size_t size) {
    __m128i left = _mm256_castsi256_si128(value);
    if (size >= block) {
        store(to, left);
        left = _mm256_extracti128_si256(value, 1);
        to += block;
        size -= block;
    }
    if (size >= 8) {
        _mm_storeu_si64(to, left);
        left = _mm_srli_si128(left, 8);
        to += 8;
        size -= 8;
    }
    auto word = static_cast<std::uint64_t>(_mm_cvtsi128_si64(left));
    if (size >= 4) {
        std::memcpy(to, &word, 4);
        word >>= 32U;
        to += 4;
        size -= 4;
    }
    for (; size != 0; --size, word >>= 8U) { *to++ = static_cast<std::uint8_t>(word); }
}

// What is left behind the last whole chunk, and the lengths: the last block of the hash.
template <std::size_t rounds, bool seal>
CULVERT_VAES_INLINE __m128i finish(const GcmVaesKey& key, __m256i counters, const std::uint8_t* in,
                                   std::uint8_t* out, std::size_t left, __m128i lengths,
                                   __m128i state) {
    const __m256i reverse = _mm256_broadcastsi128_si256(reversing());
    Sum sum = nothing();
    if (left != 0) {
        Lanes lanes;
        __m128i unused = state;
        most_rounds<rounds, false>(key, lanes, counters, nullptr, unused);
        const __m256i last = round_keys(key, rounds);
        std::size_t index = index_of((left + block - 1) / block + 1);
        __m256i before = _mm256_zextsi128_si256(state);
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) {
            if (left == 0) { break; }
            const std::size_t size = left < 2 * block ? left : 2 * block;
            const __m256i text = size == 2 * block ? load_two(in) : load_part(in, size);
            const __m256i result =
                _mm256_aesenclast_epi128(lanes.two[i], _mm256_xor_si256(last, text));
            if (size == 2 * block) {
                store_two(out, result);
            } else {
                store_part(out, result, size);
            }
            const __m256i cipher = seal ? _mm256_and_si256(result, first_octets(size)) : text;
            add(sum, _mm256_xor_si256(_mm256_shuffle_epi8(cipher, reverse), before), key, index);
            before = _mm256_setzero_si256();
            index += 2;
            in += size;
            out += size;
            left -= size;
        }
    } else {
        lengths = _mm_xor_si128(lengths, state);
    }
    add(sum, _mm256_inserti128_si256(_mm256_setzero_si256(), lengths, 1), key, index_of(2));
    return total(sum);
}

CULVERT_VAES_INLINE __m128i of_words(std::uint32_t first, std::uint32_t second, std::uint32_t third,
                                     std::uint32_t last) {
    return _mm_set_epi32(static_cast<int>(__builtin_bswap32(first)),
                         static_cast<int>(__builtin_bswap32(second)),
                         static_cast<int>(__builtin_bswap32(third)), static_cast<int>(last));
}

template <std::size_t rounds, bool seal>
CULVERT_VAES std::array<std::uint8_t, 16> crypt(const GcmVaesKey& key,
                                                const GcmVaesPacket& packet) {
    const __m128i first = of_words(packet.nonce[0], packet.nonce[1], packet.nonce[2], 1);
    const __m128i mask = enciphered(key, rounds, reversed(first));
    __m128i state = product(
        of_words(packet.aad[0], packet.aad[1], packet.aad_size == 12 ? packet.aad[2] : 0, 0),
        load(key.powers.data() + block * index_of(1)));
    __m256i counters = _mm256_add_epi32(_mm256_broadcastsi128_si256(first),
                                        _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 1));
    const std::uint8_t* in = packet.in;
    std::uint8_t* out = packet.out;
    std::size_t left = packet.size;
    if constexpr (seal) {
        // The hash is one chunk behind: it wants what the cipher has made.
        if (left >= chunk) {
            crypt_chunk<rounds, false>(key, counters, in, out, nullptr, state);
            for (left -= chunk; left >= chunk; left -= chunk) {
                in += chunk;
                out += chunk;
                crypt_chunk<rounds, true>(key, counters, in, out, out - chunk, state);
            }
            state = hash_chunk(key, out, state);
            in += chunk;
            out += chunk;
        }
    } else {
        for (; left >= chunk; left -= chunk) {
            crypt_chunk<rounds, true>(key, counters, in, out, in, state);
            in += chunk;
            out += chunk;
        }
    }
    const __m128i lengths = _mm_set_epi64x(static_cast<long long>(packet.aad_size * 8),
                                           static_cast<long long>(packet.size * 8));
    state = finish<rounds, seal>(key, counters, in, out, left, lengths, state);
    std::array<std::uint8_t, 16> tag;
    store(tag.data(), _mm_xor_si128(reversed(state), mask));
    return tag;
}

// FIPS 197 5.2, a word at a time; the words as they lie in memory.
CULVERT_VAES std::uint32_t substituted(std::uint32_t word) {
    return static_cast<std::uint32_t>(
        _mm_cvtsi128_si32(_mm_aeskeygenassist_si128(_mm_set1_epi32(static_cast<int>(word)), 0)));
}

CULVERT_VAES void expand_cipher(ByteView key, GcmVaesKey& out) {
    const std::size_t key_words = key.size() / 4;
    const std::size_t words = 4 * (key_words + 7);
    out.rounds = static_cast<unsigned>(key_words + 6);
    std::uint8_t* const to = out.round_keys.data();
    std::memcpy(to, key.data(), key.size());
    std::uint32_t constant = 1;
    std::uint32_t word = 0;
    std::memcpy(&word, to + key.size() - 4, 4);
    for (std::size_t i = key_words; i < words; ++i) {
        if (i % key_words == 0) {
            word = substituted(std::rotr(word, 8)) ^ constant;
            constant = constant << 1U ^ (constant >= 0x80 ? 0x11bU : 0U);
        } else if (key_words > 6 && i % key_words == 4) {
            word = substituted(word);
        }
        std::uint32_t earlier = 0;
        std::memcpy(&earlier, to + 4 * (i - key_words), 4);
        word ^= earlier;
        std::memcpy(to + 4 * i, &word, 4);
    }
}

CULVERT_VAES void expand_hash(GcmVaesKey& out) {
    const __m128i key = reversed(enciphered(out, out.rounds, _mm_setzero_si128()));
    // Times x: a shift by one, what falls out of the low half goes into the high one, and what
    // falls out of that comes back as the polynomial.
    const __m128i carries = _mm_srli_epi64(key, 63);
    const __m128i shifted = _mm_or_si128(_mm_slli_epi64(key, 1), _mm_slli_si128(carries, 8));
    const __m128i fallen = _mm_sub_epi64(_mm_setzero_si128(), _mm_unpackhi_epi64(carries, carries));
    const __m128i first =
        _mm_xor_si128(shifted, _mm_and_si128(fallen, _mm_set_epi64x(polynomial_high, 1)));
    __m128i power = first;
    for (std::size_t i = 1; i <= 10; ++i) {
        store(out.powers.data() + block * index_of(i), power);
        power = product(power, first);
    }
}

template <bool seal>
std::array<std::uint8_t, 16> crypt_with(const GcmVaesKey& key, const GcmVaesPacket& packet) {
    switch (key.rounds) {
        case 10: return crypt<10, seal>(key, packet);
        case 12: return crypt<12, seal>(key, packet);
        default: return crypt<14, seal>(key, packet);
    }
}

}  // namespace

bool gcm_vaes_runs() {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("aes") != 0 &&
           __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("vaes") != 0 &&
           __builtin_cpu_supports("vpclmulqdq") != 0;
}

bool gcm_vaes_serves() { return gcm_vaes_runs() && __builtin_cpu_supports("avx512f") == 0; }

void gcm_vaes_expand(ByteView key, GcmVaesKey& out) {
    ASSERT(key.size() == 16 || key.size() == 24 || key.size() == 32);
    expand_cipher(key, out);
    expand_hash(out);
}

std::array<std::uint8_t, 16> gcm_vaes_seal(const GcmVaesKey& key, const GcmVaesPacket& packet) {
    return crypt_with<true>(key, packet);
}

std::array<std::uint8_t, 16> gcm_vaes_open(const GcmVaesKey& key, const GcmVaesPacket& packet) {
    return crypt_with<false>(key, packet);
}

#else

bool gcm_vaes_runs() { return false; }
bool gcm_vaes_serves() { return false; }
void gcm_vaes_expand(ByteView, GcmVaesKey&) { ASSERT(gcm_vaes_serves()); }
std::array<std::uint8_t, 16> gcm_vaes_seal(const GcmVaesKey&, const GcmVaesPacket&) {
    ASSERT(gcm_vaes_serves());
    return {};
}
std::array<std::uint8_t, 16> gcm_vaes_open(const GcmVaesKey&, const GcmVaesPacket&) {
    ASSERT(gcm_vaes_serves());
    return {};
}

#endif

}  // namespace culvert::crypto
