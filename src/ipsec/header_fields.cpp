#include "ipsec/header_fields.hpp"

#include <array>

#include "ipsec/limits.hpp"

namespace culvert::ipsec {

std::uint32_t add_checksum(ByteView octets, std::uint32_t sum) {
    std::uint64_t wide = sum;
    std::size_t at = 0;
    for (; at + 4 <= octets.size(); at += 4) { wide += get_u32(octets, at); }
    if (at + 2 <= octets.size()) {
        wide += get_u16(octets, at);
        at += 2;
    }
    if (at < octets.size()) { wide += std::uint64_t{octets[at]} << 8U; }
    while (wide > 0xffffffffU) { wide = (wide & 0xffffffffU) + (wide >> 32U); }
    const auto folded = static_cast<std::uint32_t>(wide);
    return (folded & 0xffffU) + (folded >> 16U);
}

std::uint16_t finish_checksum(std::uint32_t sum) {
    while (sum > 0xffffU) { sum = (sum & 0xffffU) + (sum >> 16U); }
    return static_cast<std::uint16_t>(~sum);
}

std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) {
    const std::uint32_t sum = (~std::uint32_t{checksum} & 0xffffU) +
                              (~std::uint32_t{before} & 0xffffU) + std::uint32_t{after};
    return finish_checksum(sum);
}

void set_ipv4_checksum(MutableByteView header) {
    set_u16(header, 10, 0);
    if (header.size() == 20) {  // nearly always
        const std::uint64_t sum = std::uint64_t{get_u32(header, 0)} + get_u32(header, 4) +
                                  get_u32(header, 8) + get_u32(header, 12) + get_u32(header, 16);
        const std::uint64_t folded = (sum >> 32U) + (sum >> 16U & 0xffffU) + (sum & 0xffffU);
        set_u16(header, 10, finish_checksum(static_cast<std::uint32_t>(folded)));
        return;
    }
    set_u16(header, 10, finish_checksum(add_checksum(header)));
}

void set_traffic_class(MutableByteView packet, std::uint8_t traffic_class) {
    if (packet[0] >> 4U == 4) {
        const std::uint16_t before = get_u16(packet, 0);
        packet[1] = traffic_class;
        set_u16(packet, 10, update_checksum(get_u16(packet, 10), before, get_u16(packet, 0)));
        return;
    }
    packet[0] = static_cast<std::uint8_t>(0x60U | traffic_class >> 4U);
    packet[1] = static_cast<std::uint8_t>((packet[1] & 0x0fU) | (traffic_class & 0x0fU) << 4U);
}

bool is_never_too_big(const PacketInfo& packet) {
    return packet.family == IpFamily::v6 && packet.total_size <= mtu_v6_min;
}

bool fits_path(const OutboundSa& sa, const PacketInfo& packet) {
    const std::uint32_t path_mtu = sa.path_mtu();
    return path_mtu == 0 || packet.total_size <= sa.inner_mtu(path_mtu);
}

bool to_be_cut_first(const OutboundSa& sa, const PacketInfo& packet) {
    return sa.header_rules().df == DfRule::set && sa.mode() == IpsecMode::tunnel &&
           !packet.dont_fragment && !fits_path(sa, packet);
}

std::uint8_t least_esp_size(const OutboundSa& sa) {
    const SaEndpoints& endpoints = sa.endpoints();
    const bool small = sa.mode() == IpsecMode::transport && endpoints.udp_encap &&
                       endpoints.remote.address.is_v6();
    return small ? esp_in_udp_v6_min : 0;
}

OuterFields outer_fields(const PacketInfo& inner, const HeaderRules& rules) {
    OuterFields outer;
    if (rules.dscp) {
        outer.traffic_class = static_cast<std::uint8_t>(*rules.dscp << 2U);
    } else if (rules.copy_dscp == DscpCopy::out || rules.copy_dscp == DscpCopy::both) {
        outer.traffic_class = inner.traffic_class & 0xfcU;
    }
    // Without copy_ecn this is RFC 6040's compatibility mode: the outer packet is Not-ECT.
    if (rules.copy_ecn) {
        outer.traffic_class =
            static_cast<std::uint8_t>(outer.traffic_class | (inner.traffic_class & 3U));
    }
    outer.dont_fragment =
        rules.df == DfRule::set || (rules.df == DfRule::copy && inner.dont_fragment);
    outer.flow_label = inner.flow_label;
    return outer;
}

OuterFields outer_fields_of(const OutboundSa& sa, const PacketInfo& inner) {
    if (sa.mode() == IpsecMode::tunnel) {
        OuterFields outer = outer_fields(inner, sa.header_rules());
        if (outer.dont_fragment && is_never_too_big(inner) && !fits_path(sa, inner)) {
            outer.dont_fragment = false;
        }
        return outer;
    }
    return {.traffic_class = inner.traffic_class,
            .dont_fragment = inner.family == IpFamily::v4 && inner.dont_fragment,
            .hop_limit = inner.hop_limit,
            .flow_label = inner.flow_label};
}

EcnResult decapsulated_ecn(std::uint8_t inner, std::uint8_t outer) {
    constexpr std::uint8_t not_ect = 0;
    constexpr std::uint8_t ect_1 = 1;
    constexpr std::uint8_t ect_0 = 2;
    constexpr std::uint8_t ce = 3;
    // [inner][outer], columns Not-ECT, ECT(1), ECT(0), CE by their code points.
    static constexpr std::array<std::array<EcnResult, 4>, 4> table{{
        {{{not_ect}, {not_ect, false, true}, {not_ect, false, true}, {not_ect, true, true}}},
        {{{ect_1}, {ect_1}, {ect_1, false, true}, {ce}}},
        {{{ect_0}, {ect_1}, {ect_0}, {ce}}},
        {{{ce}, {ce, false, true}, {ce}, {ce}}},
    }};
    return table[inner & 3U][outer & 3U];
}

}  // namespace culvert::ipsec
