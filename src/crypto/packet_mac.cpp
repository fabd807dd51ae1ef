#include "crypto/packet_mac.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/assert.hpp"
#include "crypto/mac.hpp"
#include "crypto/must.hpp"

namespace culvert::crypto {
namespace {

constexpr std::size_t gmac_salt_size = 4;
constexpr std::size_t gmac_iv_size = 8;

std::optional<MacAlgorithm> mac_of(IntegrityAlgorithm algorithm) {
    switch (algorithm) {
        case IntegrityAlgorithm::hmac_md5_96: return MacAlgorithm::hmac_md5;
        case IntegrityAlgorithm::hmac_sha1_96: return MacAlgorithm::hmac_sha1;
        case IntegrityAlgorithm::aes_xcbc_96: return MacAlgorithm::aes128_xcbc;
        case IntegrityAlgorithm::aes_cmac_96: return MacAlgorithm::aes128_cmac;
        case IntegrityAlgorithm::hmac_sha2_256_96:
        case IntegrityAlgorithm::hmac_sha2_256_128: return MacAlgorithm::hmac_sha2_256;
        case IntegrityAlgorithm::hmac_sha2_384_192: return MacAlgorithm::hmac_sha2_384;
        case IntegrityAlgorithm::hmac_sha2_512_256: return MacAlgorithm::hmac_sha2_512;
        case IntegrityAlgorithm::aes128_gmac:
        case IntegrityAlgorithm::aes192_gmac:
        case IntegrityAlgorithm::aes256_gmac:
        case IntegrityAlgorithm::none: break;
    }
    return std::nullopt;
}

// Null: no GMAC.
const EVP_CIPHER* gmac_cipher(IntegrityAlgorithm algorithm) {
    static const EVP_CIPHER* const aes128 = fetch_cipher("AES-128-GCM");
    static const EVP_CIPHER* const aes192 = fetch_cipher("AES-192-GCM");
    static const EVP_CIPHER* const aes256 = fetch_cipher("AES-256-GCM");
    switch (algorithm) {
        case IntegrityAlgorithm::aes128_gmac: return aes128;
        case IntegrityAlgorithm::aes192_gmac: return aes192;
        case IntegrityAlgorithm::aes256_gmac: return aes256;
        default: return nullptr;
    }
}

Error unsupported_integrity(IntegrityAlgorithm algorithm) {
    return {
        .code = ErrorCode::unsupported,
        .wanted = "an integrity algorithm that the packet engine has for AH",
        .received = fmt::format("integrity algorithm {}", std::to_underlying(algorithm)),
        .remedy = "choose another ah_proposals entry; AH without integrity protects nothing",
    };
}

Error wrong_key_size(std::size_t wanted, std::size_t received) {
    return {.code = ErrorCode::bad_key_material,
            .wanted = fmt::format("an integrity key of {} octets", wanted),
            .received = fmt::format("{} octets", received)};
}

}  // namespace

struct PacketMac::Impl {
    std::optional<Mac> mac{};
    Handle<EVP_CIPHER_CTX> gmac{};  // with its key; copied for each packet
    std::array<std::uint8_t, gmac_salt_size> salt{};

    bool compute_gmac(std::span<const ByteView> pieces, ByteView iv, MutableByteView out) const;
};

bool PacketMac::supports(IntegrityAlgorithm algorithm) {
    return mac_of(algorithm).has_value() || gmac_cipher(algorithm) != nullptr;
}

Result<PacketMac> PacketMac::create(IntegrityAlgorithm algorithm, const Secret& key) {
    if (!supports(algorithm)) { return std::unexpected(unsupported_integrity(algorithm)); }
    const IntegritySizes sizes = sizes_of(algorithm);
    if (key.size() != sizes.key) { return std::unexpected(wrong_key_size(sizes.key, key.size())); }
    auto impl = std::make_unique<Impl>();
    if (const auto plain = mac_of(algorithm)) {
        impl->mac.emplace(*plain, key.reveal());
    } else {
        const ByteView octets = key.reveal();
        std::ranges::copy(octets.last(gmac_salt_size), impl->salt.begin());
        impl->gmac.reset(EVP_CIPHER_CTX_new());
        MUST(impl->gmac != nullptr);
        MUST(EVP_EncryptInit_ex(impl->gmac.get(), gmac_cipher(algorithm), nullptr, octets.data(),
                                nullptr) == 1);
    }
    PacketMac out{std::move(impl)};
    out.iv_size_ = gmac_cipher(algorithm) != nullptr ? gmac_iv_size : 0;
    out.icv_size_ = sizes.icv;
    return out;
}

PacketMac::PacketMac(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
PacketMac::PacketMac(PacketMac&&) noexcept = default;
PacketMac& PacketMac::operator=(PacketMac&&) noexcept = default;
PacketMac::~PacketMac() = default;

bool PacketMac::compute(std::span<const ByteView> pieces, ByteView iv, MutableByteView out) const {
    ASSERT(out.size() == icv_size_ && iv.size() == iv_size_);
    if (!impl_->mac) { return impl_->compute_gmac(pieces, iv, out); }
    const Secret whole = impl_->mac->compute(pieces);
    std::ranges::copy(whole.reveal().first(out.size()), out.begin());
    return true;
}

// GCM without plaintext; salt and IV are the nonce (RFC 4543 3.1).
bool PacketMac::Impl::compute_gmac(std::span<const ByteView> pieces, ByteView iv,
                                   MutableByteView out) const {
    std::array<std::uint8_t, gmac_salt_size + gmac_iv_size> nonce{};
    std::ranges::copy(salt, nonce.begin());
    std::ranges::copy(iv, nonce.begin() + gmac_salt_size);
    const Handle<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new()};
    int written = 0;
    bool ok = context != nullptr && EVP_CIPHER_CTX_copy(context.get(), gmac.get()) == 1 &&
              EVP_EncryptInit_ex(context.get(), nullptr, nullptr, nullptr, nonce.data()) == 1;
    for (const ByteView piece : pieces) {
        ok = ok && EVP_EncryptUpdate(context.get(), nullptr, &written, piece.data(),
                                     static_cast<int>(piece.size())) == 1;
    }
    std::array<std::uint8_t, 16> none{};
    return ok && EVP_EncryptFinal_ex(context.get(), none.data(), &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(out.size()),
                               out.data()) == 1;
}

}  // namespace culvert::crypto
