#include "crypto/xcbc.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"

namespace culvert::crypto {
namespace {

// AES-128-CBC over whole blocks, in place. A zero IV and one block make it AES itself.
void cbc_encrypt(ByteView key, MutableByteView blocks) {
    static const EVP_CIPHER* const cipher = fetch_cipher("AES-128-CBC");
    static constexpr std::array<std::uint8_t, Xcbc::block_size> zero_iv{};
    const Handle<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new()};
    MUST(context != nullptr && blocks.size() % Xcbc::block_size == 0);
    int length = 0;
    MUST(EVP_EncryptInit_ex2(context.get(), cipher, key.data(), zero_iv.data(), nullptr) == 1);
    MUST(EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
    MUST(EVP_EncryptUpdate(context.get(), blocks.data(), &length, blocks.data(),
                           static_cast<int>(blocks.size())) == 1);
}

}  // namespace

Xcbc::Xcbc(ByteView key) {
    ASSERT(key.size() == block_size);
    // RFC 3566 4: K1 = 0x0101...01 encrypted with K, K2 = 0x0202...02, K3 = 0x0303...03.
    std::uint8_t constant = 0;
    for (Secret* const derived : {&k1_, &k2_, &k3_}) {
        std::ranges::fill(derived->write(), ++constant);
        cbc_encrypt(key, derived->write());
    }
}

Secret Xcbc::compute(std::span<const ByteView> data) const {
    std::size_t total = 0;
    for (const ByteView part : data) { total += part.size(); }
    const std::size_t blocks = std::max<std::size_t>(1, (total + block_size - 1) / block_size);
    // The data may be secret (g^ir in SKEYSEED), so its copy is.
    Secret padded{blocks * block_size};
    auto at = padded.write().begin();
    for (const ByteView part : data) { at = std::ranges::copy(part, at).out; }
    const bool whole = total == padded.size();
    if (!whole) { *at = 0x80; }
    const ByteView mask = whole ? k2_.reveal() : k3_.reveal();
    const MutableByteView last = padded.write().last(block_size);
    for (std::size_t i = 0; i < block_size; ++i) { last[i] ^= mask[i]; }
    cbc_encrypt(k1_.reveal(), padded.write());
    return Secret::copy_of(last);
}

}  // namespace culvert::crypto
