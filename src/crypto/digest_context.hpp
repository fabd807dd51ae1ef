#pragma once
// Setting up the crypto library for one signature scheme; for the sources of this room only.

#include "base/bytes.hpp"
#include "crypto/signature.hpp"

struct evp_pkey_ctx_st;

namespace culvert::crypto {

// The library's name of the hash; null for EdDSA, which has none.
const char* digest_name(const SignatureScheme& scheme);

// Padding of RSA; nothing to do for the others.
bool set_padding(evp_pkey_ctx_st* context, const SignatureScheme& scheme);

// An ECDSA signature from one form to the other; empty if it is not of the first.
Bytes fixed_to_der(ByteView signature);
Bytes der_to_fixed(ByteView signature, std::size_t octets_each);

}  // namespace culvert::crypto
