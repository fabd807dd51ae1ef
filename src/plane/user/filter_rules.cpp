#include "plane/user/filter_rules.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "ipsec/packet.hpp"

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

void add_entry(std::string& out, const FilterSettings& settings, const ipsec::SpdEntry& entry) {
    for (const TrafficSelector& local : entry.local) {
        for (const TrafficSelector& remote : entry.remote) {
            const auto match = match_of(local, remote);
            if (!match) { continue; }
            const std::string head = fmt::format("add rule inet {} inbound ", settings.table);
            // A remote selector like 0.0.0.0/0 covers our own side too. Neighbours there talk to
            // each other in clear, as long as they come from where routing has them.
            const bool ours_covered = remote.addresses.intersect(local.addresses).has_value() &&
                                      entry.action == PolicyAction::protect;
            if (ours_covered && local.addresses != IpRange::everything(local.addresses.family())) {
                out += fmt::format("{}{}{}fib saddr . iif oif exists accept\n", head,
                                   address_term("saddr", local.addresses),
                                   address_term("daddr", local.addresses));
            }
            switch (entry.action) {
                case PolicyAction::protect:
                    out += fmt::format("{}{}counter name {} drop\n", head, *match, clear_counter);
                    break;
                case PolicyAction::discard:
                    out += fmt::format("{}{}counter name {} drop\n", head, *match, discard_counter);
                    break;
                case PolicyAction::bypass: out += fmt::format("{}{}accept\n", head, *match); break;
            }
        }
    }
}

// What must come in whatever the policies say, and carries our mark from then on: with
// src_valid_mark the reverse path check then looks it up past our own table.
std::string standing_rules(const FilterSettings& s) {
    const std::string ports = fmt::format("{{ {}, {} }}", s.port, s.port_nat_t);
    std::string out;
    const auto add = [&](const std::string& rule) {
        out += fmt::format("add rule inet {} inbound {}\n", s.table, rule);
    };
    add("iifname \"lo\" accept");
    add(fmt::format("iifname \"{}\" accept", s.tun));
    add(fmt::format("udp dport {} fib daddr type local meta mark set {:#x} accept", ports, s.mark));
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
    return out + standing_rules(s);
}

std::string filter_policies(const FilterSettings& s, std::vector<ipsec::SpdEntry> entries) {
    std::ranges::stable_sort(entries, {}, &ipsec::SpdEntry::priority);
    std::string out = fmt::format("flush chain inet {} inbound\n", s.table);
    out += standing_rules(s);
    for (const ipsec::SpdEntry& entry : entries) {
        if (entry.direction != ipsec::SpdDirection::outbound) { add_entry(out, s, entry); }
    }
    return out;
}

std::string filter_removal(const FilterSettings& s) {
    // Adding what exists is no error, deleting what does not is one.
    return fmt::format("add table inet {0}\ndelete table inet {0}\n", s.table);
}

}  // namespace culvert::plane
