#include "ipsec/packet.hpp"

#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::uint8_t next_hop_by_hop = 0;
constexpr std::uint8_t next_routing = 43;
constexpr std::uint8_t next_fragment = 44;
constexpr std::uint8_t next_destination = 60;

// What a packet in fragments comes to at most: its length field, or IPv6's for what follows the
// header.
constexpr std::size_t whole_size_max = 65535;
constexpr const char* ends_too_far = "is a fragment that ends past 65535 octets";

// Ports of TCP, DCCP, UDP, SCTP and UDP-Lite lie at the same place; ICMP has type and code.
void read_ports(ByteView next_layer, PacketInfo& info) {
    switch (info.protocol) {
        case protocol_tcp:
        case protocol_udp:
        case 33:
        case 132:
        case 136:
            if (next_layer.size() < 4) { return; }
            info.source_port = get_u16(next_layer, 0);
            info.destination_port = get_u16(next_layer, 2);
            break;
        case protocol_icmp:
        case protocol_icmpv6:
            if (next_layer.size() < 2) { return; }
            info.source_port = get_u16(next_layer, 0);
            info.destination_port = info.source_port;
            break;
        default: return;
    }
    info.has_ports = true;
}

// Null: well-formed. Else why not, to read on from "one that".
const char* parse_v4(ByteView packet, PacketInfo& info) {
    if (packet.size() < 20) { return "ends inside its IPv4 header"; }
    const std::size_t header = (packet[0] & 0x0fU) * 4U;
    const std::size_t total = get_u16(packet, 2);
    if (header < 20) { return "has a header length below 5 words"; }
    if (total < header) { return "is shorter than its header by its total length"; }
    if (total > packet.size()) { return "is longer by its total length than what came"; }
    const std::uint16_t flags_and_offset = get_u16(packet, 6);
    const bool later = (flags_and_offset & 0x1fffU) != 0;
    if ((flags_and_offset & 0x1fffU) * 8U + total > whole_size_max) { return ends_too_far; }
    info.source = IpAddress::v4(get_u32(packet, 12));
    info.destination = IpAddress::v4(get_u32(packet, 16));
    info.family = IpFamily::v4;
    info.protocol = packet[9];
    info.traffic_class = packet[1];
    info.hop_limit = packet[8];
    info.dont_fragment = (flags_and_offset & 0x4000U) != 0;
    info.fragment = later || (flags_and_offset & 0x2000U) != 0;
    info.identification = get_u16(packet, 4);
    info.header_size = static_cast<std::uint16_t>(header);
    info.unprotected_size = info.header_size;
    info.next_header_at = 9;
    info.last_next_header_at = 9;
    info.total_size = static_cast<std::uint32_t>(total);
    if (!later) { read_ports(packet.subspan(header, total - header), info); }
    return nullptr;
}

// Walks the extension headers (RFC 8200 4.1). A fragment that is not the first ends the walk: what
// follows its header is no header.
const char* walk_extensions(ByteView packet, PacketInfo& info) {
    std::size_t at = 40;
    std::size_t named_at = 6;
    std::uint8_t next = packet[6];
    info.unprotected_size = 40;
    info.next_header_at = 6;
    bool later = false;
    bool routing = false;
    for (unsigned headers = 0; !later; ++headers) {
        const bool extension = next == next_hop_by_hop || next == next_routing ||
                               next == next_fragment || next == next_destination;
        if (!extension) { break; }
        if (headers == extension_headers_max) { return "has too many extension headers"; }
        if (next == next_hop_by_hop && at != 40) { return "has misplaced hop-by-hop options"; }
        if (packet.size() - at < 8) { return "ends inside an extension header"; }
        std::size_t size = 8;
        if (next == next_fragment) {
            const std::uint16_t offset_and_more = get_u16(packet, at + 2);
            later = (offset_and_more & 0xfff8U) != 0;
            info.fragment = later || (offset_and_more & 1U) != 0;
            if ((offset_and_more & 0xfff8U) + packet.size() - 48 > whole_size_max) {
                return ends_too_far;
            }
        } else {
            size = (packet[at + 1] + 1U) * 8U;
            if (packet.size() - at < size) { return "ends inside an extension header"; }
        }
        named_at = at;
        // RFC 4303 3.1.1: destination options may go before or after ESP. As other implementations
        // do: those behind a routing header are for the final destination, and go inside.
        const bool stays = next != next_destination || !routing;
        routing = routing || next == next_routing;
        next = packet[at];
        at += size;
        if (stays) {
            info.unprotected_size = static_cast<std::uint16_t>(at);
            info.next_header_at = static_cast<std::uint16_t>(named_at);
        }
    }
    info.protocol = next;
    info.last_next_header_at = static_cast<std::uint16_t>(named_at);
    info.header_size = static_cast<std::uint16_t>(at);
    if (!later) { read_ports(packet.subspan(at), info); }
    return nullptr;
}

const char* parse_v6(ByteView packet, PacketInfo& info) {
    if (packet.size() < 40) { return "ends inside its IPv6 header"; }
    const std::size_t total = 40 + std::size_t{get_u16(packet, 4)};
    if (total > packet.size()) { return "is longer by its payload length than what came"; }
    const std::uint32_t first = get_u32(packet, 0);
    info.source = IpAddress::v6(packet.subspan<8, 16>());
    info.destination = IpAddress::v6(packet.subspan<24, 16>());
    info.family = IpFamily::v6;
    info.traffic_class = static_cast<std::uint8_t>(first >> 20U);
    info.flow_label = first & 0xfffffU;
    info.hop_limit = packet[7];
    info.dont_fragment = true;
    info.total_size = static_cast<std::uint32_t>(total);
    return walk_extensions(packet.first(total), info);
}

const char* parse(ByteView packet, PacketInfo& info) {
    info = PacketInfo{};
    if (packet.empty()) { return "is empty"; }
    switch (packet[0] >> 4U) {
        case 4: return parse_v4(packet, info);
        case 6: return parse_v6(packet, info);
        default: return "has another version than 4 or 6";
    }
}

}  // namespace

bool parse_packet(ByteView packet, PacketInfo& info) { return parse(packet, info) == nullptr; }

Result<PacketInfo> parse_packet(ByteView packet) {
    PacketInfo info;
    if (const char* const why = parse(packet, info)) {
        return std::unexpected(malformed("IP packet", why));
    }
    return info;
}

}  // namespace culvert::ipsec
