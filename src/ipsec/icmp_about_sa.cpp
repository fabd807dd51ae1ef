#include "ipsec/icmp_about_sa.hpp"

#include <algorithm>

#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {
namespace {

// RFC 1191 7.1: a router that says no number has this or more; lower plateaus are not walked.
constexpr std::uint32_t unknown_mtu = 0;
constexpr std::size_t icmp_header = 8;

// The quote is cut short: parse_packet() would refuse it.
bool read_quote(ByteView quote, TooBig& out) {
    if (quote.size() < 20) { return false; }
    const bool v4 = quote[0] >> 4U == 4;
    if (!v4 && quote[0] >> 4U != 6) { return false; }
    const std::size_t header = v4 ? (quote[0] & 0x0fU) * std::size_t{4} : 40;
    if (header < 20 || quote.size() < header + 8) { return false; }
    out.source = *IpAddress::from_octets(quote.subspan(v4 ? 12 : 8, v4 ? 4 : 16));
    out.destination = *IpAddress::from_octets(quote.subspan(v4 ? 16 : 24, v4 ? 4 : 16));
    // A later fragment shows no SPI; what we send in fragments may be fragmented anyway.
    if (v4 && (get_u16(quote, 6) & 0x1fffU) != 0) { return false; }
    const std::uint8_t protocol = v4 ? quote[9] : quote[6];
    const ByteView behind = quote.subspan(header);
    switch (protocol) {
        case protocol_esp: out.spi = EspSpi{get_u32(behind, 0)}; return true;
        case protocol_ah: out.spi = EspSpi{get_u32(behind, 4)}; return true;
        case protocol_udp:
            out.udp = true;
            out.source_port = get_u16(behind, 0);
            out.destination_port = get_u16(behind, 2);
            if (behind.size() >= 12) { out.spi = EspSpi{get_u32(behind, 8)}; }
            return true;
        default: return false;
    }
}

}  // namespace

std::optional<TooBig> read_too_big(ByteView packet) {
    PacketInfo info;
    if (!parse_packet(packet, info) || info.fragment) { return std::nullopt; }
    const ByteView icmp = packet.subspan(info.header_size, info.total_size - info.header_size);
    if (icmp.size() < icmp_header) { return std::nullopt; }
    TooBig out;
    if (info.protocol == protocol_icmp && info.family == IpFamily::v4) {
        if (icmp[0] != 3 || icmp[1] != 4) { return std::nullopt; }
        out.mtu = get_u16(icmp, 6);
    } else if (info.protocol == protocol_icmpv6 && info.family == IpFamily::v6) {
        if (icmp[0] != 2) { return std::nullopt; }
        out.mtu = get_u32(icmp, 4);
    } else {
        return std::nullopt;
    }
    if (!read_quote(icmp.subspan(icmp_header), out)) { return std::nullopt; }
    if (out.source.family() != info.family) { return std::nullopt; }
    return out;
}

std::optional<std::uint32_t> believed_path_mtu(const TooBig& message, const OutboundSa& sa) {
    const SaEndpoints& ends = sa.endpoints();
    const bool same_ends =
        message.source == ends.local.address && message.destination == ends.remote.address;
    if (!same_ends || message.udp != ends.udp_encap || message.mtu == unknown_mtu) {
        return std::nullopt;
    }
    if (message.udp &&
        (message.source_port != ends.local.port || message.destination_port != ends.remote.port)) {
        return std::nullopt;
    }
    if (message.spi ? *message.spi != sa.spi() : !message.udp) { return std::nullopt; }
    const std::uint32_t floor = ends.remote.address.is_v6() ? path_mtu_v6_min : path_mtu_v4_min;
    const std::uint32_t mtu = std::max(message.mtu, floor);
    // RFC 8201 4: such a message never makes a path wider.
    const std::uint32_t before = sa.path_mtu();
    if (before != 0 && mtu >= before) { return std::nullopt; }
    return mtu;
}

}  // namespace culvert::ipsec
