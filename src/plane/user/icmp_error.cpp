#include "plane/user/icmp_error.hpp"

#include <algorithm>

#include "base/writer.hpp"

namespace culvert::plane {
namespace {

// RFC 1812 4.3.2.3: as much as fits 576 octets; RFC 4443 3: the minimum MTU of IPv6.
constexpr std::size_t quoted_v4_max = 548;
constexpr std::size_t quoted_v6_max = 1232;
constexpr std::uint8_t hop_limit = 64;

// RFC 1071.
std::uint32_t sum_of(ByteView octets, std::uint32_t sum) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
        sum += i % 2 == 0 ? std::uint32_t{octets[i]} << 8U : std::uint32_t{octets[i]};
    }
    return sum;
}

std::uint16_t finish_sum(std::uint32_t sum) {
    while (sum > 0xffffU) { sum = (sum & 0xffffU) + (sum >> 16U); }
    return static_cast<std::uint16_t>(~sum & 0xffffU);
}

bool may_be_answered(ByteView packet, const ipsec::PacketInfo& info) {
    if (info.source.is_any() || info.source.is_multicast() || info.source.is_loopback() ||
        info.destination.is_multicast() || info.destination.is_any()) {
        return false;
    }
    if (info.family == IpFamily::v4) {
        const unsigned offset = (unsigned{packet[6]} << 8U | packet[7]) & 0x1fffU;
        if (offset != 0 || info.destination.v4_host_order() == 0xffffffffU) { return false; }
        if (info.protocol != ipsec::protocol_icmp) { return true; }
        if (!info.has_ports) { return false; }
        // Never an error (RFC 1122 3.2.2).
        const unsigned type = info.source_port >> 8U;
        return type != 3 && type != 4 && type != 5 && type != 11 && type != 12;
    }
    if (info.fragment && !info.has_ports) { return false; }
    if (info.protocol != ipsec::protocol_icmpv6) { return true; }
    return info.has_ports && (info.source_port >> 8U) >= 128;
}

Bytes icmp_v4(IcmpReason reason, ByteView quoted, const ipsec::PacketInfo& info,
              std::uint32_t mtu) {
    Writer out;
    out.u8(0x45);
    out.u8(0xc0);  // internetwork control (RFC 1812 4.3.2.5)
    out.u16(static_cast<std::uint16_t>(28 + quoted.size()));
    out.u32(0);
    out.u8(hop_limit);
    out.u8(ipsec::protocol_icmp);
    out.u16(0);
    out.bytes(info.destination.octets());
    out.bytes(info.source.octets());
    out.patch_u16(10, finish_sum(sum_of(out.view(), 0)));
    out.u8(3);
    out.u8(reason == IcmpReason::too_big ? 4 : 13);
    out.u16(0);
    out.u16(0);
    out.u16(reason == IcmpReason::too_big
                ? static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, 0xffffU))
                : std::uint16_t{0});
    out.bytes(quoted);
    out.patch_u16(22, finish_sum(sum_of(out.view().subspan(20), 0)));
    return out.take();
}

Bytes icmp_v6(IcmpReason reason, ByteView quoted, const ipsec::PacketInfo& info,
              std::uint32_t mtu) {
    const auto length = static_cast<std::uint16_t>(8 + quoted.size());
    Writer out;
    out.u32(0x60000000U);
    out.u16(length);
    out.u8(ipsec::protocol_icmpv6);
    out.u8(hop_limit);
    out.bytes(info.destination.octets());
    out.bytes(info.source.octets());
    out.u8(reason == IcmpReason::too_big ? 2 : 1);
    out.u8(reason == IcmpReason::too_big ? 0 : 1);
    out.u16(0);
    out.u32(reason == IcmpReason::too_big ? mtu : 0);
    out.bytes(quoted);
    // The pseudo header: addresses, length, next header (RFC 8200 8.1).
    const ByteView all = out.view();
    const std::uint32_t sum =
        sum_of(all.subspan(8), std::uint32_t{length} + ipsec::protocol_icmpv6);
    out.patch_u16(42, finish_sum(sum));
    return out.take();
}

}  // namespace

std::optional<Bytes> icmp_error(IcmpReason reason, ByteView packet, const ipsec::PacketInfo& info,
                                std::uint32_t mtu) {
    const std::size_t size = std::min<std::size_t>(packet.size(), info.total_size);
    if (size < 20 || !may_be_answered(packet, info)) { return std::nullopt; }
    const bool v4 = info.family == IpFamily::v4;
    const ByteView quoted = packet.first(std::min(size, v4 ? quoted_v4_max : quoted_v6_max));
    return v4 ? icmp_v4(reason, quoted, info, mtu) : icmp_v6(reason, quoted, info, mtu);
}

}  // namespace culvert::plane
