#include "crypto/digest_context.hpp"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

struct FreeEcdsa {
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
using EcdsaHandle = std::unique_ptr<ECDSA_SIG, FreeEcdsa>;

}  // namespace

const char* digest_name(const SignatureScheme& scheme) {
    if (scheme.key == KeyType::ed25519 || scheme.key == KeyType::ed448) { return nullptr; }
    switch (scheme.hash) {
        case HashAlgorithm::sha1: return "SHA1";
        case HashAlgorithm::sha2_256: return "SHA2-256";
        case HashAlgorithm::sha2_384: return "SHA2-384";
        case HashAlgorithm::sha2_512: return "SHA2-512";
    }
    return nullptr;
}

bool set_padding(evp_pkey_ctx_st* context, const SignatureScheme& scheme) {
    if (scheme.key != KeyType::rsa) { return true; }
    if (!scheme.pss) { return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1; }
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, digest_name(scheme), nullptr) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, static_cast<int>(scheme.salt_size)) == 1;
}

Bytes fixed_to_der(ByteView signature) {
    if (signature.empty() || signature.size() % 2 != 0) { return {}; }
    const std::size_t half = signature.size() / 2;
    const auto number = [](ByteView octets) {
        return BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr);
    };
    const EcdsaHandle parts{ECDSA_SIG_new()};
    BIGNUM* const r = number(signature.first(half));
    BIGNUM* const s = number(signature.subspan(half));
    if (parts == nullptr || r == nullptr || s == nullptr ||
        ECDSA_SIG_set0(parts.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return {};
    }
    const int size = i2d_ECDSA_SIG(parts.get(), nullptr);
    if (size <= 0) { return {}; }
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_ECDSA_SIG(parts.get(), &at);
    return out;
}

Bytes der_to_fixed(ByteView signature, std::size_t octets_each) {
    const std::uint8_t* at = signature.data();
    const EcdsaHandle parts{d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()))};
    if (parts == nullptr) { return {}; }
    Bytes out(2 * octets_each);
    const int each = static_cast<int>(octets_each);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out.data(), each) != each ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out.data() + octets_each, each) != each) {
        return {};
    }
    return out;
}

}  // namespace culvert::crypto
