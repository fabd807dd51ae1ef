#pragma once
// Whether a certificate is to be trusted: its chain to an authority that the operator named (RFC
// 5280 6, RFC 4945 5), and whether it was revoked.

#include <initializer_list>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "x509/certificate.hpp"
#include "x509/crl.hpp"
#include "x509/ocsp.hpp"

namespace culvert::x509 {

// swanctl's `revocation`: strict: a certificate without fresh word of its good standing is refused;
// ifuri: so where it, or the operator for its issuer, names a CRL or OCSP responder; relaxed: only
// what is known to be revoked is.
enum class RevocationPolicy : std::uint8_t { relaxed, ifuri, strict };

struct TrustQuestion {
    const Certificate* leaf = nullptr;
    std::vector<Certificate> intermediates;  // what the peer sent, and what we have; any order
    std::vector<Certificate> anchors;  // cacerts; one that is the leaf itself is trusted as is
    std::vector<Crl> crls;
    std::vector<OcspAnswer> answers{};
    std::vector<Certificate> responders{};  // whose OCSP answers count besides the issuer's own
    RevocationPolicy revocation = RevocationPolicy::relaxed;
    // Authorities that the operator says where to ask of, besides what certificates name.
    std::vector<Certificate> asked{};
    Time now{};
};

// Whether there is current word of the standing of a certificate, good or bad.
bool standing_known(const TrustQuestion& question, const Certificate& one,
                    const Certificate& issuer);
// Whether it is known to be revoked, and no newer word will change that: a hold may be lifted (RFC
// 5280 5.3.1).
bool revoked_for_good(const TrustQuestion& question, const Certificate& one,
                      const Certificate& issuer);

// The chain, leaf first, anchor last. Fails with authentication_failed: one line that names the
// certificate, the reason and the remedy.
Result<std::vector<Certificate>> trust(const TrustQuestion& question);
// Its two halves: a chain that holds, and whether all of it is in good standing.
Result<std::vector<Certificate>> chain_of(const TrustQuestion& question);
Status check_standing(const TrustQuestion& question, const std::vector<Certificate>& chain);

// A chain that holds, and what is above its anchor as far as `known` has it: an authority below
// another one is trusted where the operator names it, but the other one may have revoked it, and
// limits what it may certify. A certificate that is its own anchor is trusted as it is.
std::vector<Certificate> up_to_root(std::vector<Certificate> chain,
                                    std::initializer_list<const std::vector<Certificate>*> known);

// Whether chain_of() would find this chain once more, which it did before: signatures stay what
// they are, but time goes on, and who is trusted changes.
bool still_holds(const TrustQuestion& question, const std::vector<Certificate>& chain);

// What strongSwan's alerts call that which trust() refused ("cert-expired"); empty: nothing of it.
std::string_view alert_of(const Error& refused);

}  // namespace culvert::x509
