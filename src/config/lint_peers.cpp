#include "config/lint_peers.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "ike/credentials.hpp"

namespace culvert::config {
namespace {

// What a child sends to whom, one remote selector of it.
struct Claim {
    IpRange remote;
    const ike::Connection* conn;
    const ike::ChildConfig* child;
    const ike::SelectorConfig* selector;
};

bool is_tunnel(const ike::ChildConfig& child) {
    return child.mode == ike::ChildMode::tunnel || child.mode == ike::ChildMode::transport;
}

std::vector<Claim> claims_of(const ike::Config& config) {
    std::vector<Claim> out;
    for (const ike::Connection& conn : config.connections) {
        for (const ike::ChildConfig& child : conn.children) {
            if (!is_tunnel(child)) { continue; }
            for (const ike::SelectorConfig& selector : child.remote_ts) {
                if (selector.dynamic) { continue; }  // of the peer's address: its own
                out.push_back({selector.selector.addresses, &conn, &child, &selector});
            }
        }
    }
    std::ranges::stable_sort(out, [](const Claim& a, const Claim& b) {
        if (a.remote.family() != b.remote.family()) {
            return a.remote.family() < b.remote.family();
        }
        return a.remote.first < b.remote.first;
    });
    return out;
}

bool local_sides_overlap(const ike::ChildConfig& a, const ike::ChildConfig& b) {
    return std::ranges::any_of(a.local_ts, [&](const ike::SelectorConfig& x) {
        return std::ranges::any_of(b.local_ts, [&](const ike::SelectorConfig& y) {
            return !x.dynamic && !y.dynamic && x.selector.intersect(y.selector).has_value();
        });
    });
}

// Different priorities say that somebody has thought about it. Of one connection: check_overlaps.
bool conflict(const Claim& a, const Claim& b) {
    return a.conn != b.conn && a.child->priority == b.child->priority &&
           a.selector->selector.intersect(b.selector->selector).has_value() &&
           local_sides_overlap(*a.child, *b.child);
}

}  // namespace

// A sweep over the remote ranges in the order of their beginnings: each is compared with the few
// before it that have not ended.
void check_shared_selectors(const ike::Config& config, const Places& places, Report& report) {
    std::vector<Claim> open;
    const ike::ChildConfig* told = nullptr;
    for (const Claim& claim : claims_of(config)) {
        std::erase_if(open, [&](const Claim& one) {
            return one.remote.family() != claim.remote.family() ||
                   one.remote.last < claim.remote.first;
        });
        const auto other =
            std::ranges::find_if(open, [&](const Claim& one) { return conflict(one, claim); });
        if (other != open.end() && told != claim.child) {
            told = claim.child;
            const auto place = places.find({claim.conn->name, claim.child->name});
            report.add(
                {.severity = Problem::Severity::info,
                 .place = place == places.end() ? Place{} : place->second,
                 .path =
                     fmt::format("connections.{}.children.{}", claim.conn->name, claim.child->name),
                 .what = fmt::format("its selectors overlap with those of {}/{}: while both "
                                     "are up a packet may take either",
                                     printable(other->conn->name), printable(other->child->name)),
                 .remedy = "make the selectors disjoint, or give the two a priority"});
        }
        if (open.size() < overlap_children_max) { open.push_back(claim); }
    }
}

void check_number(const ike::Connection& conn, const Place& place, Report& report) {
    const auto count = static_cast<std::size_t>(std::ranges::count_if(conn.children, is_tunnel));
    if (count <= children_of_an_sa_max) { return; }
    report.add({.severity = Problem::Severity::warning,
                .place = place,
                .path = fmt::format("connections.{}.children", conn.name),
                .what = fmt::format("{} children: an IKE SA has at most {} Child SAs, so that not "
                                    "all of them come up at once",
                                    count, children_of_an_sa_max),
                .remedy = "give several selectors to one child, or make a second connection"});
}

void check_pinned(const ike::Connection& conn, const Place& place, Report& report) {
    const ike::AuthConfig& remote = conn.remote;
    if (remote.method != ike::AuthMethodKind::pubkey || remote.pinned.empty() ||
        remote.id.is_pattern() ||
        std::ranges::any_of(remote.pinned, [&](const x509::Certificate& one) {
            return ike::certifies(one, remote.id);
        })) {
        return;
    }
    const x509::Certificate& first = remote.pinned.front();
    report.add({.severity = Problem::Severity::warning,
                .place = place,
                .path = fmt::format("connections.{}.remote.id", conn.name),
                .what = fmt::format("{} is not in the certificate of remote.certs, which is for "
                                    "\"{}\", {}: such a peer is never let in",
                                    remote.id.to_string(), ike::subject_of(first).to_string(),
                                    ike::names_of(first)),
                .remedy = "use one of its names, or name the peer's certificate"});
}

void check_passwords(const ike::Connection& conn, const ike::Config& config, const Place& place,
                     Report& report) {
    const auto by_password = [](const ike::AuthConfig& side) {
        return side.method == ike::AuthMethodKind::eap &&
               std::ranges::none_of(side.eap_methods, ike::eap::is_mutual);
    };
    const auto warn = [&](std::string_view key, std::string what, std::string remedy) {
        report.add({.severity = Problem::Severity::warning,
                    .place = place,
                    .path = fmt::format("connections.{}.{}", conn.name, key),
                    .what = std::move(what),
                    .remedy = std::move(remedy)});
    };
    const auto check_own = [&](const ike::AuthConfig& local) {
        const ike::Identity& user = local.eap_id.type == ike::IdType::any ? local.id : local.eap_id;
        const bool has = std::ranges::any_of(config.passwords, [&](const ike::SharedSecret& one) {
            return one.owners.empty() || user.type == ike::IdType::any ||
                   std::ranges::any_of(one.owners, [&](const ike::Identity& owner) {
                       return owner == user || user.matches(owner);
                   });
        });
        if (has || !by_password(local)) { return; }
        warn("local",
             fmt::format("no password belongs to \"{}\", but auth is EAP", user.to_string()),
             fmt::format("add secrets {{ eap-{} {{ id = {} ... secret = ... }} }}",
                         printable(conn.name), user.to_string()));
    };
    check_own(conn.local);
    std::ranges::for_each(conn.local_more, check_own);
    const bool takes_passwords =
        by_password(conn.remote) || std::ranges::any_of(conn.remote_more, by_password);
    if (takes_passwords && config.passwords.empty()) {
        warn("remote", "auth is EAP, and no user has a password",
             "add secrets { eap-NAME { id = NAME ... secret = ... } } for each");
    }
}

}  // namespace culvert::config
