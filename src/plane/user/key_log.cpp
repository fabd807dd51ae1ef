#include "plane/user/key_log.hpp"

#ifdef CULVERT_KEY_LOG

#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "plane/file_descriptor.hpp"

namespace culvert::plane {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;

// tshark's words (4.0). Empty: it has none for this one.
std::string_view encryption_word(EncryptionAlgorithm algorithm) {
    switch (algorithm) {
        case EncryptionAlgorithm::null: return "NULL";
        case EncryptionAlgorithm::des3_cbc: return "TripleDES-CBC [RFC2451]";
        case EncryptionAlgorithm::aes_cbc: return "AES-CBC [RFC3602]";
        case EncryptionAlgorithm::aes_ctr: return "AES-CTR [RFC3686]";
        case EncryptionAlgorithm::aes_gcm_8: return "AES-GCM with 8 octet ICV [RFC4106]";
        case EncryptionAlgorithm::aes_gcm_12: return "AES-GCM with 12 octet ICV [RFC4106]";
        case EncryptionAlgorithm::aes_gcm_16: return "AES-GCM with 16 octet ICV [RFC4106]";
        case EncryptionAlgorithm::chacha20_poly1305:
        case EncryptionAlgorithm::none:
        case EncryptionAlgorithm::aes_ccm_8:
        case EncryptionAlgorithm::aes_ccm_12:
        case EncryptionAlgorithm::aes_ccm_16:
        case EncryptionAlgorithm::null_auth_aes_gmac:
        case EncryptionAlgorithm::aes_ccm_8_iiv:
        case EncryptionAlgorithm::aes_gcm_16_iiv:
        case EncryptionAlgorithm::chacha20_poly1305_iiv: return {};
    }
    return {};
}

std::string_view integrity_word(IntegrityAlgorithm algorithm) {
    switch (algorithm) {
        case IntegrityAlgorithm::none: return "NULL";
        case IntegrityAlgorithm::hmac_md5_96: return "HMAC-MD5-96 [RFC2403]";
        case IntegrityAlgorithm::hmac_sha1_96: return "HMAC-SHA-1-96 [RFC2404]";
        case IntegrityAlgorithm::hmac_sha2_256_128: return "HMAC-SHA-256-128 [RFC4868]";
        case IntegrityAlgorithm::hmac_sha2_384_192: return "HMAC-SHA-384-192 [RFC4868]";
        case IntegrityAlgorithm::hmac_sha2_512_256: return "HMAC-SHA-512-256 [RFC4868]";
        case IntegrityAlgorithm::hmac_sha2_256_96:
        // It knows how long these are, not how to check them.
        case IntegrityAlgorithm::aes_xcbc_96:
        case IntegrityAlgorithm::aes_cmac_96: return "ANY 96 bit authentication [no checking]";
        case IntegrityAlgorithm::aes128_gmac:
        case IntegrityAlgorithm::aes192_gmac:
        case IntegrityAlgorithm::aes256_gmac: return {};
    }
    return {};
}

std::string hex(const Secret& key) {
    return key.empty() ? std::string{} : fmt::format("0x{}", to_hex(key.reveal()));
}

struct Direction {
    const Endpoint& source;
    const Endpoint& destination;
    EspSpi spi;
    const IpsecKeys& keys;
};

std::string line(const ChildSa& sa, const Direction& way) {
    const std::string_view encryption = encryption_word(sa.suite.encryption);
    const std::string_view integrity = integrity_word(sa.suite.integrity);
    if (encryption.empty() || integrity.empty()) { return {}; }
    return fmt::format(R"("{}","{}","{}","{:#010x}","{}","{}","{}","{}","{}","0x00000000")"
                       "\n",
                       way.source.address.is_v4() ? "IPv4" : "IPv6", way.source.address.to_string(),
                       way.destination.address.to_string(), way.spi.value(), encryption,
                       hex(way.keys.encryption), integrity, hex(way.keys.integrity),
                       sa.suite.esn ? "64-bit" : "32-bit");
}

}  // namespace

std::string key_log_lines(const ChildSa& sa) {
    return line(sa, {sa.remote, sa.local, sa.inbound_spi, sa.inbound}) +
           line(sa, {sa.local, sa.remote, sa.outbound_spi, sa.outbound});
}

void write_key_log(const std::string& path, const ChildSa& sa) {
    const FileDescriptor fd{
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    const std::string text = key_log_lines(sa);
    // A debugging aid: what cannot be written is missed by whoever debugs.
    if (fd) { [[maybe_unused]] const auto size = ::write(fd.get(), text.data(), text.size()); }
}

}  // namespace culvert::plane

#endif
