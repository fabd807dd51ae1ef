#include "crypto/legacy.hpp"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include "base/assert.hpp"
#include "crypto/openssl_handles.hpp"
#include "crypto/openssl_memory.hpp"

namespace culvert::crypto {
namespace {

// In a library context of its own: nobody else gets these algorithms by asking for a name. Kept for
// the life of the process, as OpenSSL's own tables are.
const EVP_MD* load_md4() {
    OSSL_LIB_CTX* const context = OSSL_LIB_CTX_new();
    if (context == nullptr) { return nullptr; }
    const EVP_MD* found = nullptr;
    if (OSSL_PROVIDER_load(context, "legacy") != nullptr) {
        found = EVP_MD_fetch(context, "MD4", nullptr);
    }
    clear_openssl_errors();
    return found;
}

Error no_legacy_provider() {
    return {.code = ErrorCode::unsupported,
            .wanted = "MD4, which EAP-MSCHAPv2 makes of a password",
            .received = "an OpenSSL whose legacy provider (legacy.so) cannot be loaded",
            .remedy =
                "install the whole of libssl3, let the daemon read its ossl-modules "
                "directory, or give the NT hash itself in secrets.ntlm"};
}

void digest(const EVP_MD* algorithm, std::initializer_list<ByteView> data, MutableByteView out) {
    const Handle<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    ASSERT(context != nullptr);
    or_no_memory(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
    for (const ByteView part : data) {
        ASSERT(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    }
    ASSERT(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
}

}  // namespace

Result<Secret> md4(ByteView data) {
    static const EVP_MD* const algorithm = load_md4();
    if (algorithm == nullptr) { return std::unexpected(no_legacy_provider()); }
    Secret out{md4_size};
    digest(algorithm, {data}, out.write());
    return out;
}

std::array<std::uint8_t, md5_size> md5(std::initializer_list<ByteView> data) {
    static const EVP_MD* const algorithm = fetch_digest("MD5");
    std::array<std::uint8_t, md5_size> out{};
    digest(algorithm, data, out);
    return out;
}

std::array<std::uint8_t, des_block_size> des_encrypt(ByteView key, ByteView block) {
    constexpr std::size_t key_size = 7;
    ASSERT(key.size() == key_size && block.size() == des_block_size);
    // Three times the same key makes DES of 3DES, which is no legacy to OpenSSL yet.
    static const EVP_CIPHER* const cipher = fetch_cipher("DES-EDE3-ECB");
    Secret spread{3 * des_block_size};
    const MutableByteView octets = spread.write();
    for (std::size_t i = 0; i < des_block_size; ++i) {
        // Seven bits of the key, from bit 7 i on, and a parity bit that nobody looks at.
        const std::size_t at = 7 * i / 8;
        const unsigned two = (at < key_size ? unsigned{key[at]} << 8U : 0U) |
                             (at + 1 < key_size ? unsigned{key[at + 1]} : 0U);
        const auto octet = static_cast<std::uint8_t>(two >> (8 - 7 * i % 8) & 0xfeU);
        for (std::size_t part = 0; part < 3; ++part) { octets[part * des_block_size + i] = octet; }
    }
    const Handle<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new()};
    ASSERT(context != nullptr);
    or_no_memory(EVP_EncryptInit_ex2(context.get(), cipher, octets.data(), nullptr, nullptr) == 1);
    ASSERT(EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
    std::array<std::uint8_t, des_block_size> out{};
    int length = 0;
    ASSERT(EVP_EncryptUpdate(context.get(), out.data(), &length, block.data(),
                             static_cast<int>(block.size())) == 1);
    ASSERT(length == static_cast<int>(des_block_size));
    return out;
}

}  // namespace culvert::crypto
