// What changes from one configuration to the next.

#include <string_view>
#include <tuple>
#include <unordered_map>

#include "config/config.hpp"
#include "ike/same.hpp"

namespace culvert::config {
namespace {

using namespace ike;

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

// A keyword, and whether it says the same in both.
template <class T>
struct Field {
    std::string_view keyword;
    bool (*same)(const T& a, const T& b);
};

template <auto Member, class T>
bool same_member(const T& a, const T& b) {
    return a.*Member == b.*Member;
}

template <auto Rule>
bool same_rule(const ChildConfig& a, const ChildConfig& b) {
    return a.header_rules.*Rule == b.header_rules.*Rule;
}

constexpr Field<Connection> connection_fields[] = {
    {"version", same_member<&Connection::version>},
    {"local_addrs",
     [](const Connection& a, const Connection& b) {
         return same_addresses(a.local_addrs, b.local_addrs);
     }},
    {"remote_addrs",
     [](const Connection& a, const Connection& b) {
         return same_addresses(a.remote_addrs, b.remote_addrs);
     }},
    {"local_port", same_member<&Connection::local_port>},
    {"remote_port", same_member<&Connection::remote_port>},
    {"proposals", same_member<&Connection::proposals>},
    {"vips", same_member<&Connection::vips>},
    {"encap", same_member<&Connection::encap>},
    {"dscp", same_member<&Connection::dscp>},
    {"mobike", same_member<&Connection::mobike>},
    {"dpd_delay", same_member<&Connection::dpd_delay>},
    {"fragmentation", same_member<&Connection::fragmentation>},
    {"childless", same_member<&Connection::childless>},
    {"send_certreq", same_member<&Connection::send_certreq>},
    {"send_cert", same_member<&Connection::send_cert>},
    {"ppk_id", same_member<&Connection::ppk_id>},
    {"ppk_required", same_member<&Connection::ppk_required>},
    {"keyingtries", same_member<&Connection::keyingtries>},
    {"unique", same_member<&Connection::unique>},
    {"reauth_time", same_member<&Connection::reauth_time>},
    {"rekey_time", same_member<&Connection::rekey_time>},
    {"over_time", same_member<&Connection::over_time>},
    {"rand_time", same_member<&Connection::rand_time>},
    {"pools", same_member<&Connection::pools>},
    {"ocsp", same_member<&Connection::ocsp>},
    {"culvert_resumption", same_member<&Connection::resumption>},
    {"culvert_redirect_to", same_member<&Connection::redirect_to>},
    {"culvert_tcp", same_member<&Connection::tcp>},
    {"culvert_tcp_port", same_member<&Connection::tcp_port>},
    {"local", same_local_rounds},
    {"remote", same_remote_rounds},
};

constexpr Field<ChildConfig> child_fields[] = {
    {"local_ts", [](const ChildConfig& a,
                    const ChildConfig& b) { return same_selectors(a.local_ts, b.local_ts); }},
    {"remote_ts", [](const ChildConfig& a,
                     const ChildConfig& b) { return same_selectors(a.remote_ts, b.remote_ts); }},
    {"mode", same_member<&ChildConfig::mode>},
    {"esp_proposals", same_member<&ChildConfig::proposals>},
    {"start_action",
     [](const ChildConfig& a, const ChildConfig& b) {
         return a.start_action == b.start_action && a.start_also_traps == b.start_also_traps;
     }},
    {"dpd_action", same_member<&ChildConfig::dpd_action>},
    {"close_action", same_member<&ChildConfig::close_action>},
    {"rekey_time", same_member<&ChildConfig::rekey_time>},
    {"life_time", same_member<&ChildConfig::life_time>},
    {"rand_time", same_member<&ChildConfig::rand_time>},
    {"rekey_bytes", same_member<&ChildConfig::rekey_bytes>},
    {"life_bytes", same_member<&ChildConfig::life_bytes>},
    {"rand_bytes", same_member<&ChildConfig::rand_bytes>},
    {"rekey_packets", same_member<&ChildConfig::rekey_packets>},
    {"life_packets", same_member<&ChildConfig::life_packets>},
    {"rand_packets", same_member<&ChildConfig::rand_packets>},
    {"replay_window", same_member<&ChildConfig::replay_window>},
    {"priority", same_member<&ChildConfig::priority>},
    {"reqid", same_member<&ChildConfig::reqid>},
    {"policies", same_member<&ChildConfig::install_policies>},
    {"culvert_outer_df", same_rule<&HeaderRules::df>},  // copy_df sets it, too
    {"copy_ecn", same_rule<&HeaderRules::copy_ecn>},
    {"copy_dscp", same_rule<&HeaderRules::copy_dscp>},
    {"culvert_outer_dscp", same_rule<&HeaderRules::dscp>},
    {"tfc_padding", same_member<&ChildConfig::tfc_padding>},
    {"inactivity", same_member<&ChildConfig::inactivity>},
    {"updown", same_member<&ChildConfig::updown>},
    {"hostaccess", same_member<&ChildConfig::hostaccess>},
    {"sha256_96", same_member<&ChildConfig::sha256_96>},
    {"culvert_keep_up", same_member<&ChildConfig::keep_up>},
    {"per_cpu_sas", same_member<&ChildConfig::per_cpu_sas>},
};

template <class T, std::size_t N>
std::vector<std::string> differing(const Field<T> (&fields)[N], const T& a, const T& b) {
    std::vector<std::string> out;
    for (const Field<T>& field : fields) {
        if (!field.same(a, b)) { out.emplace_back(field.keyword); }
    }
    return out;
}

template <class T>
std::unordered_map<std::string_view, const T*> by_name(const std::vector<T>& list) {
    std::unordered_map<std::string_view, const T*> out;
    for (const T& one : list) { out.emplace(one.name, &one); }
    return out;
}

// Whether what both have stands in the same order.
template <class T>
bool same_order(const std::vector<T>& before, const std::vector<T>& after) {
    const auto old = by_name(before);
    const auto now = by_name(after);
    auto at = before.begin();
    for (const T& one : after) {
        if (!old.contains(one.name)) { continue; }
        at = std::find_if(at, before.end(),
                          [&](const T& other) { return now.contains(other.name); });
        if (at == before.end() || at->name != one.name) { return false; }
        ++at;
    }
    return true;
}

void compare_children(const Connection& before, const Connection& after, Changes& out) {
    const auto old = by_name(before.children);
    const auto now = by_name(after.children);
    for (const ChildConfig& child : after.children) {
        const auto at = old.find(child.name);
        if (at == old.end()) {
            out.children_added.push_back({after.name, child.name});
            continue;
        }
        auto keywords = differing(child_fields, *at->second, child);
        if (keywords.empty()) { continue; }
        out.children_changed.push_back({after.name, child.name});
        out.keywords.emplace(after.name + "/" + child.name, std::move(keywords));
    }
    out.order = out.order || !same_order(before.children, after.children);
    for (const ChildConfig& child : before.children) {
        if (!now.contains(child.name)) {
            out.children_removed.push_back({before.name, child.name});
        }
    }
}

}  // namespace

bool Changes::empty() const {
    return added.empty() && removed.empty() && changed.empty() && children_added.empty() &&
           children_removed.empty() && children_changed.empty() && !order && !pools && !secrets &&
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
        if (auto keywords = differing(connection_fields, *at->second, conn); !keywords.empty()) {
            out.changed.push_back(conn.name);
            out.keywords.emplace(conn.name, std::move(keywords));
        }
        compare_children(*at->second, conn, out);
    }
    for (const Connection& conn : before.connections) {
        if (!now.contains(conn.name)) { out.removed.push_back(conn.name); }
    }
    out.order = out.order || !same_order(before.connections, after.connections);
    out.pools = before.pools != after.pools;
    out.secrets = !same_secrets(before, after);
    out.credentials = !same(before.credentials, after.credentials);
    out.settings = !(before.settings == after.settings);
    return out;
}

}  // namespace culvert::config
