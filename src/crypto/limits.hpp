#pragma once
// Every limit of this room.

#include <cstdint>

namespace culvert::crypto {

// IVs that one key of a counter mode may use. Far more than the 2^32 message ids of an IKE SA with
// all their fragments, far less than a wrap.
inline constexpr std::uint64_t counter_ivs_max = std::uint64_t{1} << 48U;

// Draws of a private value before we say that the random source is broken: the worst curve refuses
// one in two.
inline constexpr int private_value_draws_max = 256;

// Of RSA keys that come from outside: what verifying one signature may cost.
inline constexpr unsigned rsa_modulus_bits_max = 16384;
inline constexpr unsigned rsa_exponent_bits_max = 64;

}  // namespace culvert::crypto
