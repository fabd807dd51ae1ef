#pragma once
// The keys of an IKE SA (RFC 7296 2.14, 2.18) and of its Child SAs (2.17).

#include <optional>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/ike_cipher.hpp"
#include "crypto/prf.hpp"
#include "ike/proposal/proposal.hpp"
#include "ike/wire/spi.hpp"
#include "ipsec_types/child_sa.hpp"

namespace culvert::ike {

// SK_a* is empty with an AEAD; SK_e* ends with the salt then (RFC 5282 7.1).
struct IkeKeys {
    Secret sk_d;
    Secret sk_ai;
    Secret sk_ar;
    Secret sk_ei;
    Secret sk_er;
    Secret sk_pi;
    Secret sk_pr;

    IkeKeys clone() const;
};

// What one exchange put into the derivation. Nonces as in the payloads, of the exchange's initiator
// and responder. SPIs of the new IKE SA, in the same order.
struct IkeKeyInput {
    ByteView ni;
    ByteView nr;
    IkeSpi initiator_spi{};
    IkeSpi responder_spi{};
    // Of IKE_FOLLOWUP_KE exchanges (RFC 9370 2.2.4): SK(1) | ... | SK(n); only for a rekey.
    const Secret* further = nullptr;
};

// SKEYSEED = prf(Ni | Nr, g^ir), or of the first 8 octets of each nonce for AES-XCBC and AES-CMAC
// (2.14).
Secret derive_skeyseed(const crypto::Prf& prf, const Secret& shared, ByteView ni, ByteView nr);
// The suite must be one that choose() or check_answer() gave.
IkeKeys derive_ike_keys(const ChosenIkeSuite& suite, const Secret& shared,
                        const IkeKeyInput& input);
// Rekey (2.18): SKEYSEED = prf(SK_d of the old SA, g^ir of the new | Ni | Nr), with the OLD SA's
// prf. The same formula, with the IKE SA's own SK_d, prf and SPIs, takes in the shared secret of an
// IKE_INTERMEDIATE exchange (RFC 9370 2.2.2).
IkeKeys derive_rekeyed_ike_keys(const ChosenIkeSuite& suite, crypto::PrfAlgorithm old_prf,
                                const Secret& old_sk_d, const Secret& shared,
                                const IkeKeyInput& input);

// One direction's cipher: initiator's messages take (sk_ei, sk_ai), the responder's (sk_er, sk_ar).
crypto::IkeCipher initiator_cipher(const ChosenIkeSuite& suite, const IkeKeys& keys);
crypto::IkeCipher responder_cipher(const ChosenIkeSuite& suite, const IkeKeys& keys);

// Octets that one direction of an ESP or AH suite needs; encryption ends with the salt.
std::size_t encryption_key_size(const IpsecSuite& suite);
std::size_t integrity_key_size(const IpsecSuite& suite);

// KEYMAT = prf+(SK_d, [g^ir] | Ni | Nr) cut as 2.17 says: first what protects packets of the
// exchange's initiator, in each direction encryption before integrity.
struct ChildKeys {
    IpsecKeys initiator;  // packets from the exchange's initiator to its responder
    IpsecKeys responder;
};
// `shared`: of the exchange's own key exchange, nullptr if it had none. `further`: as above.
ChildKeys derive_child_keys(const IpsecSuite& suite, crypto::PrfAlgorithm prf, const Secret& sk_d,
                            const Secret* shared, ByteView ni, ByteView nr,
                            const Secret* further = nullptr);

}  // namespace culvert::ike
