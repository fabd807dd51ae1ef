#include "crypto/mac.hpp"

#include <array>
#include <string>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/assert.hpp"

namespace culvert::crypto {
namespace {

// A context that knows its digest or cipher and no key: copying it is much cheaper than naming them
// again.
Handle<EVP_MAC_CTX> make_prototype(const char* mac_name, const char* parameter, std::string value) {
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, mac_name, nullptr);
    ASSERT(mac != nullptr);
    Handle<EVP_MAC_CTX> context{EVP_MAC_CTX_new(mac)};
    EVP_MAC_free(mac);  // the context holds its own reference
    ASSERT(context != nullptr);
    const std::array parameters{OSSL_PARAM_construct_utf8_string(parameter, value.data(), 0),
                                OSSL_PARAM_construct_end()};
    ASSERT(EVP_MAC_CTX_set_params(context.get(), parameters.data()) == 1);
    return context;
}

// The library copies a CMAC context only if it has a key; this one's is always replaced.
Handle<EVP_MAC_CTX> make_cmac_prototype() {
    static constexpr std::array<std::uint8_t, 16> no_key{};
    auto context = make_prototype("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC");
    ASSERT(EVP_MAC_init(context.get(), no_key.data(), no_key.size(), nullptr) == 1);
    return context;
}

// Apart: a library in FIPS mode has no MD5, and does without until somebody asks for it.
const EVP_MAC_CTX* hmac_md5_prototype() {
    static const auto hmac_md5 = make_prototype("HMAC", OSSL_MAC_PARAM_DIGEST, "MD5");
    return hmac_md5.get();
}

const EVP_MAC_CTX* prototype(MacAlgorithm algorithm) {
    static const auto hmac_sha1 = make_prototype("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA1");
    static const auto hmac_sha2_256 = make_prototype("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA2-256");
    static const auto hmac_sha2_384 = make_prototype("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA2-384");
    static const auto hmac_sha2_512 = make_prototype("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA2-512");
    static const auto cmac = make_cmac_prototype();
    switch (algorithm) {
        case MacAlgorithm::hmac_md5: return hmac_md5_prototype();
        case MacAlgorithm::hmac_sha1: return hmac_sha1.get();
        case MacAlgorithm::hmac_sha2_256: return hmac_sha2_256.get();
        case MacAlgorithm::hmac_sha2_384: return hmac_sha2_384.get();
        case MacAlgorithm::hmac_sha2_512: return hmac_sha2_512.get();
        case MacAlgorithm::aes128_cmac: return cmac.get();
        case MacAlgorithm::aes128_xcbc: break;
    }
    std::unreachable();
}

}  // namespace

std::size_t mac_size(MacAlgorithm algorithm) {
    switch (algorithm) {
        case MacAlgorithm::hmac_sha1: return 20;
        case MacAlgorithm::hmac_sha2_256: return 32;
        case MacAlgorithm::hmac_sha2_384: return 48;
        case MacAlgorithm::hmac_sha2_512: return 64;
        case MacAlgorithm::aes128_xcbc:
        case MacAlgorithm::hmac_md5:
        case MacAlgorithm::aes128_cmac: return 16;
    }
    return 0;
}

Mac::Mac(MacAlgorithm algorithm, ByteView key) : algorithm_(algorithm) {
    if (algorithm == MacAlgorithm::aes128_xcbc) {
        xcbc_ = std::make_unique<Xcbc>(key);
        return;
    }
    ASSERT(algorithm != MacAlgorithm::aes128_cmac || key.size() == 16);
    // No key at all and an empty key are two things to the library.
    static constexpr std::uint8_t no_octets = 0;
    const std::uint8_t* const octets = key.empty() ? &no_octets : key.data();
    keyed_.reset(EVP_MAC_CTX_dup(prototype(algorithm)));
    ASSERT(keyed_ != nullptr);
    ASSERT(EVP_MAC_init(keyed_.get(), octets, key.size(), nullptr) == 1);
}

Secret Mac::compute(std::span<const ByteView> data) const {
    if (xcbc_) { return xcbc_->compute(data); }
    const Handle<EVP_MAC_CTX> context{EVP_MAC_CTX_dup(keyed_.get())};
    ASSERT(context != nullptr);
    for (const ByteView part : data) {
        ASSERT(EVP_MAC_update(context.get(), part.data(), part.size()) == 1);
    }
    Secret out{mac_size(algorithm_)};
    std::size_t length = 0;
    ASSERT(EVP_MAC_final(context.get(), out.write().data(), &length, out.size()) == 1);
    ASSERT(length == out.size());
    return out;
}

}  // namespace culvert::crypto
