#include "plane/user/xdp_frame.hpp"

#include "ipsec/checksum.hpp"
#include "ipsec/header_fields.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t ethernet = 14;
constexpr std::size_t header_v4 = 20;
constexpr std::size_t header_v6 = 40;
constexpr std::size_t header_udp = 8;

// `out` has addresses; `datagram` is UDP.
bool take_udp(MutableByteView datagram, Arrival& out) {
    if (datagram.size() < header_udp) { return false; }
    const std::size_t size = ipsec::get_u16(datagram, 4);
    if (size < header_udp || size > datagram.size()) { return false; }
    out.remote.port = ipsec::get_u16(datagram, 0);
    out.local.port = ipsec::get_u16(datagram, 2);
    out.octets = datagram.subspan(header_udp, size - header_udp);
    return true;
}

bool take_v4(MutableByteView packet, Arrival& out) {
    if (packet.size() < header_v4 || packet[0] != 0x45) { return false; }
    const std::size_t size = ipsec::get_u16(packet, 2);
    if (size < header_v4 || size > packet.size()) { return false; }
    if (ipsec::internet_sum(packet.first(header_v4)) != 0xffff) { return false; }
    out.remote.address = IpAddress::v4(ipsec::get_u32(packet, 12));
    out.local.address = IpAddress::v4(ipsec::get_u32(packet, 16));
    out.traffic_class = packet[1];
    out.hop_limit = packet[8];
    if (packet[9] == ipsec::protocol_udp) {
        return take_udp(packet.subspan(header_v4, size - header_v4), out);
    }
    out.octets = packet.first(size);
    return packet[9] == ipsec::protocol_esp;
}

bool take_v6(MutableByteView packet, Arrival& out) {
    if (packet.size() < header_v6 || packet[0] >> 4U != 6) { return false; }
    const std::size_t size = ipsec::get_u16(packet, 4);
    if (size > packet.size() - header_v6) { return false; }
    out.remote.address = *IpAddress::from_octets(packet.subspan(8, 16));
    out.local.address = *IpAddress::from_octets(packet.subspan(24, 16));
    out.traffic_class = static_cast<std::uint8_t>(ipsec::get_u16(packet, 0) >> 4U);
    out.hop_limit = packet[7];
    const MutableByteView payload = packet.subspan(header_v6, size);
    if (packet[6] == ipsec::protocol_udp) { return take_udp(payload, out); }
    out.octets = payload;
    return packet[6] == ipsec::protocol_esp;
}

}  // namespace

std::optional<Arrival> arrival_in(MutableByteView frame) {
    if (frame.size() < ethernet) { return std::nullopt; }
    const std::uint16_t type = ipsec::get_u16(frame, 12);
    Arrival out;
    const MutableByteView packet = frame.subspan(ethernet);
    if (type == 0x0800 ? !take_v4(packet, out) : type != 0x86dd || !take_v6(packet, out)) {
        return std::nullopt;
    }
    out.stride = out.octets.size();
    return out;
}

}  // namespace culvert::plane
