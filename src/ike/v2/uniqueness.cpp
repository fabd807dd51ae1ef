#include "ike/v2/uniqueness.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

namespace {

// From the same place with the same identities: it reauthenticates. Another TCP connection has
// another port, always.
bool earlier_self(const SaCore& other, const SaCore& sa) {
    const bool same_address = other.remote.address == sa.remote.address;
    return other.remote == sa.remote || (same_address && (other.on_tcp() || sa.on_tcp()));
}

}  // namespace

bool has_other_sa(const ConnectionRef& connection, const Identity& local, const Identity& remote,
                  const SaCore& except, const Environment& env) {
    const auto& neighbours = env.state.neighbours;
    const auto is_peer = [&](const IkeSa* sa) {
        return sa->established() && peer_of(sa->core()) == PeerOf{connection->name, local, remote};
    };
    const auto counts = [&](const IkeSa* sa) {
        const SaCore& other = sa->core();
        return &other != &except && sa->established() && !earlier_self(other, except) &&
               other.connection->name == connection->name && other.local_id == local &&
               other.peer() == remote;
    };
    const std::vector<IkeSa*> here = env.with_identities(local, remote);
    if (std::ranges::any_of(here, counts)) { return true; }
    if (neighbours == nullptr) { return false; }
    const auto filed = static_cast<std::size_t>(std::ranges::count_if(here, is_peer));
    return neighbours->with({connection->name, local, remote}) > filed;
}

bool wants_initial_contact(const SaCore& sa, const Environment& env) {
    if (sa.connection->unique == Unique::never || sa.local_id.type == IdType::null ||
        sa.connection->remote.id.is_pattern()) {
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
    const auto& neighbours = env.state.neighbours;
    if (neighbours != nullptr &&
        neighbours->with({sa.connection->name, sa.local_id, sa.connection->remote.id}) > 0) {
        return false;
    }
    const SaIndex& index = env.index();
    return std::ranges::none_of(index.at(sa.remote.address), counts) &&
           std::ranges::none_of(index.with_identities(sa.local_id, sa.connection->remote.id),
                                counts);
}

PeerOf peer_of(const SaCore& sa) {
    return {.connection = sa.connection->name, .local = sa.local_id, .remote = sa.peer()};
}

namespace {

void disown(IkeSa& sa, const Identity& by, const Environment& env) {
    sa.vanish(fmt::format("{} says INITIAL_CONTACT: it has forgotten this IKE SA", by.to_string()),
              env);
}

// Ends what `newcomer` replaces, `itself` being its IKE SA if it is here.
void make_way(const PeerElsewhere& newcomer, IkeSpi itself, const Environment& env) {
    const bool replace = newcomer.unique == Unique::replace;
    const PeerOf& peer = newcomer.peer;
    std::vector<IkeSpi> others;
    for (const IkeSa* const other : env.with_identities(peer.local, peer.remote)) {
        const SaCore& core = other->core();
        const bool same_ids = core.local_id == peer.local && core.peer() == peer.remote;
        if (core.local_spi != itself && same_ids && other->established()) {
            others.push_back(core.local_spi);
        }
    }
    for (const IkeSpi spi : others) {
        IkeSa* other = env.find(spi);
        if (newcomer.initial_contact && other->core().established_at < newcomer.began) {
            disown(*other, peer.remote, env);
        } else if (replace && other->core().remote == newcomer.remote) {
            // From the same place with the same identities: it is its earlier self, which
            // reauthenticates. Its children go over before it ends. Of two reauthentications at
            // once settle_with_rival() has chosen.
            if (itself == IkeSpi{} || other->rival() != itself) {
                other->linger(reauthenticated_linger, env);
            }
        } else if (replace) {
            env.alert(
                other->core(), "unique-replace", Severity::info,
                fmt::format(
                    "IKE SA {}[{}] is closed: {} has made another (unique = replace); if that goes "
                    "on, two peers use one identity",
                    other->core().name(), other->core().unique_id, peer.remote.to_string()));
            other->close({}, env);
        }
    }
}

}  // namespace

void make_way(const PeerElsewhere& newcomer, const Environment& env) {
    make_way(newcomer, IkeSpi{}, env);
}

void forget_disowned(const SaCore& sa, const Environment& env) {
    if (sa.connection->unique == Unique::never || sa.remote_id.type == IdType::null) { return; }
    for (IkeSa* const other : env.with_identities(sa.local_id, sa.peer())) {
        const SaCore& core = other->core();
        const bool same_ids = core.local_id == sa.local_id && core.peer() == sa.peer();
        if (core.local_spi == sa.local_spi || !same_ids || !other->established()) { continue; }
        if (core.established_at < sa.created_at) { disown(*other, sa.peer(), env); }
    }
}

void enforce_uniqueness(const SaCore& sa, bool initial_contact, const Environment& env) {
    // RFC 7619 2.3: who is nobody has no other IKE SAs.
    if (sa.connection->unique == Unique::never || sa.remote_id.type == IdType::null) { return; }
    if (!initial_contact && sa.connection->unique != Unique::replace) { return; }
    PeerElsewhere newcomer{.peer = peer_of(sa),
                           .ike_unique_id = sa.unique_id,
                           .remote = sa.remote,
                           .began = sa.created_at,
                           .initial_contact = initial_contact,
                           .unique = sa.connection->unique};
    make_way(newcomer, sa.local_spi, env);
    if (env.state.share.count > 1) { env.emit(TellNeighbours{std::move(newcomer)}); }
}

}  // namespace culvert::ike::v2
