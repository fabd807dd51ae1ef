#pragma once
// The algorithms by their IANA numbers ("Internet Key Exchange Version 2 (IKEv2) Parameters"). A
// number that is not named here is well-formed on the wire and simply never chosen.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace culvert::crypto {

// Transform type 1.
enum class EncryptionAlgorithm : std::uint16_t {
    none = 0,
    des3_cbc = 3,
    null = 11,
    aes_cbc = 12,
    aes_ctr = 13,
    aes_ccm_8 = 14,
    aes_ccm_12 = 15,
    aes_ccm_16 = 16,
    aes_gcm_8 = 18,
    aes_gcm_12 = 19,
    aes_gcm_16 = 20,
    null_auth_aes_gmac = 21,
    chacha20_poly1305 = 28,
    aes_ccm_8_iiv = 29,
    aes_gcm_16_iiv = 30,
    chacha20_poly1305_iiv = 31,
};

// Transform type 2.
enum class PrfAlgorithm : std::uint16_t {
    none = 0,
    hmac_md5 = 1,
    hmac_sha1 = 2,
    aes128_xcbc = 4,
    hmac_sha2_256 = 5,
    hmac_sha2_384 = 6,
    hmac_sha2_512 = 7,
    aes128_cmac = 8,
};

// Transform type 3.
enum class IntegrityAlgorithm : std::uint16_t {
    none = 0,
    hmac_md5_96 = 1,
    hmac_sha1_96 = 2,
    aes_xcbc_96 = 5,
    aes_cmac_96 = 8,
    aes128_gmac = 9,
    aes192_gmac = 10,
    aes256_gmac = 11,
    hmac_sha2_256_128 = 12,
    hmac_sha2_384_192 = 13,
    hmac_sha2_512_256 = 14,
    // Private use, for peers that truncate SHA2-256 to 96 bits (swanctl's sha256_96).
    hmac_sha2_256_96 = 1026,
};

// Transform type 4 (and 6 to 12 of RFC 9370).
enum class KeMethod : std::uint16_t {
    none = 0,
    modp768 = 1,
    modp1024 = 2,
    modp1536 = 5,
    modp2048 = 14,
    modp3072 = 15,
    modp4096 = 16,
    modp6144 = 17,
    modp8192 = 18,
    ecp256 = 19,
    ecp384 = 20,
    ecp521 = 21,
    modp1024s160 = 22,
    modp2048s224 = 23,
    modp2048s256 = 24,
    ecp192 = 25,
    ecp224 = 26,
    ecp224bp = 27,
    ecp256bp = 28,
    ecp384bp = 29,
    ecp512bp = 30,
    curve25519 = 31,
    curve448 = 32,
    mlkem512 = 35,
    mlkem768 = 36,
    mlkem1024 = 37,
};

// Combined-mode ciphers authenticate by themselves: no integrity transform beside them (RFC 5282,
// RFC 7296 3.3).
bool is_aead(EncryptionAlgorithm algorithm);

// What ESP and IKE need to know of a cipher, in octets, for a key of `key_bits` (0 where the
// algorithm fixes it).
struct CipherSizes {
    std::size_t key = 0;    // without salt
    std::size_t salt = 0;   // taken from the key material behind the key
    std::size_t iv = 0;     // explicit, in the packet
    std::size_t block = 1;  // plaintext is padded to this
    std::size_t icv = 0;    // of an AEAD; 0 else
};
// Sizes of all zero (block 0) when the algorithm or key length is not one that we know.
CipherSizes sizes_of(EncryptionAlgorithm algorithm, std::uint16_t key_bits);

struct IntegritySizes {
    std::size_t key = 0;
    std::size_t icv = 0;
};
IntegritySizes sizes_of(IntegrityAlgorithm algorithm);

}  // namespace culvert::crypto
