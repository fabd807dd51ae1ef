// The registry's names, as strongSwan and VICI spell them.

#include <utility>

#include <fmt/format.h>

#include "ike/proposal/proposal.hpp"

namespace culvert::ike {
namespace {

std::string unknown(std::uint16_t id) { return fmt::format("UNKNOWN_{}", id); }

}  // namespace

std::string to_string(crypto::EncryptionAlgorithm algorithm) {
    switch (algorithm) {
        using enum crypto::EncryptionAlgorithm;
        case none: return "NONE";
        case des3_cbc: return "3DES_CBC";
        case null: return "NULL";
        case aes_cbc: return "AES_CBC";
        case aes_ctr: return "AES_CTR";
        case aes_ccm_8: return "AES_CCM_8";
        case aes_ccm_12: return "AES_CCM_12";
        case aes_ccm_16: return "AES_CCM_16";
        case aes_gcm_8: return "AES_GCM_8";
        case aes_gcm_12: return "AES_GCM_12";
        case aes_gcm_16: return "AES_GCM_16";
        case null_auth_aes_gmac: return "NULL_AES_GMAC";
        case chacha20_poly1305: return "CHACHA20_POLY1305";
        case aes_ccm_8_iiv: return "AES_CCM_8_IIV";
        case aes_gcm_16_iiv: return "AES_GCM_16_IIV";
        case chacha20_poly1305_iiv: return "CHACHA20_POLY1305_IIV";
    }
    return unknown(std::to_underlying(algorithm));
}

std::string to_string(crypto::IntegrityAlgorithm algorithm) {
    switch (algorithm) {
        using enum crypto::IntegrityAlgorithm;
        case none: return "NONE";
        case hmac_md5_96: return "HMAC_MD5_96";
        case hmac_sha1_96: return "HMAC_SHA1_96";
        case aes_xcbc_96: return "AES_XCBC_96";
        case aes_cmac_96: return "AES_CMAC_96";
        case aes128_gmac: return "AES_128_GMAC";
        case aes192_gmac: return "AES_192_GMAC";
        case aes256_gmac: return "AES_256_GMAC";
        case hmac_sha2_256_128: return "HMAC_SHA2_256_128";
        case hmac_sha2_384_192: return "HMAC_SHA2_384_192";
        case hmac_sha2_512_256: return "HMAC_SHA2_512_256";
        case hmac_sha2_256_96: return "HMAC_SHA2_256_96";
    }
    return unknown(std::to_underlying(algorithm));
}

std::string to_string(crypto::PrfAlgorithm algorithm) {
    switch (algorithm) {
        using enum crypto::PrfAlgorithm;
        case none: return "NONE";
        case hmac_md5: return "PRF_HMAC_MD5";
        case hmac_sha1: return "PRF_HMAC_SHA1";
        case aes128_xcbc: return "PRF_AES128_XCBC";
        case hmac_sha2_256: return "PRF_HMAC_SHA2_256";
        case hmac_sha2_384: return "PRF_HMAC_SHA2_384";
        case hmac_sha2_512: return "PRF_HMAC_SHA2_512";
        case aes128_cmac: return "PRF_AES128_CMAC";
    }
    return unknown(std::to_underlying(algorithm));
}

std::string to_string(crypto::KeMethod method) {
    switch (method) {
        using enum crypto::KeMethod;
        case none: return "NONE";
        case modp768: return "MODP_768";
        case modp1024: return "MODP_1024";
        case modp1536: return "MODP_1536";
        case modp2048: return "MODP_2048";
        case modp3072: return "MODP_3072";
        case modp4096: return "MODP_4096";
        case modp6144: return "MODP_6144";
        case modp8192: return "MODP_8192";
        case ecp256: return "ECP_256";
        case ecp384: return "ECP_384";
        case ecp521: return "ECP_521";
        case modp1024s160: return "MODP_1024_160";
        case modp2048s224: return "MODP_2048_224";
        case modp2048s256: return "MODP_2048_256";
        case ecp192: return "ECP_192";
        case ecp224: return "ECP_224";
        case ecp224bp: return "ECP_224_BP";
        case ecp256bp: return "ECP_256_BP";
        case ecp384bp: return "ECP_384_BP";
        case ecp512bp: return "ECP_512_BP";
        case curve25519: return "CURVE_25519";
        case curve448: return "CURVE_448";
        case mlkem512: return "ML_KEM_512";
        case mlkem768: return "ML_KEM_768";
        case mlkem1024: return "ML_KEM_1024";
    }
    return unknown(std::to_underlying(method));
}

std::string to_string(const AdditionalKes& chosen) {
    std::string out;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (chosen.at(i) == crypto::KeMethod::none) { continue; }
        out += fmt::format("/KE{}_{}", i + 1, to_string(chosen.at(i)));
    }
    return out;
}

std::vector<crypto::KeMethod> kes_of(const AdditionalKes& chosen) {
    std::vector<crypto::KeMethod> out;
    for (const crypto::KeMethod method : chosen) {
        if (method != crypto::KeMethod::none) { out.push_back(method); }
    }
    return out;
}

std::string ChosenIkeSuite::to_string() const {
    std::string out = ike::to_string(encryption);
    if (key_bits != 0) { out += fmt::format("-{}", key_bits); }
    if (integrity != crypto::IntegrityAlgorithm::none) { out += "/" + ike::to_string(integrity); }
    return fmt::format("{}/{}/{}{}", out, ike::to_string(prf), ike::to_string(ke),
                       ike::to_string(additional));
}

}  // namespace culvert::ike
