#include "plane/user/filter_rules.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "ipsec/packet.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

std::string_view family_word(IpFamily family) { return family == IpFamily::v4 ? "ip" : "ip6"; }

// "ip saddr 10.0.0.0/8 "; nothing for everything, where the family alone decides.
std::string address_term(std::string_view side, const IpRange& range) {
    const std::string_view word = family_word(range.family());
    if (range == IpRange::everything(range.family())) { return {}; }
    return fmt::format("{} {} {} ", word, side, range.to_string());
}

std::string number_range(unsigned first, unsigned last) {
    return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

// ICMP selectors hold type and code (RFC 7296 3.13.1).
std::string icmp_term(const TrafficSelector& selector) {
    if (selector.any_port()) { return {}; }
    const std::string_view word = selector.protocol == ipsec::protocol_icmp ? "icmp" : "icmpv6";
    const unsigned type_first = selector.port_first >> 8U;
    const unsigned type_last = selector.port_last >> 8U;
    std::string out = fmt::format("{} type {} ", word, number_range(type_first, type_last));
    const unsigned code_first = selector.port_first & 0xffU;
    const unsigned code_last = selector.port_last & 0xffU;
    if (type_first == type_last && (code_first != 0 || code_last != 0xff)) {
        out += fmt::format("{} code {} ", word, number_range(code_first, code_last));
    }
    return out;
}

std::string port_term(std::string_view side, const TrafficSelector& selector) {
    if (selector.any_port()) { return {}; }
    // OPAQUE: what has no ports to look at, a fragment that is not the first (RFC 4301 4.4.1.1).
    if (selector.opaque_ports()) {
        return selector.addresses.family() == IpFamily::v4 ? "ip frag-off & 0x1fff != 0 "
                                                           : "frag frag-off != 0 ";
    }
    return fmt::format("th {} {} ", side, number_range(selector.port_first, selector.port_last));
}

// What an arriving packet looks like that these two selectors cover; nothing when none can.
std::optional<std::string> match_of(const TrafficSelector& local, const TrafficSelector& remote) {
    const IpFamily family = local.addresses.family();
    if (family != remote.addresses.family()) { return std::nullopt; }
    if (local.protocol != 0 && remote.protocol != 0 && local.protocol != remote.protocol) {
        return std::nullopt;
    }
    const std::uint8_t protocol = local.protocol != 0 ? local.protocol : remote.protocol;
    std::string out = fmt::format("meta nfproto {} ", family == IpFamily::v4 ? "ipv4" : "ipv6");
    out += address_term("saddr", remote.addresses);
    out += address_term("daddr", local.addresses);
    if (protocol == 0) { return out; }
    out += fmt::format("meta l4proto {} ", protocol);
    if (protocol == ipsec::protocol_icmp || protocol == ipsec::protocol_icmpv6) {
        out += icmp_term(remote);
        if (local.port_first != remote.port_first || local.port_last != remote.port_last) {
            out += icmp_term(local);
        }
    } else {
        out += port_term("sport", remote);
        out += port_term("dport", local);
    }
    return out;
}

void add_entry(std::vector<std::string>& out, const ipsec::SpdEntry& entry) {
    for (const TrafficSelector& local : entry.local) {
        for (const TrafficSelector& remote : entry.remote) {
            const auto match = match_of(local, remote);
            if (!match) { continue; }
            // A remote selector like 0.0.0.0/0 covers our own side too. Neighbours there talk to
            // each other in clear, as long as they come from where routing has them.
            const bool ours_covered = remote.addresses.intersect(local.addresses).has_value() &&
                                      entry.action == PolicyAction::protect;
            if (ours_covered && local.addresses != IpRange::everything(local.addresses.family())) {
                out.push_back(fmt::format("{}{}fib saddr . iif oif exists accept",
                                          address_term("saddr", local.addresses),
                                          address_term("daddr", local.addresses)));
            }
            switch (entry.action) {
                case PolicyAction::protect:
                    out.push_back(fmt::format("{}counter name {} drop", *match, clear_counter));
                    break;
                case PolicyAction::discard:
                    out.push_back(fmt::format("{}counter name {} drop", *match, discard_counter));
                    break;
                case PolicyAction::bypass: out.push_back(*match + "accept"); break;
            }
        }
    }
}

// What must come in whatever the policies say, and carries our mark from then on: with
// src_valid_mark the reverse path check then looks it up past our own table.
std::vector<std::string> standing_rules(const FilterSettings& s) {
    const std::string ports = fmt::format("{{ {}, {} }}", s.port, s.port_nat_t);
    std::vector<std::string> out;
    const auto add = [&](std::string rule) { out.push_back(std::move(rule)); };
    add("iifname \"lo\" accept");
    add(fmt::format("iifname \"{}\" accept", s.tun));
    add(fmt::format("udp dport {} fib daddr type local meta mark set {:#x} accept", ports, s.mark));
    // IKE and ESP in TCP: what is for our port, as a connection that is being made has no socket
    // yet that could be asked; and what is for a socket with our mark, for those that we open.
    add(fmt::format("tcp dport {} fib daddr type local meta mark set {:#x} accept", s.port_tcp,
                    s.mark));
    if (s.sockets) {
        add(fmt::format("meta l4proto 6 socket mark {0:#x} meta mark set {0:#x} accept", s.mark));
    }
    add(fmt::format("meta l4proto {{ 50, 51 }} fib daddr type local meta mark set {:#x} accept",
                    s.mark));
    // Later fragments of those to ourselves: no port is in them, nor a protocol where extension
    // headers of IPv6, AH among them, are cut. Alone they come to nothing: without its first
    // fragment, which is looked at, no packet is put together.
    add(fmt::format("ip frag-off & 0x1fff != 0 fib daddr type local meta mark set {:#x} accept",
                    s.mark));
    add(fmt::format("frag frag-off != 0 fib daddr type local meta mark set {:#x} accept", s.mark));
    // Neighbour discovery; a hop limit of 255 proves the link (RFC 4861 6, 7).
    add("icmpv6 type 133-137 ip6 hoplimit 255 accept");
    // ICMP errors about our own protected packets and IKE: path MTU and unreachable peers. The
    // embedded header begins 8 octets behind the ICMP header's start: its protocol, its source
    // port.
    add("icmp type 3 @th,136,8 { 50, 51 } fib daddr type local accept");
    add(fmt::format("icmp type 3 @th,136,8 17 @th,224,16 {} fib daddr type local accept", ports));
    add("icmpv6 type 1-2 @th,112,8 { 50, 51 } fib daddr type local accept");
    add(fmt::format("icmpv6 type 1-2 @th,112,8 17 @th,384,16 {} fib daddr type local accept",
                    ports));
    return out;
}

// A policy that wants protection for whatever goes between addresses: for a set, if there are many.
bool is_plain(const ipsec::SpdEntry& entry) {
    if (entry.action != PolicyAction::protect) { return false; }
    const auto of_addresses = [](const TrafficSelector& selector) {
        return selector.protocol == 0 && selector.any_port() &&
               selector.addresses != IpRange::everything(selector.addresses.family());
    };
    if (!std::ranges::all_of(entry.local, of_addresses) ||
        !std::ranges::all_of(entry.remote, of_addresses)) {
        return false;
    }
    // What covers our own side has an exception (add_entry()).
    for (const TrafficSelector& local : entry.local) {
        for (const TrafficSelector& remote : entry.remote) {
            if (remote.addresses.intersect(local.addresses)) { return false; }
        }
    }
    return true;
}

using Pairs = std::vector<FilterPlan::Pair>;
const Pairs no_pairs;

// Of ordered pairs those that overlap no other: sets take no others. The rest are put into
// `others`.
Pairs apart(const Pairs& pairs, Pairs& others) {
    Pairs out;
    for (auto at = pairs.begin(); at != pairs.end();) {
        // All whose sources hang together.
        auto end = at;
        IpAddress last = at->source.last;
        bool one_source = true;
        for (; end != pairs.end() && end->source.first.family() == last.family() &&
               end->source.first <= last;
             ++end) {
            last = std::max(last, end->source.last);
            one_source = one_source && end->source == at->source;
        }
        const bool good =
            one_source && std::adjacent_find(at, end, [](const auto& a, const auto& b) {
                              return b.destination.first <= a.destination.last;
                          }) == end;
        (good ? out : others).insert((good ? out : others).end(), at, end);
        at = end;
    }
    return out;
}

// Policies one behind the other, among which the order does not matter.
void add_plain(FilterPlan& out, std::vector<ipsec::SpdEntry>::const_iterator first,
               std::vector<ipsec::SpdEntry>::const_iterator last) {
    std::map<IpFamily, Pairs> wanted;
    for (auto entry = first; entry != last; ++entry) {
        for (const TrafficSelector& local : entry->local) {
            for (const TrafficSelector& remote : entry->remote) {
                if (local.addresses.family() != remote.addresses.family()) { continue; }
                wanted[local.addresses.family()].push_back({remote.addresses, local.addresses});
            }
        }
    }
    for (auto& [family, pairs] : wanted) {
        std::ranges::sort(pairs);
        pairs.erase(std::ranges::unique(pairs).begin(), pairs.end());
        Pairs others;
        Pairs of_set = apart(pairs, others);
        if (of_set.size() < filter_set_min) {
            others = std::move(pairs);
        } else {
            const std::string name = fmt::format("protected_{}", out.sets.size());
            out.rules.push_back(fmt::format("{0} saddr . {0} daddr @{1} counter name {2} drop",
                                            family_word(family), name, clear_counter));
            of_set.shrink_to_fit();  // it is kept
            out.sets.emplace(name, std::move(of_set));
        }
        for (const FilterPlan::Pair& pair : others) {
            out.rules.push_back(fmt::format(
                "meta nfproto {} {}{}counter name {} drop",
                family == IpFamily::v4 ? "ipv4" : "ipv6", address_term("saddr", pair.source),
                address_term("daddr", pair.destination), clear_counter));
        }
    }
}

std::string_view address_type(IpFamily family) {
    return family == IpFamily::v4 ? "ipv4_addr" : "ipv6_addr";
}

Pairs without(const Pairs& pairs, const Pairs& others) {
    Pairs out;
    std::ranges::set_difference(pairs, others, std::back_inserter(out));
    return out;
}

void add_elements(std::string& out, const FilterSettings& s, std::string_view what,
                  std::string_view set, const Pairs& pairs) {
    if (pairs.empty()) { return; }
    out += fmt::format("{} element inet {} {} {{ ", what, s.table, set);
    for (const FilterPlan::Pair& pair : pairs) {
        out += fmt::format("{} . {}, ", pair.source.to_string(), pair.destination.to_string());
    }
    out += "}\n";
}

}  // namespace

