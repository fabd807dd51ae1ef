#include "crypto/ike_cipher.hpp"

#include <optional>
#include <utility>
#include <variant>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "crypto/aead.hpp"
#include "crypto/cipher.hpp"
#include "crypto/integrity.hpp"
#include "crypto/iv_counter.hpp"

namespace culvert::crypto {
namespace {

using enum EncryptionAlgorithm;

bool is_ike_aead(EncryptionAlgorithm encryption) {
    switch (encryption) {
        case aes_ccm_8:
        case aes_ccm_12:
        case aes_ccm_16:
        case aes_gcm_8:
        case aes_gcm_12:
        case aes_gcm_16:
        case chacha20_poly1305: return true;
        case none:
        case null:
        case des3_cbc:
        case aes_cbc:
        case aes_ctr:
        case null_auth_aes_gmac:  // hides nothing (RFC 7296 3.14 needs encryption)
        case aes_ccm_8_iiv:       // RFC 8750: for ESP only
        case aes_gcm_16_iiv:
        case chacha20_poly1305_iiv: return false;
    }
    return false;
}

// RFC 7296 3.14: encrypted text of a length that is no multiple of the block, or a Pad Length that
// points before its beginning.
Error bad_padding() { return malformed("Encrypted payload", "does not fit its padding"); }

// Cuts off padding and the Pad Length octet (RFC 7296 3.14; any value of the padding is fine).
// Only ever called on what has authenticated.
Result<Bytes> without_padding(Bytes text) {
    if (text.empty()) { return std::unexpected(bad_padding()); }
    const std::size_t trailer = std::size_t{text.back()} + 1;
    if (trailer > text.size()) { return std::unexpected(bad_padding()); }
    text.resize(text.size() - trailer);
    return text;
}

struct Combined {
    Aead aead;
};

struct EncryptThenMac {
    Cipher cipher;
    Integrity integrity;
};

}  // namespace

struct IkeCipher::Impl {
    EncryptionAlgorithm encryption;
    CipherSizes sizes;
    std::size_t icv_size;
    Secret encryption_key;
    Secret integrity_key;
    std::variant<Combined, EncryptThenMac> method;
    std::optional<IvCounter> ivs{};  // from the first seal() on

