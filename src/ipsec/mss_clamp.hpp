#pragma once
// TCP MSS clamping (RFC 4459 3.2.2 calls it for what it is: a help where ICMP is lost): the SYNs of
// connections through a tunnel never announce segments that would not fit it.

#include <cstdint>

#include "base/bytes.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {

// A SYN or SYN-ACK: all others clamp_mss() leaves alone. `info` is parse_packet() of `packet`.
inline bool announces_mss(ByteView packet, const PacketInfo& info) {
    constexpr std::size_t flags_at = 13;
    constexpr unsigned syn = 2;
    return info.protocol == protocol_tcp && info.has_ports &&
           info.total_size >= info.header_size + 20U &&
           (packet[info.header_size + flags_at] & syn) != 0;
}

// Lowers the MSS that a SYN or SYN-ACK announces to what an IP packet of `mtu` octets carries, and
// brings the TCP checksum up to date; the checksum must be a whole one, not a partial one that a
// device completes. A SYN without the option is left alone: 536 and 1220 fit all we believe (RFC
// 9293 3.7.1). True if it changed anything. `info` is parse_packet() of `packet`.
bool clamp_mss(MutableByteView packet, const PacketInfo& info, std::uint32_t mtu);

}  // namespace culvert::ipsec
