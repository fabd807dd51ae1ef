#pragma once
// AES-XCBC-MAC (RFC 3566 4), for the sources of this room.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {

class Xcbc {
 public:
    static constexpr std::size_t block_size = 16;

    // Exactly 16 octets of key.
    explicit Xcbc(ByteView key);

    // All 16 octets of the MAC of data[0] | data[1] | ...
    Secret compute(std::span<const ByteView> data) const;

 private:
    Secret k1_{block_size};
    Secret k2_{block_size};
    Secret k3_{block_size};
};

}  // namespace culvert::crypto
