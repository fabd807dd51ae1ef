#include "ipsec_types/traffic_selector.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "ipsec_types/limits.hpp"

namespace culvert {
namespace {

constexpr std::uint8_t icmp = 1;
constexpr std::uint8_t icmpv6 = 58;

struct Named {
    std::string_view name;
    std::uint16_t number;
};

// The first name of a number is the one that is printed.
constexpr std::array protocols{
    Named{"icmp", icmp},   Named{"igmp", 2},   Named{"ipencap", 4},
    Named{"ipip", 4},      Named{"tcp", 6},    Named{"egp", 8},
    Named{"igp", 9},       Named{"udp", 17},   Named{"dccp", 33},
    Named{"ipv6", 41},     Named{"rsvp", 46},  Named{"gre", 47},
    Named{"esp", 50},      Named{"ah", 51},    Named{"ipv6-icmp", 58},
    Named{"icmpv6", 58},   Named{"icmp6", 58}, Named{"eigrp", 88},
    Named{"ospf", 89},     Named{"pim", 103},  Named{"vrrp", 112},
    Named{"l2tp", 115},    Named{"sctp", 132}, Named{"mobility-header", 135},
    Named{"udplite", 136},
};

constexpr std::array services{
    Named{"ftp-data", 20},
    Named{"ftp", 21},
    Named{"ssh", 22},
    Named{"telnet", 23},
    Named{"smtp", 25},
    Named{"domain", 53},
    Named{"dns", 53},
    Named{"bootps", 67},
    Named{"bootpc", 68},
    Named{"tftp", 69},
    Named{"http", 80},
    Named{"kerberos", 88},
    Named{"pop3", 110},
    Named{"sunrpc", 111},
    Named{"ntp", 123},
    Named{"imap2", 143},
    Named{"imap", 143},
    Named{"snmp", 161},
    Named{"snmp-trap", 162},
    Named{"bgp", 179},
    Named{"ldap", 389},
    Named{"https", 443},
    Named{"microsoft-ds", 445},
    Named{"isakmp", 500},
    Named{"syslog", 514},
    Named{"submission", 587},
    Named{"ldaps", 636},
    Named{"domain-s", 853},
    Named{"imaps", 993},
    Named{"pop3s", 995},
    Named{"l2f", 1701},
    Named{"l2tp", 1701},
    Named{"radius", 1812},
    Named{"radius-acct", 1813},
    Named{"nfs", 2049},
    Named{"mysql", 3306},
    Named{"ms-wbt-server", 3389},
    Named{"ipsec-nat-t", 4500},
    Named{"sip", 5060},
    Named{"postgresql", 5432},
};

bool is_icmp(std::uint8_t protocol) { return protocol == icmp || protocol == icmpv6; }

template <class Table>
std::optional<std::uint16_t> number_of(const Table& table, std::string_view name) {
    const auto found = std::ranges::find(table, name, &Named::name);
    if (found == table.end()) { return {}; }
    return found->number;
}

std::optional<std::uint16_t> parse_number(std::string_view text, unsigned max) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) { return {}; }
    return static_cast<std::uint16_t>(value);
}

std::optional<std::uint8_t> parse_protocol(std::string_view text) {
    if (text.empty() || text == "any" || text == "%any") { return std::uint8_t{0}; }
    auto number = number_of(protocols, text);
    if (!number) { number = parse_number(text, 255); }
    if (!number) { return {}; }
    return static_cast<std::uint8_t>(*number);
}

struct Ports {
    std::uint16_t first = 0;
    std::uint16_t last = 65535;
};

// One ICMP bound: a type (all its codes), "type(code)", or both as one number of 256 and more.
std::optional<Ports> parse_icmp(std::string_view text) {
    if (text.ends_with(')')) {
        const auto open = text.find('(');
        if (open == std::string_view::npos) { return {}; }
        const auto type = parse_number(text.substr(0, open), 255);
        const auto code = parse_number(text.substr(open + 1, text.size() - open - 2), 255);
        if (!type || !code) { return {}; }
        const auto both = static_cast<std::uint16_t>((*type << 8U) | *code);
        return Ports{both, both};
    }
    const auto number = parse_number(text, 65535);
    if (!number) { return {}; }
    if (*number >= 256) { return Ports{*number, *number}; }
    const auto type = static_cast<std::uint16_t>(*number << 8U);
    return Ports{type, static_cast<std::uint16_t>(type | 0xffU)};
}

std::optional<Ports> parse_bound(std::string_view text, std::uint8_t protocol) {
    if (is_icmp(protocol)) { return parse_icmp(text); }
    auto number = parse_number(text, 65535);
    if (!number) { number = number_of(services, text); }
    if (!number) { return {}; }
    return Ports{*number, *number};
}

