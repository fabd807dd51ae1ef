#include "plane/user/outer_header.hpp"

#include <algorithm>

#include "ipsec/checksum.hpp"
#include "ipsec/header_fields.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t header_v4 = 20;
constexpr std::size_t header_v6 = 40;
constexpr std::size_t header_udp = 8;

}  // namespace

OuterHeader::OuterHeader(const IpAddress& local, const IpAddress& remote,
                         const ipsec::OuterFields& outer, std::optional<UdpPorts> ports)
    : v4_(remote.is_v4()), udp_(ports.has_value()), dont_fragment_(outer.dont_fragment) {
    const std::uint8_t protocol = udp_ ? ipsec::protocol_udp : ipsec::protocol_esp;
    const std::size_t ip_size = v4_ ? header_v4 : header_v6;
    if (v4_) {
        common_[0] = 0x45;
        common_[1] = outer.traffic_class;
        ipsec::set_u16(common_, 6, outer.dont_fragment ? 0x4000 : 0);
        common_[8] = outer.hop_limit;
        common_[9] = protocol;
        std::ranges::copy(local.octets(), common_.begin() + 12);
        std::ranges::copy(remote.octets(), common_.begin() + 16);
    } else {
        ipsec::set_u32(common_, 0,
                       6U << 28U | std::uint32_t{outer.traffic_class} << 20U | outer.flow_label);
        common_[6] = protocol;
        common_[7] = outer.hop_limit;
        std::ranges::copy(local.octets(), common_.begin() + 8);
        std::ranges::copy(remote.octets(), common_.begin() + 24);
    }
    size_ = ip_size;
    if (!ports) { return; }
    size_ += header_udp;
    ipsec::set_u16(common_, ip_size, ports->local);
    ipsec::set_u16(common_, ip_size + 2, ports->remote);
    // Pseudo header (RFC 8200 8.1) and ports.
    udp_sum_ = std::uint32_t{ipsec::internet_sum(local.octets())} +
               ipsec::internet_sum(remote.octets()) + ipsec::protocol_udp + ports->local +
               ports->remote;
}

void OuterHeader::write(MutableByteView into, ByteView esp, std::uint16_t& identification) const {
    std::copy_n(common_.begin(), size_, into.begin());
    const std::size_t packet = size_ + esp.size();
    if (v4_) {
        ipsec::set_u16(into, 2, static_cast<std::uint16_t>(packet));
        if (!dont_fragment_) { ipsec::set_u16(into, 4, identification++); }
        ipsec::set_ipv4_checksum(into.first(header_v4));
    } else {
        ipsec::set_u16(into, 4, static_cast<std::uint16_t>(packet - header_v6));
    }
    if (!udp_) { return; }
    const MutableByteView udp = into.subspan(size_ - header_udp);
    const auto udp_size = static_cast<std::uint16_t>(header_udp + esp.size());
    ipsec::set_u16(udp, 4, udp_size);
    if (v4_) { return; }
    // Its length is in the header and in the pseudo header.
    const std::uint16_t sum =
        ipsec::fold(udp_sum_ + 2U * udp_size + std::uint32_t{ipsec::internet_sum(esp)});
    // A sum of zero is sent as its other form: zero says that there is none.
    ipsec::set_u16(udp, 6, sum == 0xffff ? sum : static_cast<std::uint16_t>(~sum));
}

bool OuterHeader::fits(std::size_t packet, const NextHop& hop) const {
    // IPv6 that may be cut is cut by its sender, at the path's MTU, which the kernel's sockets
    // know.
    if (!v4_ && !dont_fragment_ && packet > path_mtu_min_v6) { return false; }
    return packet <= hop.mtu;
}

}  // namespace culvert::plane
