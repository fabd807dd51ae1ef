#include "ike/auth/psk.hpp"

#include "base/bytes.hpp"

namespace culvert::ike {

Bytes signed_octets(const crypto::Prf& prf, ByteView own_first_message, ByteView other_nonce,
                    const Secret& own_sk_p, ByteView own_rest_of_id, ByteView int_auth) {
    const Secret maced_id = prf(own_sk_p.reveal(), {own_rest_of_id});
    Bytes out = to_bytes(own_first_message);
    append(out, other_nonce);
    append(out, maced_id.reveal());
    append(out, int_auth);
    return out;
}

Bytes psk_auth(const crypto::Prf& prf, const Secret& secret, ByteView octets) {
    const Secret key = prf(secret.reveal(), {as_bytes("Key Pad for IKEv2")});
    return to_bytes(prf(key.reveal(), {octets}).reveal());
}

}  // namespace culvert::ike
