#include "ipsec/nat_repair.hpp"

#include "ipsec/header_fields.hpp"

namespace culvert::ipsec {
namespace {

std::uint16_t exchanged(std::uint16_t checksum, const IpAddress& before, const IpAddress& after) {
    const ByteView old_octets = before.octets();
    const ByteView new_octets = after.octets();
    for (std::size_t at = 0; at < old_octets.size(); at += 2) {
        checksum = update_checksum(checksum, get_u16(old_octets, at), get_u16(new_octets, at));
    }
    return checksum;
}

// Where the checksum lies in the next-layer header; 0: there is none over addresses.
constexpr std::uint8_t protocol_dccp = 33;
constexpr std::uint8_t protocol_udp_lite = 136;

std::size_t checksum_at(std::uint8_t protocol) {
    switch (protocol) {
        case protocol_tcp: return 16;
        case protocol_udp:
        case protocol_udp_lite:
        case protocol_dccp: return 6;
        case protocol_icmpv6: return 2;
        default: return 0;
    }
}

}  // namespace

void repair_checksum(MutableByteView packet, const PacketInfo& info, const SentAddresses& sent) {
    if (info.fragment || sent.source.family() != info.family ||
        sent.destination.family() != info.family) {
        return;
    }
    const std::size_t offset = checksum_at(info.protocol);
    const std::size_t at = info.header_size + offset;
    if (offset == 0 || at + 2 > info.total_size) { return; }
    const std::uint16_t before = get_u16(packet, at);
    const bool udp = info.protocol == protocol_udp;
    if (udp && before == 0) { return; }
    std::uint16_t after = exchanged(before, sent.source, info.source);
    after = exchanged(after, sent.destination, info.destination);
    if (udp && after == 0) { after = 0xffff; }  // RFC 768: 0 says that there is none
    set_u16(packet, at, after);
}

}  // namespace culvert::ipsec
