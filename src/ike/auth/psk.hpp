#pragma once
// AUTH (RFC 7296 2.15).

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/prf.hpp"

namespace culvert::ike {

// What a side signs: its first message as sent (from the IKE header, no non-ESP marker), the
// OTHER side's nonce, and prf(its own SK_p, its ID payload without generic header).
// `int_auth`: IntAuth of RFC 9242 3.3.2, where there were IKE_INTERMEDIATE exchanges.
Bytes signed_octets(const crypto::Prf& prf, ByteView own_first_message, ByteView other_nonce,
                    const Secret& own_sk_p, ByteView own_rest_of_id, ByteView int_auth = {});

// AUTH = prf(prf(secret, "Key Pad for IKEv2"), octets). Compare with constant_time_equal.
Bytes psk_auth(const crypto::Prf& prf, const Secret& secret, ByteView octets);

}  // namespace culvert::ike
