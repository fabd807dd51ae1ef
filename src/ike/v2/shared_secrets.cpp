#include "ike/v2/shared_secrets.hpp"

#include <algorithm>
#include <utility>

namespace culvert::ike::v2 {

namespace {

enum class Fit : std::uint8_t { none, anybody, pattern, exact };

Fit fit_of(const SharedSecret& secret, const Identity& identity) {
    if (secret.owners.empty()) { return Fit::anybody; }
    Fit best = Fit::none;
    for (const Identity& owner : secret.owners) {
        Fit fit = Fit::none;
        if (owner.type == IdType::any) {
            fit = Fit::anybody;
        } else if (owner == identity) {
            fit = Fit::exact;
        } else if (identity.type != IdType::any && identity.matches(owner)) {
            fit = Fit::pattern;
        }
        best = std::max(best, fit);
    }
    return best;
}

}  // namespace

const SharedSecret* find_secret(const std::vector<SharedSecret>& secrets, const Identity& local,
                                const Identity& remote) {
    const SharedSecret* best = nullptr;
    std::pair<Fit, Fit> best_fit{Fit::none, Fit::none};
    for (const SharedSecret& secret : secrets) {
        // The remote side first: a gateway's own identity stands in many secrets, a peer's in one.
        const std::pair fit{fit_of(secret, remote), fit_of(secret, local)};
        if (fit > best_fit) {
            best = &secret;
            best_fit = fit;
        }
    }
    return best;
}

const SharedSecret* find_password(const std::vector<SharedSecret>& passwords, const Identity& user,
                                  const Identity& other) {
    const SharedSecret* const best = find_secret(passwords, other, user);
    return best == nullptr || fit_of(*best, user) == Fit::none ? nullptr : best;
}

const SharedSecret* find_ppk(const std::vector<SharedSecret>& ppks, ByteView id) {
    for (const SharedSecret& ppk : ppks) {
        for (const Identity& owner : ppk.owners) {
            if (std::ranges::equal(owner.data, id)) { return &ppk; }
        }
    }
    return nullptr;
}

}  // namespace culvert::ike::v2
