#pragma once
// Owners of the crypto library's objects, for the sources of this room only. The library's types
// are declared, not included, so that its headers stay out of ours.

#include <memory>

struct bignum_ctx;
struct bignum_st;
struct bn_mont_ctx_st;
struct ec_group_st;
struct ec_point_st;
struct evp_cipher_ctx_st;
struct evp_cipher_st;
struct evp_mac_ctx_st;
struct evp_md_ctx_st;
struct evp_md_st;
struct evp_pkey_ctx_st;
struct evp_pkey_st;

namespace culvert::crypto {

// Frees, and wipes what may be secret.
struct OpensslFree {
    void operator()(bignum_ctx* object) const;
    void operator()(bignum_st* object) const;
    void operator()(bn_mont_ctx_st* object) const;
    void operator()(ec_group_st* object) const;
    void operator()(ec_point_st* object) const;
    void operator()(evp_cipher_ctx_st* object) const;
    void operator()(evp_mac_ctx_st* object) const;
    void operator()(evp_md_ctx_st* object) const;
    void operator()(evp_pkey_ctx_st* object) const;
    void operator()(evp_pkey_st* object) const;
};

template <class T>
using Handle = std::unique_ptr<T, OpensslFree>;

// Algorithms are looked up by name once a process: a look-up takes the library's locks.
const evp_md_st* fetch_digest(const char* name);
const evp_cipher_st* fetch_cipher(const char* name);

// Drops what the library noted about a failure that is handled, so that it names no later one.
void clear_openssl_errors();

}  // namespace culvert::crypto
