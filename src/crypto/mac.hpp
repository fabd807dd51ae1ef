#pragma once
// A keyed MAC: what PRFs and integrity algorithms are made of. For the sources of this room.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>

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
    // RFC 2104 2: the hash of the key with one pad and the other, to go on from.
    struct Hmac {
        Hmac(MacAlgorithm algorithm, ByteView key);
        Secret compute(std::span<const ByteView> data, std::size_t size) const;

        Handle<evp_md_ctx_st> inner;
        Handle<evp_md_ctx_st> outer;
    };
    struct Cmac {
        explicit Cmac(ByteView key);
        Secret compute(std::span<const ByteView> data, std::size_t size) const;

        Handle<evp_mac_ctx_st> keyed;
    };
    using Method = std::variant<Hmac, Cmac, Xcbc>;
    static Method method_of(MacAlgorithm algorithm, ByteView key);

    MacAlgorithm algorithm_;
    Method method_;
};

// For a key that is used once: Mac's, without what it keeps to go on from.
Secret mac_once(MacAlgorithm algorithm, ByteView key, std::span<const ByteView> data);

}  // namespace culvert::crypto
