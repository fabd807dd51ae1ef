#pragma once
// Hash functions, by their numbers in "IKEv2 Hash Algorithms" (RFC 7427 7).

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"

namespace culvert::crypto {

enum class HashAlgorithm : std::uint16_t {
    sha1 = 1,  // NAT detection (RFC 7296 2.23), CERTREQ (3.7), IKEv1; no signatures by default
    sha2_256 = 2,
    sha2_384 = 3,
    sha2_512 = 4,
};

// Octets of output; 0 for a number that is not named above.
std::size_t hash_size(HashAlgorithm algorithm);

// hash(data[0] | data[1] | ...). The algorithm must be one that is named above.
Bytes hash(HashAlgorithm algorithm, std::initializer_list<ByteView> data);

}  // namespace culvert::crypto
