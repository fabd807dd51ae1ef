#include "daemon/peer_watch.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

// Who EAP has proved, else the IKE identity.
std::string identity_of(const ike::IkeSaStatus& sa) {
    return (sa.remote_eap_id.type == ike::IdType::any ? sa.remote_id : sa.remote_eap_id)
        .to_string();
}

bool is_private(const IpAddress& address) {
    static const std::array subnets{IpRange::parse("10.0.0.0/8"), IpRange::parse("172.16.0.0/12"),
                                    IpRange::parse("192.168.0.0/16"),
                                    IpRange::parse("100.64.0.0/10"), IpRange::parse("fc00::/7")};
    return std::ranges::any_of(
        subnets, [&](const auto& subnet) { return subnet && subnet->contains(address); });
}

// Without NAT_DETECTION the addresses are all that there is to see. Empty: nothing to be seen.
std::string nat_in_sight(const ike::IkeSaStatus& sa) {
    const std::uint16_t port = sa.remote.port;
    if (!sa.initiator && port != 500 && port != 4500) {
        return fmt::format("its messages come from port {}, which a NAT has given it", port);
    }
    if (is_private(sa.local.address) != is_private(sa.remote.address)) {
        return fmt::format("of {} and {} one is a private address", sa.local.address.to_string(),
                           sa.remote.address.to_string());
    }
    return {};
}

Error nat_without_traversal(const ike::IkeSaStatus& sa, std::string_view seen) {
    return {.code = ErrorCode::unsupported,
            .wanted = "NAT traversal (RFC 7296 2.23), as there is a NAT on the way",
            .received = fmt::format("a peer that does not offer it (no NAT_DETECTION in its "
                                    "IKE_SA_INIT), while {}",
                                    seen),
            .remedy = fmt::format(
                "turn NAT traversal on at {}: without it ESP cannot pass the NAT. If it cannot do "
                "that, give it an address that is not translated",
                identity_of(sa))};
}

std::string minutes(Duration time) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
    return seconds < 120 ? fmt::format("{} s", seconds) : fmt::format("{} min", seconds / 60);
}

Error lost_again(const ike::IkeSaStatus& sa, std::size_t dead, std::size_t ended, Duration in) {
    std::string what;
    if (dead != 0) { what = fmt::format("{} times it did not answer (DPD)", dead); }
    if (ended != 0) {
        what += fmt::format("{}{} times the peer gave it up", what.empty() ? "" : ", ", ended);
    }
    std::string remedy;
    if (dead != 0) {
        remedy =
            "look for losses on the way and for a NAT or firewall that forgets the mapping (a "
            "smaller charon.keep_alive); a larger dpd_delay or charon.retransmit_tries bears "
            "longer gaps";
    }
    if (ended != 0) {
        remedy += fmt::format("{}see the peer's log for why", remedy.empty() ? "" : "; ");
    }
    remedy += fmt::format(
        "; if another host calls itself {} as well, the two push each other out: "
        "give each an identity of its own",
        sa.local_id.to_string());
    return {.code = ErrorCode::peer_gone,
            .wanted = fmt::format("an IKE SA with {} that stays up", identity_of(sa)),
            .received = fmt::format("it was lost {} times in {}, and came back: {}", dead + ended,
                                    minutes(in), what),
            .remedy = std::move(remedy)};
}

Error one_identity_twice(const ike::IkeSaStatus& sa, const IpAddress& one, const IpAddress& other,
                         std::size_t times, Duration in) {
    return {.code = ErrorCode::already_exists,
            .wanted = fmt::format("one peer that is {}", identity_of(sa)),
            .received = fmt::format("{} and {} are it in turn, {} times in {}", one.to_string(),
                                    other.to_string(), times, minutes(in)),
            .remedy = fmt::format("give each host an identity (and a certificate or secret) of its "
                                  "own, or set connections.{}.unique = never, if they may be one; "
                                  "a single host that moves between the two addresses looks the "
                                  "same",
                                  sa.connection)};
}

Finding finding(const ike::IkeSaStatus& sa, Error error, std::string text, Instant now) {
    return {.failure = {.at = now,
                        .connection = sa.connection,
                        .remote = sa.remote,
                        .exchange = "IKE",
                        .error = std::move(error)},
            .text = std::move(text)};
}

template <class Entries>
void forget_old(Entries& entries, Instant now) {
    std::erase_if(entries, [now](const auto& one) { return now - one.at > flapping_window; });
}

}  // namespace

