#include "ipsec/mss_clamp.hpp"

#include <algorithm>

#include "ipsec/header_fields.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::size_t tcp_header_min = 20;
constexpr std::uint8_t option_end = 0;
constexpr std::uint8_t option_nop = 1;
constexpr std::uint8_t option_mss = 2;

// Where in the TCP header the MSS lies; 0: nowhere (RFC 9293 3.1, 3.2).
std::size_t find_mss(ByteView header) {
    for (std::size_t at = tcp_header_min; at < header.size();) {
        if (header[at] == option_end) { return 0; }
        if (header[at] == option_nop) {
            ++at;
            continue;
        }
        if (at + 1 >= header.size()) { return 0; }
        const std::size_t length = header[at + 1];
        if (length < 2 || at + length > header.size()) { return 0; }
        if (header[at] == option_mss) { return length == 4 ? at + 2 : 0; }
        at += length;
    }
    return 0;
}

// The checksum after one of the octet pairs it covers changed, the pair being at any offset of the
// covered octets (RFC 1624; RFC 1071 2 B for the odd ones).
std::uint16_t repaired(std::uint16_t checksum, std::size_t at, std::uint16_t before,
                       std::uint16_t after) {
    const auto swapped = [at](std::uint16_t value) {
        return at % 2 == 0 ? value : static_cast<std::uint16_t>(value << 8U | value >> 8U);
    };
    return update_checksum(checksum, swapped(before), swapped(after));
}

}  // namespace

bool clamp_mss(MutableByteView packet, const PacketInfo& info, std::uint32_t mtu) {
    if (mtu == 0 || !announces_mss(packet, info)) { return false; }
    const MutableByteView tcp =
        packet.subspan(info.header_size, info.total_size - info.header_size);
    const std::size_t size = (tcp[12] >> 4U) * std::size_t{4};
    if (size < tcp_header_min || size > tcp.size()) { return false; }
    const std::size_t at = find_mss(tcp.first(size));
    if (at == 0) { return false; }
    // RFC 9293 3.7.1: the MSS counts neither IP nor TCP options, but IPv6 extension headers are
    // there in every packet of this one's path.
    const std::size_t around = info.header_size + tcp_header_min;
    const std::uint32_t room = mtu > around ? mtu - static_cast<std::uint32_t>(around) : 0;
    const std::uint16_t before = get_u16(tcp, at);
    const auto after = static_cast<std::uint16_t>(std::min<std::uint32_t>(before, room));
    if (after == before || after == 0) { return false; }
    set_u16(tcp, at, after);
    set_u16(tcp, 16, repaired(get_u16(tcp, 16), at, before, after));
    return true;
}

}  // namespace culvert::ipsec
