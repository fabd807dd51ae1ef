#include "crypto/hash.hpp"

#include <openssl/evp.h>

#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

const EVP_MD* digest_of(HashAlgorithm algorithm) {
    static const EVP_MD* const sha1 = fetch_digest("SHA1");
    static const EVP_MD* const sha2_256 = fetch_digest("SHA2-256");
    static const EVP_MD* const sha2_384 = fetch_digest("SHA2-384");
    static const EVP_MD* const sha2_512 = fetch_digest("SHA2-512");
    switch (algorithm) {
        case HashAlgorithm::sha1: return sha1;
        case HashAlgorithm::sha2_256: return sha2_256;
        case HashAlgorithm::sha2_384: return sha2_384;
        case HashAlgorithm::sha2_512: return sha2_512;
    }
    return nullptr;
}

}  // namespace

std::size_t hash_size(HashAlgorithm algorithm) {
    switch (algorithm) {
        case HashAlgorithm::sha1: return 20;
        case HashAlgorithm::sha2_256: return 32;
        case HashAlgorithm::sha2_384: return 48;
        case HashAlgorithm::sha2_512: return 64;
    }
    return 0;
}

Bytes hash(HashAlgorithm algorithm, std::initializer_list<ByteView> data) {
    const EVP_MD* const digest = digest_of(algorithm);
    MUST(digest != nullptr);
    const Handle<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    MUST(context != nullptr);
    MUST(EVP_DigestInit_ex2(context.get(), digest, nullptr) == 1);
    for (const ByteView part : data) {
        MUST(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    }
    Bytes out(hash_size(algorithm));
    MUST(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
    return out;
}

}  // namespace culvert::crypto
