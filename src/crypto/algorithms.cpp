#include "crypto/algorithms.hpp"

namespace culvert::crypto {
namespace {

bool aes_key(std::uint16_t bits) { return bits == 128 || bits == 192 || bits == 256; }

// Combined modes of AES: `salt` octets of the key material lie behind the key.
CipherSizes aes_aead(std::uint16_t bits, std::size_t salt, std::size_t iv, std::size_t icv) {
    if (!aes_key(bits)) { return {.block = 0}; }
    return {.key = bits / 8U, .salt = salt, .iv = iv, .block = 1, .icv = icv};
}

}  // namespace

bool is_aead(EncryptionAlgorithm algorithm) {
    using enum EncryptionAlgorithm;
    switch (algorithm) {
        case aes_ccm_8:
        case aes_ccm_12:
        case aes_ccm_16:
        case aes_gcm_8:
        case aes_gcm_12:
        case aes_gcm_16:
        case null_auth_aes_gmac:
        case chacha20_poly1305:
        case aes_ccm_8_iiv:
        case aes_gcm_16_iiv:
        case chacha20_poly1305_iiv: return true;
        case none:
        case des3_cbc:
        case null:
        case aes_cbc:
        case aes_ctr: return false;
    }
    return false;
}

CipherSizes sizes_of(EncryptionAlgorithm algorithm, std::uint16_t key_bits) {
    using enum EncryptionAlgorithm;
    const bool fixed_256 = key_bits == 0 || key_bits == 256;
    switch (algorithm) {
        case des3_cbc:
            if (key_bits != 0 && key_bits != 192) { break; }
            return {.key = 24, .iv = 8, .block = 8};
        case null: return {};
        case aes_cbc:
            if (!aes_key(key_bits)) { break; }
            return {.key = key_bits / 8U, .iv = 16, .block = 16};
        case aes_ctr:
            if (!aes_key(key_bits)) { break; }
            return {.key = key_bits / 8U, .salt = 4, .iv = 8, .block = 1};
        case aes_ccm_8: return aes_aead(key_bits, 3, 8, 8);
        case aes_ccm_12: return aes_aead(key_bits, 3, 8, 12);
        case aes_ccm_16: return aes_aead(key_bits, 3, 8, 16);
        case aes_gcm_8: return aes_aead(key_bits, 4, 8, 8);
        case aes_gcm_12: return aes_aead(key_bits, 4, 8, 12);
        case aes_gcm_16:
        case null_auth_aes_gmac: return aes_aead(key_bits, 4, 8, 16);
        case aes_ccm_8_iiv: return aes_aead(key_bits, 3, 0, 8);
        case aes_gcm_16_iiv: return aes_aead(key_bits, 4, 0, 16);
        case chacha20_poly1305:
            if (!fixed_256) { break; }
            return {.key = 32, .salt = 4, .iv = 8, .block = 1, .icv = 16};
        case chacha20_poly1305_iiv:
            if (!fixed_256) { break; }
            return {.key = 32, .salt = 4, .iv = 0, .block = 1, .icv = 16};
        case none: break;
    }
    return {.block = 0};
}

IntegritySizes sizes_of(IntegrityAlgorithm algorithm) {
    using enum IntegrityAlgorithm;
    switch (algorithm) {
        case hmac_md5_96: return {.key = 16, .icv = 12};
        case hmac_sha1_96: return {.key = 20, .icv = 12};
        case aes_xcbc_96:
        case aes_cmac_96: return {.key = 16, .icv = 12};
        case aes128_gmac: return {.key = 20, .icv = 16};  // with the 4-octet salt (RFC 4543 5.1)
        case aes192_gmac: return {.key = 28, .icv = 16};
        case aes256_gmac: return {.key = 36, .icv = 16};
        case hmac_sha2_256_128: return {.key = 32, .icv = 16};
        case hmac_sha2_384_192: return {.key = 48, .icv = 24};
        case hmac_sha2_512_256: return {.key = 64, .icv = 32};
        case hmac_sha2_256_96: return {.key = 32, .icv = 12};
        case none: break;
    }
    return {};
}

}  // namespace culvert::crypto
