#pragma once
// What the engine knows of an IP packet: enough for selectors (RFC 4301 4.4.1.1) and for the outer
// header.

#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/ip.hpp"
#include "ipsec/drop_reason.hpp"

namespace culvert::ipsec {

struct PacketInfo {
    IpAddress source;
    IpAddress destination;
    IpFamily family = IpFamily::v4;
    // The next-layer protocol, behind IPv6 extension headers (ESP and AH end the walk).
    std::uint8_t protocol = 0;
    std::uint8_t traffic_class = 0;  // DSCP (6 bits) and ECN (2 bits)
    std::uint8_t hop_limit = 0;      // TTL
    bool dont_fragment = false;      // IPv4's DF; always true for IPv6
    bool fragment = false;           // any fragment, the first one too
    // Ports (or ICMP type and code) could be read: a protocol that has them, whole or first
    // fragment long enough. Without them only "any" and OPAQUE selectors match.
    bool has_ports = false;
    // ICMP and ICMPv6: type in the high and code in the low octet, in both.
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint32_t flow_label = 0;      // IPv6
    std::uint16_t identification = 0;  // IPv4
    std::uint16_t header_size = 0;     // octets before the next-layer header, extensions included
    // IPv6: octets of the part that transport mode leaves in front of ESP or AH (hop-by-hop,
    // routing and fragment headers; RFC 4303 3.1.1); IPv4: the same as header_size.
    std::uint16_t unprotected_size = 0;
    // Where that part names what follows it: the offset of the Protocol or Next Header octet.
    std::uint16_t next_header_at = 0;
    // The same for the whole header: where `protocol` is named.
    std::uint16_t last_next_header_at = 0;
    std::uint32_t total_size = 0;  // as the header says; at most what was given

    bool operator==(const PacketInfo&) const = default;
};

// Reads the headers. Refused: shorter than it says, IHL below 5 or beyond the packet, IPv6
// extension chains that are too long or cut, jumbograms. Octets behind the packet's own length
// (padding of the link, TFC padding) are allowed: total_size tells. The cheap form for the packet
// path: false when refused.
bool parse_packet(ByteView packet, PacketInfo& info);
// The same with an explanation (ErrorCode::malformed).
Result<PacketInfo> parse_packet(ByteView packet);

constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_ipip = 4;
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint8_t protocol_ipv6 = 41;
constexpr std::uint8_t protocol_esp = 50;
constexpr std::uint8_t protocol_ah = 51;
constexpr std::uint8_t protocol_icmpv6 = 58;
constexpr std::uint8_t protocol_none = 59;  // IPv6-NoNxt; dummy packets in ESP (RFC 4303 2.6)

}  // namespace culvert::ipsec
