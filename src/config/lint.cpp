// Checks that look at more than one section, and at what is legal but weak.

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/lint_peers.hpp"
#include "config/sections.hpp"
#include "ike/own_certificates.hpp"

namespace culvert::config {
namespace {

using ike::Identity;
using ike::IdType;

// None for what came by VICI.
Place place_in(const Places& places, const Places::key_type& name) {
    const auto found = places.find(name);
    return found == places.end() ? Place{} : found->second;
}

// ---- secrets

// Equal for identities that match each other; fqdn and email do so in any case.
std::string key_of(const Identity& id) {
    std::string out(1, static_cast<char>(id.type));
    out += as_text(id.data);
    if (id.type == IdType::fqdn || id.type == IdType::rfc822_addr) {
        std::ranges::transform(out, out.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    }
    return out;
}

// Whom the secrets belong to.
struct Owners {
    bool anybody = false;                  // a secret without owners, or for %any
    std::unordered_set<std::string> keys;  // of the plain ones
    std::vector<Identity> patterns;

    explicit Owners(const std::vector<ike::SharedSecret>& secrets) {
        for (const ike::SharedSecret& secret : secrets) {
            anybody = anybody || secret.owners.empty();
            for (const Identity& owner : secret.owners) {
                if (owner.type == IdType::any) {
                    anybody = true;
                } else if (owner.is_pattern()) {
                    patterns.push_back(owner);
                } else {
                    keys.insert(key_of(owner));
                }
            }
        }
    }
    bool have(const Identity& id) const {
        return keys.contains(key_of(id)) ||
               std::ranges::any_of(patterns, [&](const Identity& p) { return id.matches(p); });
    }
};

// Who one side may turn out to be. Empty: that shows only when it is there.
std::vector<Identity> identities_of(const ike::AuthConfig& auth,
                                    const std::vector<ike::AddressPattern>& addresses) {
    if (auth.id.type != IdType::any) {
        if (auth.id.is_pattern()) { return {}; }
        return {auth.id};
    }
    std::vector<Identity> out;
    for (const ike::AddressPattern& pattern : addresses) {
        if (pattern.any || pattern.ranges.size() != 1) { return {}; }
        const IpRange& range = pattern.ranges.front();
        if (range.first != range.last) { return {}; }
        out.push_back(Identity::of(range.first));
    }
    return out;
}

std::string describe(const ike::AuthConfig& auth,
                     const std::vector<ike::AddressPattern>& addresses) {
    if (auth.id.type != IdType::any) { return auth.id.to_string(); }
    std::string out;
    for (const ike::AddressPattern& pattern : addresses) {
        out += (out.empty() ? "" : ", ") + printable(pattern.text);
    }
    return out;
}

bool has_secret(const ike::Connection& conn, const ike::Config& config, const Owners& owners) {
    if (owners.anybody) { return true; }
    const auto local = identities_of(conn.local, conn.local_addrs);
    const auto remote = identities_of(conn.remote, conn.remote_addrs);
    const auto have = [&](const Identity& id) { return owners.have(id); };
    if (std::ranges::any_of(local, have) || std::ranges::any_of(remote, have)) { return true; }
    // Somebody whom we cannot know yet may own one of them.
    return (local.empty() || remote.empty()) && !config.secrets.empty();
}

void check_secret(const ike::Connection& conn, const ike::Config& config, const Owners& owners,
                  const Place& place, Report& report) {
    const bool psk = conn.local.method == ike::AuthMethodKind::psk ||
                     conn.remote.method == ike::AuthMethodKind::psk;
    if (!psk || has_secret(conn, config, owners)) { return; }
    const std::string local = describe(conn.local, conn.local_addrs);
    const bool anybody = conn.remote.id.type == IdType::any;
    const std::string remote = describe(conn.remote, conn.remote_addrs);
    report.add({.severity = Problem::Severity::warning,
                .place = place,
                .path = "connections." + conn.name,
                .what = fmt::format("no secret belongs to {} (local) or {} (remote), but auth is "
                                    "psk",
                                    local, remote),
                .remedy = fmt::format("add secrets {{ ike-{} {{ {}secret = ... }} }}",
                                      printable(conn.name),
                                      anybody ? "" : fmt::format("id = {} ... ", remote))});
}

// Two secrets for one and the same set of owners: which one counts?
void check_doubled_secrets(const ike::Config& config, const Places& places, Report& report) {
    std::unordered_map<std::string, const ike::SharedSecret*> seen;
    for (const ike::SharedSecret& secret : config.secrets) {
        std::set<std::string> keys;
        for (const Identity& owner : secret.owners) { keys.insert(key_of(owner)); }
        std::string all;
        for (const std::string& key : keys) { all += fmt::format("{}:{}", key.size(), key); }
        const auto [at, fresh] = seen.emplace(std::move(all), &secret);
        if (fresh || constant_time_equal(secret.secret.reveal(), at->second->secret.reveal())) {
            continue;
        }
        report.add({.severity = Problem::Severity::warning,
                    .place = place_in(places, {"", secret.name}),
                    .path = "secrets." + secret.name,
                    .what = fmt::format("belongs to the same identities as {}, but is another one",
                                        printable(at->second->name)),
                    .remedy = "remove one of the two"});
    }
}

// ---- certificates

// Keys that are missing, ids that no certificate confirms: as the daemon would find out.
void check_certificates(const ike::Connection& conn, const ike::Config& config, const Place& place,
                        bool all_keys, Report& report) {
    if (config.credentials == nullptr) { return; }
    const auto warn = [&](std::string what, std::string remedy) {
        report.add({.severity = Problem::Severity::warning,
                    .place = place,
                    .path = "connections." + conn.name,
                    .what = std::move(what),
                    .remedy = std::move(remedy)});
    };
    ike::Connection bound = conn;
    for (std::string& note : ike::bind(bound, *config.credentials)) {
        if (!all_keys) { break; }
        report.add({.severity = Problem::Severity::warning,
                    .place = place,
                    .what = std::move(note)});  // it names its path, and its remedy
    }
    const bool signs = all_keys && conn.local.method == ike::AuthMethodKind::pubkey;
    if (signs && bound.local.usable.empty() && bound.local.key == nullptr &&
        conn.local.own.empty()) {
        warn(fmt::format("local.auth is pubkey, and there is no certificate with its key for {}",
                         describe(conn.local, conn.local_addrs)),
             "put the certificate into x509, its key into private, and name the certificate in "
             "local.certs");
    }
    const ike::AuthConfig& remote = conn.remote;
    if (remote.method == ike::AuthMethodKind::pubkey && remote.pubkeys.empty() &&
        remote.pinned.empty() && remote.cacerts.empty() &&
        config.credentials->authorities.empty() && config.credentials->certificates.empty()) {
        warn("remote.auth is pubkey, and there is no authority to trust a certificate by",
             "put the authority's certificate into x509ca");
    }
}

// ---- children

bool overlap(const ike::SelectorConfig& a, const ike::SelectorConfig& b) {
    // Whether an endpoint lies in a subnet shows only later; two endpoints are the same one.
    if (a.dynamic != b.dynamic) { return false; }
    return a.selector.intersect(b.selector).has_value();
}

bool overlap(const std::vector<ike::SelectorConfig>& a, const std::vector<ike::SelectorConfig>& b) {
    return std::ranges::any_of(a, [&](const ike::SelectorConfig& x) {
        return std::ranges::any_of(b, [&](const ike::SelectorConfig& y) { return overlap(x, y); });
    });
}

void check_overlaps(const ike::Connection& conn, const Places& places, Report& report) {
    const std::size_t count = std::min(conn.children.size(), overlap_children_max);
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const ike::ChildConfig& a = conn.children[i];
            const ike::ChildConfig& b = conn.children[j];
            // Different priorities say that somebody has thought about it; so does a shunt in a
            // tunnel's selectors.
            const bool meant = a.priority != b.priority || a.mode != b.mode;
            if (meant || !overlap(a.local_ts, b.local_ts) || !overlap(a.remote_ts, b.remote_ts)) {
                continue;
            }
            report.add({.severity = Problem::Severity::warning,
                        .place = place_in(places, {conn.name, a.name}),
                        .path = fmt::format("connections.{}.children.{}", conn.name, a.name),
                        .what = fmt::format("its selectors overlap with those of {}: a packet may "
                                            "take either",
                                            printable(b.name)),
                        .remedy = "make the selectors disjoint, or give the two a priority"});
            break;
        }
    }
}

bool covers_everything(const std::vector<ike::SelectorConfig>& selectors) {
    return std::ranges::any_of(selectors, [](const ike::SelectorConfig& one) {
        const IpRange& range = one.selector.addresses;
        return !one.dynamic && one.selector.protocol == 0 && one.selector.any_port() &&
               range == IpRange::everything(range.family());
    });
}

// A trap has to know whom to call, and so has what brings up again what was lost.
void check_callable(const ike::Connection& conn, const Places& places, Report& report) {
    const bool nobody = std::ranges::all_of(conn.remote_addrs,
                                            [](const ike::AddressPattern& one) { return one.any; });
    if (!nobody) { return; }
    using enum ike::StartAction;
    for (const ike::ChildConfig& child : conn.children) {
        const bool sa =
            child.mode == ike::ChildMode::tunnel || child.mode == ike::ChildMode::transport;
        const std::string_view word = child.start_action != none   ? "start_action"
                                      : child.dpd_action != none   ? "dpd_action"
                                      : child.close_action != none ? "close_action"
                                                                   : "";
        if (!sa || word.empty()) { continue; }
        report.add({.severity = Problem::Severity::warning,
                    .place = place_in(places, {conn.name, child.name}),
                    .path = fmt::format("connections.{}.children.{}", conn.name, child.name),
                    .what = fmt::format("has a {}, and remote_addrs names nobody whom it could "
                                        "begin with",
                                        word),
                    .remedy = "set remote_addrs, or leave it to the peer to begin"});
    }
}

// RFC 4301 5.2: what a policy protects is dropped when it comes in clear.
void check_catch_all(const ike::Connection& conn, const Places& places, Report& report) {
    for (const ike::ChildConfig& child : conn.children) {
        if (child.mode != ike::ChildMode::tunnel || !child.install_policies ||
            !covers_everything(child.local_ts) || !covers_everything(child.remote_ts)) {
            continue;
        }
        report.add({.severity = Problem::Severity::warning,
                    .place = place_in(places, {conn.name, child.name}),
                    .path = fmt::format("connections.{}.children.{}", conn.name, child.name),
                    .what = "protects everything with everything: while it stands, this host takes "
                            "nothing in clear but IKE and what mode = pass lets through, not even "
                            "from its own network",
                    .remedy = "name the networks on both sides (a cloud's gateway accepts narrower "
                              "ones than its own 0.0.0.0/0), or add children with mode = pass"});
    }
}

// An address is given out once, so that one pool has fewer than it seems.
void check_pools(const ike::Config& config, Report& report) {
    std::vector<const ike::Pool*> sorted;
    for (const ike::Pool& pool : config.pools) { sorted.push_back(&pool); }
    std::ranges::sort(sorted, {}, [](const ike::Pool* pool) { return pool->addresses.first; });
    const ike::Pool* widest = nullptr;  // that reaches farthest so far
    for (const ike::Pool* pool : sorted) {
        const bool same_family =
            widest != nullptr && widest->addresses.family() == pool->addresses.family();
        if (same_family && widest->addresses.last >= pool->addresses.first) {
            report.add({.severity = Problem::Severity::warning,
                        .path = fmt::format("pools.{}.addrs", pool->name),
                        .what = fmt::format("has addresses that the pool {} has as well",
                                            printable(widest->name)),
                        .remedy = "give each pool addresses of its own"});
        }
        if (!same_family || widest->addresses.last < pool->addresses.last) { widest = pool; }
    }
}

void check_child_names(const ike::Config& config, const Places& places, Report& report) {
    struct Seen {
        std::string first;
        std::size_t count = 0;
        Place place;
        std::string second;
    };
    std::unordered_map<std::string_view, Seen> seen;
    std::vector<std::string_view> order;
    for (const ike::Connection& conn : config.connections) {
        for (const ike::ChildConfig& child : conn.children) {
            Seen& entry = seen[child.name];
            if (++entry.count == 1) {
                entry.first = conn.name;
                order.push_back(child.name);
            } else if (entry.count == 2) {
                entry.second = conn.name;
                entry.place = place_in(places, {conn.name, child.name});
            }
        }
    }
    for (const std::string_view name : order) {
        const Seen& entry = seen[name];
        if (entry.count < 2) { continue; }
        const std::string more =
            entry.count == 2 ? "" : fmt::format(" and {} more", entry.count - 2);
        report.add({.severity = Problem::Severity::info,
                    .place = entry.place,
                    .path = fmt::format("connections.{}.children.{}", entry.second, name),
                    .what = fmt::format("a child of this name is also in {}{}",
                                        printable(entry.first), more),
                    .remedy = "name the connection too where you name the child"});
    }
}

}  // namespace

