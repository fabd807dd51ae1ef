// What changes from one configuration to the next.

#include <string_view>
#include <tuple>
#include <unordered_map>

#include "config/config.hpp"

namespace culvert::config {
namespace {

using namespace ike;

bool same(const AuthConfig& a, const AuthConfig& b) {
    return a.method == b.method && a.id == b.id && a.own == b.own &&
           a.own_handles == b.own_handles && a.pubkeys == b.pubkeys && a.pinned == b.pinned &&
           a.cacerts == b.cacerts && a.ca_id == b.ca_id && a.policies == b.policies &&
           a.revocation == b.revocation && a.chain_rules == b.chain_rules &&
           a.auth_rules == b.auth_rules;
}

template <class T, class Same>
bool same_list(const std::vector<T>& a, const std::vector<T>& b, Same same_one) {
    if (a.size() != b.size()) { return false; }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!same_one(a[i], b[i])) { return false; }
    }
    return true;
}

// Not by the ranges: a name may resolve to something else at any time.
bool same_addresses(const std::vector<AddressPattern>& a, const std::vector<AddressPattern>& b) {
    return same_list(a, b, [](const AddressPattern& x, const AddressPattern& y) {
        return x.text == y.text && x.any == y.any;
    });
}

bool same_selectors(const std::vector<SelectorConfig>& a, const std::vector<SelectorConfig>& b) {
    return same_list(a, b, [](const SelectorConfig& x, const SelectorConfig& y) {
        return x.dynamic == y.dynamic && x.selector == y.selector;
    });
}

auto plain(const Connection& c) {
    return std::tie(c.version, c.local_port, c.remote_port, c.proposals, c.encap, c.mobike,
                    c.dpd_delay, c.keyingtries, c.unique, c.rekey_time, c.reauth_time, c.over_time,
                    c.rand_time, c.childless, c.fragmentation, c.ppk_id, c.ppk_required, c.vips,
                    c.pools, c.send_certreq, c.send_cert, c.ocsp, c.resumption);
}

bool same_rounds(const std::vector<AuthConfig>& a, const std::vector<AuthConfig>& b) {
    return same_list(a, b, [](const AuthConfig& x, const AuthConfig& y) { return same(x, y); });
}

bool same_but_children(const Connection& a, const Connection& b) {
    return plain(a) == plain(b) && same_addresses(a.local_addrs, b.local_addrs) &&
           same_addresses(a.remote_addrs, b.remote_addrs) && same(a.local, b.local) &&
           same(a.remote, b.remote) && same_rounds(a.local_more, b.local_more) &&
           same_rounds(a.remote_more, b.remote_more);
}

auto plain(const ChildConfig& c) {
    return std::tie(c.mode, c.proposals, c.start_action, c.start_also_traps, c.dpd_action,
                    c.close_action, c.rekey_time, c.life_time, c.rand_time, c.rekey_bytes,
                    c.life_bytes, c.rand_bytes, c.rekey_packets, c.life_packets, c.rand_packets,
                    c.replay_window, c.priority, c.reqid, c.install_policies,
                    c.header_rules.copy_df, c.header_rules.copy_ecn, c.header_rules.copy_dscp,
                    c.tfc_padding, c.inactivity, c.updown, c.hostaccess);
}

bool same(const ChildConfig& a, const ChildConfig& b) {
    return plain(a) == plain(b) && same_selectors(a.local_ts, b.local_ts) &&
           same_selectors(a.remote_ts, b.remote_ts);
}

bool same(const SharedSecret& a, const SharedSecret& b) {
    return a.name == b.name && a.owners == b.owners &&
           constant_time_equal(a.secret.reveal(), b.secret.reveal());
}

bool same(const EngineSettings& a, const EngineSettings& b) {
    const auto plain_settings = [](const EngineSettings& s) {
        return std::tie(s.retransmit.timeout, s.retransmit.base, s.retransmit.tries,
                        s.retransmit.limit, s.cookie_threshold, s.cookie_threshold_per_ip,
                        s.block_threshold_per_ip, s.half_open_max, s.half_open_timeout,
                        s.keep_alive, s.port, s.port_nat_t, s.follow_redirects, s.hash_and_url,
                        s.use_non_esp_marker_on_port_nat_t);
    };
    return plain_settings(a) == plain_settings(b);
}

// What lies in the folders: in the same order if nothing has changed.
bool same(const std::shared_ptr<const CredentialSet>& a,
          const std::shared_ptr<const CredentialSet>& b) {
    static const CredentialSet none;
    if (a == b) { return true; }
    const CredentialSet& x = a == nullptr ? none : *a;
    const CredentialSet& y = b == nullptr ? none : *b;
    return x.authorities == y.authorities && x.certificates == y.certificates &&
           x.responders == y.responders &&
           same_list(x.crls, y.crls,
                     [](const auto& c, const auto& d) { return c.der() == d.der(); }) &&
           same_list(
               x.keys, y.keys,
               [](const auto& c, const auto& d) { return c->public_key() == d->public_key(); }) &&
           same_list(x.infos, y.infos, [](const AuthorityInfo& c, const AuthorityInfo& d) {
               return c.name == d.name && c.certificate == d.certificate &&
                      c.crl_urls == d.crl_urls && c.ocsp_urls == d.ocsp_urls &&
                      c.certificate_url_base == d.certificate_url_base;
           });
}

template <class T>
std::unordered_map<std::string_view, const T*> by_name(const std::vector<T>& list) {
    std::unordered_map<std::string_view, const T*> out;
    for (const T& one : list) { out.emplace(one.name, &one); }
    return out;
}

void compare_children(const Connection& before, const Connection& after, Changes& out) {
    const auto old = by_name(before.children);
    const auto now = by_name(after.children);
    for (const ChildConfig& child : after.children) {
        const auto at = old.find(child.name);
        if (at == old.end()) {
            out.children_added.push_back({after.name, child.name});
        } else if (!same(*at->second, child)) {
            out.children_changed.push_back({after.name, child.name});
        }
    }
    for (const ChildConfig& child : before.children) {
        if (!now.contains(child.name)) {
            out.children_removed.push_back({before.name, child.name});
        }
    }
}

}  // namespace

bool Changes::empty() const {
    return added.empty() && removed.empty() && changed.empty() && children_added.empty() &&
           children_removed.empty() && children_changed.empty() && !pools && !secrets &&
           !credentials && !settings;
}

Changes compare(const ike::Config& before, const ike::Config& after) {
    Changes out;
    const auto old = by_name(before.connections);
    const auto now = by_name(after.connections);
    for (const Connection& conn : after.connections) {
        const auto at = old.find(conn.name);
        if (at == old.end()) {
            out.added.push_back(conn.name);
            continue;
        }
        if (!same_but_children(*at->second, conn)) { out.changed.push_back(conn.name); }
        compare_children(*at->second, conn, out);
    }
    for (const Connection& conn : before.connections) {
        if (!now.contains(conn.name)) { out.removed.push_back(conn.name); }
    }
    out.pools = before.pools != after.pools;
    const auto same_secret = [](const SharedSecret& a, const SharedSecret& b) {
        return same(a, b);
    };
    out.secrets = !same_list(before.secrets, after.secrets, same_secret) ||
                  !same_list(before.ppks, after.ppks, same_secret);
    out.credentials = !same(before.credentials, after.credentials);
    out.settings = !same(before.settings, after.settings);
    return out;
}

}  // namespace culvert::config
