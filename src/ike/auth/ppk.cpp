#include "ike/auth/ppk.hpp"

namespace culvert::ike {

PpkKeys mix_ppk(const crypto::Prf& prf, const Secret& ppk, const Secret& sk_d, const Secret& sk_pi,
                const Secret& sk_pr) {
    const auto mixed = [&](const Secret& key) {
        return prf.plus(ppk.reveal(), {key.reveal()}, key.reveal().size());
    };
    return {.sk_d = mixed(sk_d), .sk_pi = mixed(sk_pi), .sk_pr = mixed(sk_pr)};
}

}  // namespace culvert::ike