std::string filter_table_name(std::string_view tun) {
    if (tun == "culvert0") { return "culvert"; }
    std::string out = "culvert_";
    for (const char c : tun) { out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_'; }
    return out;
}

std::string filter_table(const FilterSettings& s) {
    std::string out = filter_removal(s);
    out += fmt::format("add table inet {}\n", s.table);
    out += fmt::format("add counter inet {} {}\n", s.table, clear_counter);
    out += fmt::format("add counter inet {} {}\n", s.table, discard_counter);
    // Before routing, so that the mark counts for the reverse path check.
    out += fmt::format(
        "add chain inet {} inbound {{ type filter hook prerouting priority -150; policy accept; "
        "}}\n",
        s.table);
    for (const std::string& rule : standing_rules(s)) {
        out += fmt::format("add rule inet {} inbound {}\n", s.table, rule);
    }
    return out;
}

FilterPlan plan_filter(const FilterSettings& s, std::vector<ipsec::SpdEntry> entries,
                       bool with_sets) {
    std::erase_if(entries, [](const ipsec::SpdEntry& entry) {
        return entry.direction == ipsec::SpdDirection::outbound;
    });
    std::ranges::stable_sort(entries, {}, &ipsec::SpdEntry::priority);
    FilterPlan out;
    out.rules = standing_rules(s);
    for (auto at = entries.begin(); at != entries.end();) {
        const auto end = with_sets ? std::find_if_not(at, entries.end(), is_plain) : at;
        if (at == end) {
            add_entry(out.rules, *at++);
            continue;
        }
        add_plain(out, at, end);
        at = end;
    }
    return out;
}

std::string filter_change(const FilterSettings& s, const FilterPlan& before,
                          const FilterPlan& after) {
    std::string out;
    const bool whole =
        before.rules != after.rules ||
        !std::ranges::equal(before.sets | std::views::keys, after.sets | std::views::keys);
    if (whole) {
        out += fmt::format("flush chain inet {} inbound\n", s.table);
        for (const auto& [name, pairs] : before.sets) {
            out += fmt::format("delete set inet {} {}\n", s.table, name);
        }
        for (const auto& [name, pairs] : after.sets) {
            out += fmt::format("add set inet {0} {1} {{ type {2} . {2}; flags interval; }}\n",
                               s.table, name, address_type(pairs.front().source.family()));
        }
    }
    for (const auto& [name, pairs] : after.sets) {
        const auto known = whole ? before.sets.end() : before.sets.find(name);
        const auto& old = known == before.sets.end() ? no_pairs : known->second;
        add_elements(out, s, "delete", name, without(old, pairs));
        add_elements(out, s, "add", name, without(pairs, old));
    }
    if (!whole) { return out; }
    for (const std::string& rule : after.rules) {
        out += fmt::format("add rule inet {} inbound {}\n", s.table, rule);
    }
    return out;
}

std::string filter_whole(const FilterSettings& s, const FilterPlan& plan) {
    return filter_table(s) + filter_change(s, {}, plan);
}

std::string filter_removal(const FilterSettings& s) {
    // Adding what exists is no error, deleting what does not is one.
    return fmt::format("add table inet {0}\ndelete table inet {0}\n", s.table);
}

}  // namespace culvert::plane