std::optional<Ports> parse_ports(std::string_view text, std::uint8_t protocol) {
    if (text.empty() || text == "any" || text == "%any") { return Ports{}; }
    if (text == "opaque" || text == "%opaque") { return Ports{65535, 0}; }
    if (auto single = parse_bound(text, protocol)) { return single; }  // "ftp-data" has a dash
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) { return {}; }
    const auto first = parse_bound(text.substr(0, dash), protocol);
    const auto last = parse_bound(text.substr(dash + 1), protocol);
    if (!first || !last || first->first > last->last) { return {}; }
    return Ports{first->first, last->last};
}

// What both allow. RFC 4301 4.4.1.1: ANY includes OPAQUE; a range of ports does not.
std::optional<Ports> intersect_ports(const TrafficSelector& a, const TrafficSelector& b) {
    if (a.any_port()) { return Ports{b.port_first, b.port_last}; }
    if (b.any_port()) { return Ports{a.port_first, a.port_last}; }
    if (a.opaque_ports() && b.opaque_ports()) { return Ports{a.port_first, a.port_last}; }
    const Ports both{std::max(a.port_first, b.port_first), std::min(a.port_last, b.port_last)};
    if (both.first > both.last) { return {}; }  // so is opaque with a range
    return both;
}

std::string port_text(std::uint16_t port, std::uint8_t protocol) {
    if (is_icmp(protocol)) { return fmt::format("{}({})", port >> 8U, port & 0xffU); }
    return fmt::format("{}", port);
}

std::string ports_text(const TrafficSelector& ts) {
    if (ts.opaque_ports()) { return "opaque"; }
    if (is_icmp(ts.protocol) && (ts.port_first & 0xffU) == 0 && (ts.port_last & 0xffU) == 0xff) {
        const unsigned first = ts.port_first >> 8U;
        const unsigned last = ts.port_last >> 8U;
        return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    std::string first = port_text(ts.port_first, ts.protocol);
    if (ts.port_first == ts.port_last) { return first; }
    return fmt::format("{}-{}", first, port_text(ts.port_last, ts.protocol));
}

std::string protocol_text(std::uint8_t protocol) {
    const auto found = std::ranges::find(protocols, protocol, &Named::number);
    return found == protocols.end() ? fmt::format("{}", protocol) : std::string{found->name};
}

// Keeps `out` free of selectors that another one contains.
void add(TrafficSelectors& out, const TrafficSelector& more) {
    if (contains(out, more)) { return; }
    std::erase_if(out, [&](const TrafficSelector& old) { return more.contains(old); });
    if (out.size() < selectors_narrowed_max) { out.push_back(more); }
}

}  // namespace

bool TrafficSelector::contains(const TrafficSelector& other) const {
    const auto both = intersect(other);
    return both && *both == other;
}

std::optional<TrafficSelector> TrafficSelector::intersect(const TrafficSelector& other) const {
    if (protocol != 0 && other.protocol != 0 && protocol != other.protocol) { return {}; }
    const auto ports = intersect_ports(*this, other);
    const auto range = addresses.intersect(other.addresses);
    if (!ports || !range) { return {}; }
    return TrafficSelector{.protocol = protocol != 0 ? protocol : other.protocol,
                           .port_first = ports->first,
                           .port_last = ports->last,
                           .addresses = *range};
}

std::string TrafficSelector::to_string() const {
    if (protocol == 0 && any_port()) { return addresses.to_string(); }
    const std::string name = protocol == 0 ? std::string{} : protocol_text(protocol);
    if (any_port()) { return fmt::format("{}[{}]", addresses.to_string(), name); }
    return fmt::format("{}[{}/{}]", addresses.to_string(), name, ports_text(*this));
}

std::optional<TrafficSelector> TrafficSelector::parse(std::string_view text) {
    TrafficSelector ts;
    const auto open = text.find('[');
    if (open != std::string_view::npos) {
        if (!text.ends_with(']')) { return {}; }
        const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
        const auto slash = inside.find('/');
        const auto protocol = parse_protocol(inside.substr(0, slash));
        if (!protocol) { return {}; }
        ts.protocol = *protocol;
        if (slash != std::string_view::npos) {
            const auto ports = parse_ports(inside.substr(slash + 1), *protocol);
            if (!ports) { return {}; }
            ts.port_first = ports->first;
            ts.port_last = ports->last;
        }
        text = text.substr(0, open);
    }
    const auto range = IpRange::parse(text);
    if (!range) { return {}; }
    ts.addresses = *range;
    return ts;
}

TrafficSelectors narrow(const TrafficSelectors& ours, const TrafficSelectors& offered) {
    TrafficSelectors out;
    for (const TrafficSelector& one : ours) {
        for (const TrafficSelector& other : offered) {
            if (const auto both = one.intersect(other)) { add(out, *both); }
        }
    }
    return out;
}

bool contains(const TrafficSelectors& outer, const TrafficSelector& inner) {
    return std::ranges::any_of(outer, [&](const auto& one) { return one.contains(inner); });
}

std::string to_string(const TrafficSelectors& selectors) {
    std::string out;
    for (const TrafficSelector& one : selectors) {
        if (!out.empty()) { out += ' '; }
        out += one.to_string();
    }
    return out;
}

}  // namespace culvert
