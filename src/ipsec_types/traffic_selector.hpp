#pragma once
// Traffic selectors (RFC 7296 3.13.1; selectors of RFC 4301 4.4.1.1): which inner packets an SA
// carries.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.hpp"

namespace culvert {

struct TrafficSelector {
    // IP protocol number (a next-layer protocol); 0 is any.
    std::uint8_t protocol = 0;
    // Ports, or for ICMP (1) and ICMPv6 (58) type in the high and code in the low octet (RFC
    // 7296 3.13.1). Any: 0..65535. Opaque (RFC 4301 4.4.1.1): 65535..0.
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 65535;
    IpRange addresses;

    static TrafficSelector of(const IpRange& addresses) { return {.addresses = addresses}; }

    bool any_port() const { return port_first == 0 && port_last == 65535; }
    bool opaque_ports() const { return port_first == 65535 && port_last == 0; }

    bool contains(const TrafficSelector& other) const;
    std::optional<TrafficSelector> intersect(const TrafficSelector& other) const;

    // As swanctl writes it: "10.1.0.0/16", "10.1.0.0/16[tcp/443]", "10.0.0.1-10.0.0.9[udp]",
    // "::/0[ipv6-icmp/128]".
    std::string to_string() const;
    // The same grammar ("dynamic" is the configuration's business, not a selector's). Protocols by
    // name or number; ports as number, name of a well-known service, range "a-b", "any" or
    // "opaque".
    static std::optional<TrafficSelector> parse(std::string_view text);

    friend bool operator==(const TrafficSelector&, const TrafficSelector&) = default;
};

using TrafficSelectors = std::vector<TrafficSelector>;

// Every non-empty intersection of one of ours with one of theirs, without those that another result
// contains. In the order of `ours`: the narrowing of RFC 7296 2.9.
TrafficSelectors narrow(const TrafficSelectors& ours, const TrafficSelectors& offered);

bool contains(const TrafficSelectors& outer, const TrafficSelector& inner);

// Joined by a space, as swanctl lists them.
std::string to_string(const TrafficSelectors& selectors);

}  // namespace culvert
