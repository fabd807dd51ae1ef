#include "ike/v2/key_log.hpp"

#include <string>

#include <fmt/format.h>

namespace culvert::ike::v2 {

#ifdef CULVERT_KEY_LOG

namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;

// The words of Wireshark 4.0's tables; empty for what it does not know.
std::string encryption_words(EncryptionAlgorithm algorithm, std::uint16_t key_bits) {
    switch (algorithm) {
        case EncryptionAlgorithm::des3_cbc: return "3DES [RFC2451]";
        case EncryptionAlgorithm::null: return "NULL [RFC2410]";
        case EncryptionAlgorithm::aes_cbc: return fmt::format("AES-CBC-{} [RFC3602]", key_bits);
        case EncryptionAlgorithm::aes_ctr: return fmt::format("AES-CTR-{} [RFC5930]", key_bits);
        case EncryptionAlgorithm::aes_gcm_8:
            return fmt::format("AES-GCM-{} with 8 octet ICV [RFC5282]", key_bits);
        case EncryptionAlgorithm::aes_gcm_12:
            return fmt::format("AES-GCM-{} with 12 octet ICV [RFC5282]", key_bits);
        case EncryptionAlgorithm::aes_gcm_16:
            return fmt::format("AES-GCM-{} with 16 octet ICV [RFC5282]", key_bits);
        case EncryptionAlgorithm::aes_ccm_8:
            return fmt::format("AES-CCM-{} with 8 octet ICV [RFC5282]", key_bits);
        case EncryptionAlgorithm::aes_ccm_12:
            return fmt::format("AES-CCM-{} with 12 octet ICV [RFC5282]", key_bits);
        case EncryptionAlgorithm::aes_ccm_16:
            return fmt::format("AES-CCM-{} with 16 octet ICV [RFC5282]", key_bits);
        default: return {};
    }
}

std::string integrity_words(IntegrityAlgorithm algorithm) {
    switch (algorithm) {
        case IntegrityAlgorithm::none: return "NONE [RFC4306]";
        case IntegrityAlgorithm::hmac_md5_96: return "HMAC_MD5_96 [RFC2403]";
        case IntegrityAlgorithm::hmac_sha1_96: return "HMAC_SHA1_96 [RFC2404]";
        case IntegrityAlgorithm::hmac_sha2_256_128: return "HMAC_SHA2_256_128 [RFC4868]";
        case IntegrityAlgorithm::hmac_sha2_384_192: return "HMAC_SHA2_384_192 [RFC4868]";
        case IntegrityAlgorithm::hmac_sha2_512_256: return "HMAC_SHA2_512_256 [RFC4868]";
        case IntegrityAlgorithm::aes_xcbc_96:
        case IntegrityAlgorithm::aes_cmac_96:
        case IntegrityAlgorithm::hmac_sha2_256_96:
            return "ANY 96-bits of Authentication [No Checking]";
        default: return {};
    }
}

}  // namespace

void log_keys(const SaCore& sa, const IkeKeys& keys, const Environment& env) {
    const std::string encryption = encryption_words(sa.suite->encryption, sa.suite->key_bits);
    const std::string integrity = integrity_words(sa.suite->integrity);
    if (encryption.empty() || integrity.empty()) { return; }
    env.emit(KeyLog{.line = fmt::format("{:016x},{:016x},{},{},\"{}\",{},{},\"{}\"",
                                        sa.initiator_spi().value(), sa.responder_spi().value(),
                                        to_hex(keys.sk_ei.reveal()), to_hex(keys.sk_er.reveal()),
                                        encryption, to_hex(keys.sk_ai.reveal()),
                                        to_hex(keys.sk_ar.reveal()), integrity)});
}

#else

void log_keys(const SaCore& /*sa*/, const IkeKeys& /*keys*/, const Environment& /*env*/) {}

#endif

}  // namespace culvert::ike::v2