std::vector<Finding> PeerWatch::on_event(const ike::Event& event, Instant now) {
    std::vector<Finding> out;
    const auto add = [&](std::optional<Finding> found) {
        if (found) { out.push_back(std::move(*found)); }
    };
    if (event.kind == ike::EventKind::peer_dead) { dead_ = event.ike_unique_id; }
    // The engine's words for an IKE SA that ends without a Delete because its peer has lost it.
    if (event.kind == ike::EventKind::note && event.text.contains("says INITIAL_CONTACT")) {
        forgotten_ = event.ike_unique_id;
    }
    if (!event.ike || event.ike->remote_id.type == ike::IdType::null) { return out; }
    const ike::IkeSaStatus& sa = *event.ike;
    if (event.kind == ike::EventKind::ike_up) {
        const std::string seen = sa.nat_traversal ? std::string{} : nat_in_sight(sa);
        if (!seen.empty() && told_nat_.size() < watched_peers_max &&
            told_nat_.emplace(sa.connection, identity_of(sa)).second) {
            add(finding(sa, nat_without_traversal(sa, seen),
                        "a NAT is on the way, and the peer cannot traverse it", now));
        }
        Known& peer = known(sa, now);
        peer.standing.insert_or_assign(sa.unique_id, sa.remote.address);
        add(flapping(sa, peer, now));
    } else if (event.kind == ike::EventKind::ike_down) {
        add(went_down(sa, known(sa, now), now));
    } else if (event.kind == ike::EventKind::ike_rekeyed) {
        Known& peer = known(sa, now);
        if (event.old_ike) { peer.standing.erase(event.old_ike->unique_id); }
        peer.standing.insert_or_assign(sa.unique_id, sa.remote.address);
    }
    return out;
}

PeerWatch::Known& PeerWatch::known(const ike::IkeSaStatus& sa, Instant now) {
    const auto [at, fresh] = peers_.try_emplace({sa.connection, identity_of(sa)});
    Known& out = at->second;
    if (fresh) {
        out.place = newest_last_.insert(newest_last_.end(), at->first);
        if (peers_.size() > watched_peers_max) {
            peers_.erase(newest_last_.front());
            newest_last_.pop_front();
        }
    } else {
        newest_last_.splice(newest_last_.end(), newest_last_, out.place);
    }
    forget_old(out.losses, now);
    forget_old(out.takeovers, now);
    return out;
}

// Told when it is there again.
std::optional<Finding> PeerWatch::flapping(const ike::IkeSaStatus& sa, Known& peer, Instant now) {
    if (peer.losses.size() < flapping_min || peer.standing.empty()) { return std::nullopt; }
    const std::vector<Loss> losses = std::exchange(peer.losses, {});
    const auto dead = static_cast<std::size_t>(std::ranges::count_if(losses, &Loss::dead));
    return finding(sa, lost_again(sa, dead, losses.size() - dead, now - losses.front().at),
                   fmt::format("{} is lost and comes back again and again", sa.connection), now);
}

std::optional<Finding> PeerWatch::went_down(const ike::IkeSaStatus& sa, Known& peer, Instant now) {
    peer.standing.erase(sa.unique_id);
    const bool dead = std::exchange(dead_, std::nullopt) == sa.unique_id;
    const bool forgotten = std::exchange(forgotten_, std::nullopt) == sa.unique_id;
    const auto other = std::ranges::find_if(
        peer.standing, [&](const auto& standing) { return standing.second != sa.remote.address; });
    if (other != peer.standing.end()) { return takeover(sa, other->second, peer, now); }
    // What we close is in order, and so is a client that goes. A gateway that closes what we began,
    // with nothing in its place, is not.
    const bool pushed_out =
        sa.initiator && sa.state != ike::IkeState::deleting && peer.standing.empty();
    if (dead || forgotten || pushed_out) {
        peer.losses.push_back({.at = now, .dead = dead});
    } else if (peer.standing.empty()) {
        peer.losses.clear();
    }
    return flapping(sa, peer, now);
}

std::optional<Finding> PeerWatch::takeover(const ike::IkeSaStatus& sa, const IpAddress& to,
                                           Known& peer, Instant now) {
    const bool back =
        std::ranges::any_of(peer.takeovers, [&](const Takeover& one) { return one.from == to; });
    peer.takeovers.push_back({.at = now, .from = sa.remote.address, .to = to});
    if (!back || peer.takeovers.size() < takeovers_min) { return std::nullopt; }
    const std::vector<Takeover> all = std::exchange(peer.takeovers, {});
    return finding(sa,
                   one_identity_twice(sa, sa.remote.address, to, all.size(), now - all.front().at),
                   fmt::format("two hosts are {} in turn", identity_of(sa)), now);
}

}  // namespace culvert::daemon
