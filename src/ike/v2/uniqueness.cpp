#include "ike/v2/uniqueness.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

namespace {

// From the same place with the same identities: it is its earlier self, which reauthenticates. Its
// children go over before it ends.
bool earlier_self(const SaCore& other, const SaCore& sa) { return other.remote == sa.remote; }

}  // namespace

bool has_other_sa(const ConnectionRef& connection, const Identity& local, const Identity& remote,
                  const SaCore& except, const Environment& env) {
    return std::ranges::any_of(env.with_identities(local, remote), [&](const IkeSa* sa) {
        const SaCore& other = sa->core();
        return &other != &except && sa->established() && !earlier_self(other, except) &&
               other.connection->name == connection->name && other.local_id == local &&
               other.peer() == remote;
    });
}

bool wants_initial_contact(const SaCore& sa, const Environment& env) {
    if (sa.connection->unique == Unique::never || sa.local_id.type == IdType::null ||
        !is_concrete(sa.connection->remote.id)) {
        return false;
    }
    // Any SA with these identities counts, also one that is only on its way.
    const auto counts = [&](IkeSpi spi) {
        const IkeSa* const other = env.find(spi);
        if (other == nullptr || &other->core() == &sa || other->gone()) { return false; }
        const SaCore& core = other->core();
        const bool same_ids =
            core.local_id == sa.local_id && core.remote_id == sa.connection->remote.id;
        return same_ids || core.remote.address == sa.remote.address;
    };
    const SaIndex& index = env.index();
    return std::ranges::none_of(index.at(sa.remote.address), counts) &&
           std::ranges::none_of(index.with_identities(sa.local_id, sa.connection->remote.id),
                                counts);
}

void enforce_uniqueness(const SaCore& sa, bool initial_contact, const Environment& env) {
    // RFC 7619 2.3: who is nobody has no other IKE SAs.
    if (sa.connection->unique == Unique::never || sa.remote_id.type == IdType::null) { return; }
    const bool replace = sa.connection->unique == Unique::replace;
    if (!initial_contact && !replace) { return; }
    std::vector<IkeSpi> others;
    for (const IkeSa* const other : env.with_identities(sa.local_id, sa.peer())) {
        const SaCore& core = other->core();
        const bool same_ids = core.local_id == sa.local_id && core.peer() == sa.peer();
        if (&core != &sa && same_ids && other->established()) { others.push_back(core.local_spi); }
    }
    for (const IkeSpi spi : others) {
        IkeSa* other = env.find(spi);
        if (initial_contact && other->core().established_at < sa.created_at) {
            other->vanish(fmt::format("{} says INITIAL_CONTACT: it has forgotten this IKE SA",
                                      sa.peer().to_string()),
                          env);
        } else if (replace && earlier_self(other->core(), sa)) {
            // Of two reauthentications at once settle_with_rival() has chosen.
            if (other->rival() != sa.local_spi) { other->linger(reauthenticated_linger, env); }
        } else if (replace) {
            env.alert(
                other->core(), "unique-replace", Severity::info,
                fmt::format(
                    "IKE SA {}[{}] is closed: {} has made another (unique = replace); if that goes "
                    "on, two peers use one identity",
                    other->core().name(), other->core().unique_id, sa.peer().to_string()));
            other->close({}, env);
        }
    }
}

}  // namespace culvert::ike::v2
