#pragma once
// Post-quantum pre-shared keys (RFC 8784).

#include "base/secret.hpp"
#include "crypto/prf.hpp"

namespace culvert::ike {

struct PpkKeys {
    Secret sk_d;
    Secret sk_pi;
    Secret sk_pr;
};

// RFC 8784 3: SK_d = prf+ (PPK, SK_d'), SK_pi = prf+ (PPK, SK_pi'), SK_pr = prf+ (PPK, SK_pr'),
// each as long as it was.
PpkKeys mix_ppk(const crypto::Prf& prf, const Secret& ppk, const Secret& sk_d, const Secret& sk_pi,
                const Secret& sk_pr);

}  // namespace culvert::ike