void check_across(const ike::Config& config, const Places& places, bool all_secrets, bool all_keys,
                  Report& report) {
    const Owners owners{config.secrets};
    for (const ike::Connection& conn : config.connections) {
        const Place place = place_in(places, {conn.name, ""});
        check_certificates(conn, config, place, all_keys, report);
        if (all_secrets) {
            check_secret(conn, config, owners, place, report);
            check_passwords(conn, config, place, report);
        }
        check_pinned(conn, place, report);
        check_number(conn, place, report);
        check_overlaps(conn, places, report);
        check_catch_all(conn, places, report);
        check_callable(conn, places, report);
    }
    check_shared_selectors(config, places, report);
    check_doubled_secrets(config, places, report);
    check_child_names(config, places, report);
    check_pools(config, report);
}

Problems lint(const ike::Config& config) {
    Report report;
    check_across(config, {}, true, true, report);
    for (const ike::Connection& conn : config.connections) {
        const auto check = [&](const ike::Proposals& proposals, ike::ProtocolId protocol,
                               std::string path) {
            const auto weak = weakness_of(proposals, protocol);
            if (!weak) { return; }
            report.add(
                {.severity = weak->warning ? Problem::Severity::warning : Problem::Severity::info,
                 .path = std::move(path),
                 .what = weak->what,
                 .remedy = weak->remedy});
        };
        check(conn.proposals, ike::ProtocolId::ike,
              fmt::format("connections.{}.proposals", conn.name));
        for (const ike::ChildConfig& child : conn.children) {
            const bool ah =
                !child.proposals.empty() && child.proposals.front().protocol == ike::ProtocolId::ah;
            check(child.proposals, ah ? ike::ProtocolId::ah : ike::ProtocolId::esp,
                  fmt::format("connections.{}.children.{}.{}_proposals", conn.name, child.name,
                              ah ? "ah" : "esp"));
        }
    }
    return report.take();
}

}  // namespace culvert::config
