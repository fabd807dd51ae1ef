#include "crypto/packet_cipher.hpp"

#include <utility>

#include <fmt/format.h>

#include "crypto/packet_cipher_engine.hpp"

namespace culvert::crypto {
namespace {

Error unsupported_suite(const PacketCipher::Parameters& p) {
    return {.code = ErrorCode::unsupported,
            .wanted = "an ESP suite that the packet engine has",
            .received = fmt::format("encryption {} ({} bits) with integrity {}",
                                    std::to_underlying(p.encryption), p.key_bits,
                                    std::to_underlying(p.integrity)),
            .remedy = "choose another esp_proposals entry"};
}

Error wrong_key_size(std::string_view what, std::size_t wanted, std::size_t received) {
    return {.code = ErrorCode::bad_key_material,
            .wanted = fmt::format("{} of {} octets", what, wanted),
            .received = fmt::format("{} octets", received)};
}

}  // namespace

bool PacketCipher::supports(const Parameters& p) {
    if (sizes_of(p.encryption, p.key_bits).block == 0) { return false; }
    if (is_aead(p.encryption)) { return p.integrity == IntegrityAlgorithm::none; }
    switch (p.integrity) {
        case IntegrityAlgorithm::hmac_md5_96:
        case IntegrityAlgorithm::hmac_sha1_96:
        case IntegrityAlgorithm::aes_xcbc_96:
        case IntegrityAlgorithm::aes_cmac_96:
        case IntegrityAlgorithm::hmac_sha2_256_128:
        case IntegrityAlgorithm::hmac_sha2_384_192:
        case IntegrityAlgorithm::hmac_sha2_512_256:
        case IntegrityAlgorithm::hmac_sha2_256_96: return true;
        // Encryption without integrity is never built (RFC 8221 4).
        case IntegrityAlgorithm::none:
        // AH's; ESP has null_auth_aes_gmac instead (RFC 4543 9).
        case IntegrityAlgorithm::aes128_gmac:
        case IntegrityAlgorithm::aes192_gmac:
        case IntegrityAlgorithm::aes256_gmac: return false;
    }
    return false;
}

Result<PacketCipher> PacketCipher::create(const Parameters& parameters,
                                          const Secret& encryption_key, const Secret& integrity_key,
                                          Backend backend) {
    if (!supports(parameters)) { return std::unexpected(unsupported_suite(parameters)); }
    const CipherSizes sizes = sizes_of(parameters.encryption, parameters.key_bits);
    const IntegritySizes mac = sizes_of(parameters.integrity);
    if (encryption_key.size() != sizes.key + sizes.salt) {
        return std::unexpected(
            wrong_key_size("an encryption key", sizes.key + sizes.salt, encryption_key.size()));
    }
    if (integrity_key.size() != mac.key) {
        return std::unexpected(wrong_key_size("an integrity key", mac.key, integrity_key.size()));
    }
    const PacketKeys keys{.parameters = parameters,
                          .sizes = sizes,
                          .icv_size = is_aead(parameters.encryption) ? sizes.icv : mac.icv,
                          .key = encryption_key.reveal().first(sizes.key),
                          .salt = encryption_key.reveal().subspan(sizes.key),
                          .integrity = integrity_key.reveal()};
    std::unique_ptr<Engine> engine;
    if (backend == Backend::automatic) { engine = make_vaes_engine(keys); }
    if (!engine && backend != Backend::portable) { engine = make_ipsec_mb_engine(keys); }
    if (!engine) { engine = make_openssl_engine(keys); }
    if (!engine) { return std::unexpected(unsupported_suite(parameters)); }
    engine->iv_size = sizes.iv;
    engine->icv_size = keys.icv_size;
    engine->block = sizes.block;
    return PacketCipher{std::move(engine)};
}

PacketCipher::PacketCipher(std::unique_ptr<const Engine> engine)
    : engine_(std::move(engine)),
      iv_size_(engine_->iv_size),
      icv_size_(engine_->icv_size),
      block_(engine_->block),
      multi_buffer_(engine_->multi_buffer) {}
PacketCipher::PacketCipher() = default;
PacketCipher::PacketCipher(PacketCipher&&) noexcept = default;
PacketCipher& PacketCipher::operator=(PacketCipher&&) noexcept = default;
PacketCipher::~PacketCipher() = default;

void PacketCipher::seal(CipherLanes& lanes, std::span<CipherJob> jobs) const {
    engine_->seal(lanes.impl(), jobs);
}

void PacketCipher::open(CipherLanes& lanes, std::span<CipherJob> jobs) const {
    engine_->open(lanes.impl(), jobs);
}

}  // namespace culvert::crypto
