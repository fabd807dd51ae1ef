#pragma once
// A keyed MAC: what PRFs and integrity algorithms are made of. For the sources of this room.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/openssl_handles.hpp"
#include "crypto/xcbc.hpp"

namespace culvert::crypto {

enum class MacAlgorithm : std::uint8_t {
    hmac_md5,  // of ESP and AH only, where somebody names it
    hmac_sha1,
    hmac_sha2_256,
    hmac_sha2_384,
    hmac_sha2_512,
    aes128_xcbc,
    aes128_cmac,
};

std::size_t mac_size(MacAlgorithm algorithm);

class Mac {
 public:
    // HMAC takes a key of any length, the AES MACs exactly 16 octets.
    Mac(MacAlgorithm algorithm, ByteView key);

    // The whole MAC of data[0] | data[1] | ...
    Secret compute(std::span<const ByteView> data) const;

 private:
    MacAlgorithm algorithm_;
    Handle<evp_mac_ctx_st> keyed_;  // all but XCBC, which the library does not have
    std::unique_ptr<Xcbc> xcbc_;
};

}  // namespace culvert::crypto
