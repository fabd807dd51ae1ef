#include "crypto/cipher.hpp"

#include <algorithm>
#include <array>
#include <climits>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

const EVP_CIPHER* find(EncryptionAlgorithm algorithm, std::uint16_t key_bits) {
    static const EVP_CIPHER* const des3_cbc = fetch_cipher("DES-EDE3-CBC");
    static const EVP_CIPHER* const aes128_cbc = fetch_cipher("AES-128-CBC");
    static const EVP_CIPHER* const aes192_cbc = fetch_cipher("AES-192-CBC");
    static const EVP_CIPHER* const aes256_cbc = fetch_cipher("AES-256-CBC");
    static const EVP_CIPHER* const aes128_ctr = fetch_cipher("AES-128-CTR");
    static const EVP_CIPHER* const aes192_ctr = fetch_cipher("AES-192-CTR");
    static const EVP_CIPHER* const aes256_ctr = fetch_cipher("AES-256-CTR");
    if (sizes_of(algorithm, key_bits).block == 0) { return nullptr; }
    if (algorithm == EncryptionAlgorithm::des3_cbc) { return des3_cbc; }
    if (algorithm == EncryptionAlgorithm::aes_cbc) {
        return key_bits == 128 ? aes128_cbc : key_bits == 192 ? aes192_cbc : aes256_cbc;
    }
    if (algorithm == EncryptionAlgorithm::aes_ctr) {
        return key_bits == 128 ? aes128_ctr : key_bits == 192 ? aes192_ctr : aes256_ctr;
    }
    return nullptr;
}

}  // namespace

struct Cipher::Impl {
    const EVP_CIPHER* cipher;
    CipherSizes sizes;
    Secret key;   // without salt
    Secret salt;  // AES-CTR only
    bool counter_mode;

    void run(ByteView iv, MutableByteView data, bool encrypt) const;
};

void Cipher::Impl::run(ByteView iv, MutableByteView data, bool encrypt) const {
    ASSERT(iv.size() == sizes.iv && data.size() % sizes.block == 0 && data.size() <= INT_MAX);
    std::array<std::uint8_t, 16> full_iv{};
    auto at = std::ranges::copy(salt.reveal(), full_iv.begin()).out;
    at = std::ranges::copy(iv, at).out;
    // RFC 3686 4: the counter block is nonce | IV | 1.
    if (counter_mode) { full_iv.back() = 1; }
    const Handle<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new()};
    MUST(context != nullptr);
    MUST(EVP_CipherInit_ex2(context.get(), cipher, key.reveal().data(), full_iv.data(),
                            encrypt ? 1 : 0, nullptr) == 1);
    MUST(EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
    int length = 0;
    MUST(EVP_CipherUpdate(context.get(), data.data(), &length, data.data(),
                          static_cast<int>(data.size())) == 1);
    ASSERT(static_cast<std::size_t>(length) == data.size());
}

bool Cipher::supports(EncryptionAlgorithm algorithm, std::uint16_t key_bits) {
    return find(algorithm, key_bits) != nullptr;
}

Cipher::Cipher(EncryptionAlgorithm algorithm, std::uint16_t key_bits, ByteView key) {
    ASSERT(supports(algorithm, key_bits));
    const CipherSizes sizes = sizes_of(algorithm, key_bits);
    ASSERT(key.size() == sizes.key + sizes.salt);
    impl_ = std::make_unique<Impl>(Impl{.cipher = find(algorithm, key_bits),
                                        .sizes = sizes,
                                        .key = Secret::copy_of(key.first(sizes.key)),
                                        .salt = Secret::copy_of(key.subspan(sizes.key)),
                                        .counter_mode = algorithm == EncryptionAlgorithm::aes_ctr});
}
Cipher::Cipher(Cipher&&) noexcept = default;
Cipher& Cipher::operator=(Cipher&&) noexcept = default;
Cipher::~Cipher() = default;

std::size_t Cipher::iv_size() const { return impl_->sizes.iv; }
std::size_t Cipher::block_size() const { return impl_->sizes.block; }

void Cipher::encrypt(ByteView iv, MutableByteView data) const { impl_->run(iv, data, true); }
void Cipher::decrypt(ByteView iv, MutableByteView data) const { impl_->run(iv, data, false); }

}  // namespace culvert::crypto
