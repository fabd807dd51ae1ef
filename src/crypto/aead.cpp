#include "crypto/aead.hpp"

#include <climits>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "base/secret.hpp"
#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

bool is_ccm(EncryptionAlgorithm algorithm) {
    using enum EncryptionAlgorithm;
    return algorithm == aes_ccm_8 || algorithm == aes_ccm_12 || algorithm == aes_ccm_16 ||
           algorithm == aes_ccm_8_iiv;
}

const EVP_CIPHER* find_gcm(std::uint16_t key_bits) {
    static const EVP_CIPHER* const gcm128 = fetch_cipher("AES-128-GCM");
    static const EVP_CIPHER* const gcm192 = fetch_cipher("AES-192-GCM");
    static const EVP_CIPHER* const gcm256 = fetch_cipher("AES-256-GCM");
    return key_bits == 128 ? gcm128 : key_bits == 192 ? gcm192 : gcm256;
}

const EVP_CIPHER* find_ccm(std::uint16_t key_bits) {
    static const EVP_CIPHER* const ccm128 = fetch_cipher("AES-128-CCM");
    static const EVP_CIPHER* const ccm192 = fetch_cipher("AES-192-CCM");
    static const EVP_CIPHER* const ccm256 = fetch_cipher("AES-256-CCM");
    return key_bits == 128 ? ccm128 : key_bits == 192 ? ccm192 : ccm256;
}

const EVP_CIPHER* find_chacha() {
    static const EVP_CIPHER* const chacha = fetch_cipher("ChaCha20-Poly1305");
    return chacha;
}

const EVP_CIPHER* find(EncryptionAlgorithm algorithm, std::uint16_t key_bits) {
    if (!is_aead(algorithm) || sizes_of(algorithm, key_bits).block == 0) { return nullptr; }
    if (is_ccm(algorithm)) { return find_ccm(key_bits); }
    const bool chacha = algorithm == EncryptionAlgorithm::chacha20_poly1305 ||
                        algorithm == EncryptionAlgorithm::chacha20_poly1305_iiv;
    return chacha ? find_chacha() : find_gcm(key_bits);
}

int to_int(std::size_t size) {
    ASSERT(size <= INT_MAX);
    return static_cast<int>(size);
}

}  // namespace

struct Aead::Impl {
    enum class Direction : std::uint8_t { open, seal };

    const EVP_CIPHER* cipher;
    bool ccm;
    std::size_t nonce_size;
    std::size_t icv_size;
    Secret key;

    // A context of its own for each message: kept, it would be a kilobyte in each direction of each
    // IKE SA, for the microsecond that it takes to make.
    Handle<EVP_CIPHER_CTX> begin(Direction direction, ByteView nonce, MutableByteView icv) const;
    // Announces lengths as CCM needs, authenticates, then en- or decrypts into `out`. False: the
    // ICV is wrong (which CCM notices here already).
    bool run(EVP_CIPHER_CTX* context, ByteView associated, ByteView in, MutableByteView out) const;
};

Handle<EVP_CIPHER_CTX> Aead::Impl::begin(Direction direction, ByteView nonce,
                                         MutableByteView icv) const {
    const bool seal = direction == Direction::seal;
    ASSERT(nonce.size() == nonce_size);
    Handle<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new()};
    MUST(context != nullptr);
    MUST(EVP_CipherInit_ex2(context.get(), cipher, nullptr, nullptr, seal ? 1 : 0, nullptr) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, to_int(nonce_size), nullptr) ==
         1);
    // CCM's first block says how long the ICV is, so it is set before key and nonce; what is
    // expected of a message may be set at the same place for all.
    if (ccm || !seal) {
        MUST(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, to_int(icv_size),
                                 seal ? nullptr : icv.data()) == 1);
    }
    MUST(EVP_CipherInit_ex2(context.get(), nullptr, key.reveal().data(), nonce.data(), seal ? 1 : 0,
                            nullptr) == 1);
    return context;
}

bool Aead::Impl::run(EVP_CIPHER_CTX* context, ByteView associated, ByteView in,
                     MutableByteView out) const {
    int length = 0;
    if (ccm) { MUST(EVP_CipherUpdate(context, nullptr, &length, nullptr, to_int(in.size())) == 1); }
    if (!associated.empty()) {
        MUST(EVP_CipherUpdate(context, nullptr, &length, associated.data(),
                              to_int(associated.size())) == 1);
    }
    // An empty text is one too, for CCM: a null pointer would mean something else.
    std::uint8_t nothing = 0;
    const std::uint8_t* const from = in.empty() ? &nothing : in.data();
    std::uint8_t* const to = out.empty() ? &nothing : out.data();
    if (!in.empty() || ccm) {
        if (EVP_CipherUpdate(context, to, &length, from, to_int(in.size())) != 1) { return false; }
    }
    std::uint8_t last = 0;
    return EVP_CipherFinal_ex(context, &last, &length) == 1;
}

bool Aead::supports(EncryptionAlgorithm algorithm, std::uint16_t key_bits) {
    return find(algorithm, key_bits) != nullptr;
}

Aead::Aead(EncryptionAlgorithm algorithm, std::uint16_t key_bits, ByteView key) {
    ASSERT(supports(algorithm, key_bits));
    const CipherSizes sizes = sizes_of(algorithm, key_bits);
    ASSERT(key.size() == sizes.key);
    impl_ = std::make_unique<Impl>(Impl{.cipher = find(algorithm, key_bits),
                                        .ccm = is_ccm(algorithm),
                                        .nonce_size = sizes.salt + 8,
                                        .icv_size = sizes.icv,
                                        .key = Secret::copy_of(key)});
}
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

std::size_t Aead::nonce_size() const { return impl_->nonce_size; }
std::size_t Aead::icv_size() const { return impl_->icv_size; }

Bytes Aead::seal(ByteView nonce, ByteView associated, ByteView plaintext) const {
    Bytes out(plaintext.size() + impl_->icv_size);
    const auto context = impl_->begin(Impl::Direction::seal, nonce, {});
    const MutableByteView ciphertext{out.data(), plaintext.size()};
    ASSERT(impl_->run(context.get(), associated, plaintext, ciphertext));
    MUST(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, to_int(impl_->icv_size),
                             out.data() + plaintext.size()) == 1);
    return out;
}

Result<Bytes> Aead::open(ByteView nonce, ByteView associated, ByteView sealed) const {
    if (sealed.size() < impl_->icv_size) { return std::unexpected(integrity_check_failed()); }
    const ByteView ciphertext = sealed.first(sealed.size() - impl_->icv_size);
    Bytes icv = to_bytes(sealed.subspan(ciphertext.size()));
    Bytes out(ciphertext.size());
    const auto context = impl_->begin(Impl::Direction::open, nonce, icv);
    if (!impl_->run(context.get(), associated, ciphertext, out)) {
        clear_openssl_errors();
        wipe(out);  // what did not authenticate is nobody's to see
        return std::unexpected(integrity_check_failed());
    }
    return out;
}

Error integrity_check_failed() {
    return {.code = ErrorCode::integrity_check_failed,
            .wanted = "a message that authenticates under the SA's keys",
            .received = "one that does not",
            .remedy = ""};
}

}  // namespace culvert::crypto