    std::size_t padded_size(std::size_t plaintext_size) const;
    Result<Bytes> next_iv(Random& random);
    Bytes nonce(ByteView iv) const;
    ByteView salt() const { return encryption_key.reveal().subspan(sizes.key); }
};

// With the Pad Length octet, filled up to whole blocks.
std::size_t IkeCipher::Impl::padded_size(std::size_t plaintext_size) const {
    return (plaintext_size + 1 + sizes.block - 1) / sizes.block * sizes.block;
}

Result<Bytes> IkeCipher::Impl::next_iv(Random& random) {
    // RFC 7296 3.14: the IV of a CBC mode must be unpredictable.
    if (encryption == aes_cbc || encryption == des3_cbc) { return random.bytes(sizes.iv); }
    if (!ivs) { ivs.emplace(random.u64()); }
    const auto iv = ivs->take();
    if (!iv) { return std::unexpected(iv.error()); }
    return to_bytes(*iv);
}

// RFC 5282 4: the salt, then the IV.
Bytes IkeCipher::Impl::nonce(ByteView iv) const {
    Bytes out = to_bytes(salt());
    append(out, iv);
    return out;
}

bool IkeCipher::supports(EncryptionAlgorithm encryption, std::uint16_t key_bits,
                         IntegrityAlgorithm integrity) {
    if (is_ike_aead(encryption)) {
        return Aead::supports(encryption, key_bits) && integrity == IntegrityAlgorithm::none;
    }
    return Cipher::supports(encryption, key_bits) && Integrity::supports(integrity);
}

std::size_t IkeCipher::encryption_key_size(EncryptionAlgorithm encryption, std::uint16_t key_bits) {
    const CipherSizes sizes = sizes_of(encryption, key_bits);
    return sizes.key + sizes.salt;
}

std::size_t IkeCipher::integrity_key_size(IntegrityAlgorithm integrity) {
    return sizes_of(integrity).key;
}

IkeCipher::IkeCipher(EncryptionAlgorithm encryption, std::uint16_t key_bits,
                     IntegrityAlgorithm integrity, Secret encryption_key, Secret integrity_key) {
    ASSERT(supports(encryption, key_bits, integrity));
    ASSERT(encryption_key.size() == encryption_key_size(encryption, key_bits));
    ASSERT(integrity_key.size() == integrity_key_size(integrity));
    const CipherSizes sizes = sizes_of(encryption, key_bits);
    const bool combined = is_ike_aead(encryption);
    auto method = [&]() -> std::variant<Combined, EncryptThenMac> {
        if (combined) {
            return Combined{Aead{encryption, key_bits, encryption_key.reveal().first(sizes.key)}};
        }
        return EncryptThenMac{Cipher{encryption, key_bits, encryption_key.reveal()},
                              Integrity{integrity, integrity_key.reveal()}};
    }();
    impl_ = std::make_unique<Impl>(Impl{.encryption = encryption,
                                        .sizes = sizes,
                                        .icv_size = combined ? sizes.icv : sizes_of(integrity).icv,
                                        .encryption_key = std::move(encryption_key),
                                        .integrity_key = std::move(integrity_key),
                                        .method = std::move(method)});
}
IkeCipher::IkeCipher(IkeCipher&&) noexcept = default;
IkeCipher& IkeCipher::operator=(IkeCipher&&) noexcept = default;
IkeCipher::~IkeCipher() = default;

std::size_t IkeCipher::sealed_size(std::size_t plaintext_size) const {
    return impl_->sizes.iv + impl_->padded_size(plaintext_size) + impl_->icv_size;
}
std::size_t IkeCipher::iv_size() const { return impl_->sizes.iv; }
std::size_t IkeCipher::icv_size() const { return impl_->icv_size; }

Result<Bytes> IkeCipher::seal(ByteView headers, ByteView plaintext, Random& random) {
    auto iv = impl_->next_iv(random);
    if (!iv) { return std::unexpected(std::move(iv).error()); }
    // Plaintext, padding of zeros, Pad Length.
    Bytes text = to_bytes(plaintext);
    text.resize(impl_->padded_size(plaintext.size()));
    text.back() = static_cast<std::uint8_t>(text.size() - plaintext.size() - 1);
    Bytes body = *iv;
    body.reserve(sealed_size(plaintext.size()));
    std::visit(Overloaded{[&](const Combined& combined) {
                              append(body, combined.aead.seal(impl_->nonce(*iv), headers, text));
                          },
                          [&](const EncryptThenMac& apart) {
                              apart.cipher.encrypt(*iv, text);
                              append(body, text);
                              append(body, apart.integrity.icv({headers, body}));
                          }},
               impl_->method);
    wipe(text);
    ASSERT(body.size() == sealed_size(plaintext.size()));
    return body;
}

Result<Bytes> IkeCipher::open(ByteView headers, ByteView body) const {
    // The shortest message has its Pad Length octet and nothing else.
    if (body.size() < sealed_size(0)) { return std::unexpected(integrity_check_failed()); }
    const ByteView iv = body.first(impl_->sizes.iv);
    return std::visit(Overloaded{[&](const Combined& combined) -> Result<Bytes> {
                                     auto text = combined.aead.open(impl_->nonce(iv), headers,
                                                                    body.subspan(iv.size()));
                                     if (!text) { return text; }
                                     return without_padding(std::move(*text));
                                 },
                                 [&](const EncryptThenMac& apart) -> Result<Bytes> {
                                     const ByteView authenticated =
                                         body.first(body.size() - impl_->icv_size);
                                     const ByteView icv = body.subspan(authenticated.size());
                                     if (!apart.integrity.verify({headers, authenticated}, icv)) {
                                         return std::unexpected(integrity_check_failed());
                                     }
                                     Bytes text = to_bytes(authenticated.subspan(iv.size()));
                                     if (text.size() % impl_->sizes.block != 0) {
                                         return std::unexpected(bad_padding());
                                     }
                                     apart.cipher.decrypt(iv, text);
                                     return without_padding(std::move(text));
                                 }},
                      impl_->method);
}

const Secret& IkeCipher::encryption_key() const { return impl_->encryption_key; }
const Secret& IkeCipher::integrity_key() const { return impl_->integrity_key; }

}  // namespace culvert::crypto
