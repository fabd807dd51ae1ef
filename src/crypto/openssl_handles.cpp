#include "crypto/openssl_handles.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/must.hpp"

namespace culvert::crypto {

void OpensslFree::operator()(bignum_ctx* object) const { BN_CTX_free(object); }
void OpensslFree::operator()(bignum_st* object) const { BN_clear_free(object); }
void OpensslFree::operator()(bn_mont_ctx_st* object) const { BN_MONT_CTX_free(object); }
void OpensslFree::operator()(ec_group_st* object) const { EC_GROUP_free(object); }
void OpensslFree::operator()(ec_point_st* object) const { EC_POINT_clear_free(object); }
void OpensslFree::operator()(evp_cipher_ctx_st* object) const { EVP_CIPHER_CTX_free(object); }
void OpensslFree::operator()(evp_mac_ctx_st* object) const { EVP_MAC_CTX_free(object); }
void OpensslFree::operator()(evp_md_ctx_st* object) const { EVP_MD_CTX_free(object); }
void OpensslFree::operator()(evp_pkey_ctx_st* object) const { EVP_PKEY_CTX_free(object); }
void OpensslFree::operator()(evp_pkey_st* object) const { EVP_PKEY_free(object); }

const evp_md_st* fetch_digest(const char* name) {
    const EVP_MD* const digest = EVP_MD_fetch(nullptr, name, nullptr);
    MUST(digest != nullptr);
    return digest;
}

const evp_cipher_st* fetch_cipher(const char* name) {
    const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
    MUST(cipher != nullptr);
    return cipher;
}

void clear_openssl_errors() { ERR_clear_error(); }

}  // namespace culvert::crypto
