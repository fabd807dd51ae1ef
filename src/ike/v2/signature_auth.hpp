#pragma once
// AUTH by signatures: RFC 7427 with EdDSA (RFC 8420), and the older RSA (RFC 7296 3.8) and ECDSA
// (RFC 4754) methods for peers that do not announce hash algorithms.

#include <cstdint>
#include <string_view>
#include <vector>

#include "crypto/private_key.hpp"
#include "crypto/public_key.hpp"
#include "ike/credentials.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// Numbers of "IKEv2 Hash Algorithms" (RFC 7427 7, RFC 8420 5), as a peer announced them.
using SignatureHashes = std::vector<std::uint16_t>;

// N(SIGNATURE_HASH_ALGORITHMS) with all that we take: SHA-2 of 256, 384, 512, and Identity. Never
// SHA-1.
wire::Notify signature_hashes_notify();
// What the peer announces in IKE_SA_INIT; empty: nothing, so it knows the older methods alone.
SignatureHashes signature_hashes_in(const wire::Payloads& payloads);

bool is_signature(wire::AuthMethod method);

// AUTH over `octets` (RFC 7296 2.15) in the best form that the peer takes and the rules allow.
// Fails with authentication_failed where there is none, naming the connection.
Result<wire::Authentication> sign_auth(std::string_view connection, const crypto::PrivateKey& key,
                                       ByteView octets, const SignatureHashes& peer,
                                       const SignatureRules& rules = {});

// Fails with authentication_failed: another kind of key, a hash that we do not take, a form that
// cannot be read, or a signature that is not right.
Status verify_auth(std::string_view connection, const crypto::PublicKey& key,
                   const wire::Authentication& auth, ByteView octets,
                   const SignatureRules& rules = {});

}  // namespace culvert::ike::v2
