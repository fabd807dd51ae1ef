#pragma once
// AES-GCM (NIST SP 800-38D) with the wide AES and carry-less multiplication instructions of
// processors that have them without AVX-512: the multi-buffer library of this release goes one
// block at a time there. Not for others than the packet ciphers.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace culvert::crypto {

// Expanded keys. Trivial: whoever holds it sees to it that it is wiped.
struct GcmVaesKey {
    alignas(32) std::array<std::uint8_t, 16 * 15> round_keys;
    // Powers of the hash key, the tenth first, each as the multiplication wants it.
    alignas(32) std::array<std::uint8_t, 16 * 10> powers;
    unsigned rounds;
};

// One packet. The words are as they lie in memory; `aad` has two or three of them.
struct GcmVaesPacket {
    std::array<std::uint32_t, 3> nonce;
    std::array<std::uint32_t, 3> aad;
    std::size_t aad_size;  // 8 or 12 octets
    const std::uint8_t* in;
    std::uint8_t* out;  // the same as `in`, or apart from it
    std::size_t size;   // of both, any
};

// Whether this processor has what the rest needs.
bool gcm_vaes_runs();
// And has not AVX-512, with which ipsec-mb is faster.
bool gcm_vaes_serves();

// `key` has 16, 24 or 32 octets.
void gcm_vaes_expand(ByteView key, GcmVaesKey& out);
// The whole tag; whoever opens compares it.
std::array<std::uint8_t, 16> gcm_vaes_seal(const GcmVaesKey& key, const GcmVaesPacket& packet);
std::array<std::uint8_t, 16> gcm_vaes_open(const GcmVaesKey& key, const GcmVaesPacket& packet);

}  // namespace culvert::crypto
