#include "ipsec/deliver.hpp"

#include <algorithm>
#include <cstring>

#include "ipsec/header_fields.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {
namespace {

DropReason settle_tunnel_fields(const InboundSa::Core& core, DecapJob& job) {
    const std::uint8_t inner = job.info.traffic_class;
    std::uint8_t settled = inner;
    if (core.rules.copy_dscp == DscpCopy::in || core.rules.copy_dscp == DscpCopy::both) {
        settled = static_cast<std::uint8_t>((job.outer_traffic_class & 0xfcU) | (inner & 3U));
    }
    // Of two that are Not-ECT, as most are, nothing comes.
    if (core.rules.copy_ecn && ((inner | job.outer_traffic_class) & 3U) != 0) {
        const EcnResult ecn = decapsulated_ecn(inner, job.outer_traffic_class);
        job.ecn_alarm = ecn.alarm;
        if (ecn.drop) { return DropReason::inbound_ecn; }
        settled = static_cast<std::uint8_t>((settled & 0xfcU) | ecn.ecn);
    }
    if (settled != inner) {
        set_traffic_class(job.packet, settled);
        job.info.traffic_class = settled;
    }
    return DropReason::none;
}

DropReason deliver_tunnel(const InboundSa::Core& core, DecapJob& job, MutableByteView payload,
                          std::uint8_t next_header) {
    if (next_header != protocol_ipip && next_header != protocol_ipv6) {
        return DropReason::inbound_next_header;
    }
    if (!parse_packet(payload, job.info)) { return DropReason::inbound_inner_malformed; }
    const bool v4 = next_header == protocol_ipip;
    if (v4 != (job.info.family == IpFamily::v4)) { return DropReason::inbound_inner_malformed; }
    // What is behind the inner packet is padding against traffic analysis (RFC 4303 2.7).
    job.packet = payload.first(job.info.total_size);
    return settle_tunnel_fields(core, job);
}

// A header for a payload whose own was not handed in (UDP sockets keep it).
std::size_t make_header(const DecapJob& job, MutableByteView out) {
    if (job.outer_source.is_v4()) {
        std::fill_n(out.begin(), 20, std::uint8_t{0});
        out[0] = 0x45;
        out[1] = job.outer_traffic_class;
        out[8] = job.outer_hop_limit;
        std::ranges::copy(job.outer_source.octets(), out.begin() + 12);
        std::ranges::copy(job.outer_destination.octets(), out.begin() + 16);
        return 20;
    }
    set_u32(out, 0, 6U << 28U | std::uint32_t{job.outer_traffic_class} << 20U);
    set_u32(out, 4, job.outer_hop_limit);
    std::ranges::copy(job.outer_source.octets(), out.begin() + 8);
    std::ranges::copy(job.outer_destination.octets(), out.begin() + 24);
    return 40;
}

// Puts the IP header back in front of the payload, naming what ESP carried (RFC 4303 3.1.1).
DropReason deliver_transport(DecapJob& job, MutableByteView payload, std::uint8_t next_header) {
    const bool made = job.outer_header.empty();
    const bool v4 = made ? job.outer_source.is_v4() : job.outer_header[0] >> 4U == 4;
    const std::size_t minimum = v4 ? 20 : 40;
    const std::size_t size = made ? minimum : job.outer_header.size();
    const auto before = static_cast<std::size_t>(payload.data() - job.esp.data()) + job.headroom;
    if (size < minimum || before < size) { return DropReason::inbound_no_room; }
    const MutableByteView packet{payload.data() - size, size + payload.size()};
    if (made) {
        make_header(job, packet);
    } else {
        // It may lie in the octets that it moves to.
        std::memmove(packet.data(), job.outer_header.data(), size);
    }
    const std::size_t named_at =
        job.outer_next_header_at != 0 ? job.outer_next_header_at : (v4 ? 9U : 6U);
    if (named_at >= size) { return DropReason::inbound_malformed; }
    packet[named_at] = next_header;
    if (v4) {
        set_u16(packet, 2, static_cast<std::uint16_t>(packet.size()));
        set_ipv4_checksum(packet.first(size));
    } else {
        set_u16(packet, 4, static_cast<std::uint16_t>(packet.size() - 40));
    }
    if (!parse_packet(packet, job.info)) { return DropReason::inbound_inner_malformed; }
    job.packet = packet;
    return DropReason::none;
}

bool within_selectors(const InboundSa::Core& core, const DecapJob& job) {
    if (core.local_plain && core.remote_plain) {
        return job.info.family == IpFamily::v4 &&
               core.remote_plain->holds(get_u32(job.packet, 12)) &&
               core.local_plain->holds(get_u32(job.packet, 16));
    }
    return matches_inbound(job.info, core.local_ts, core.remote_ts);
}

}  // namespace

DropReason deliver(const InboundSa::Core& core, DecapJob& job, MutableByteView payload,
                   std::uint8_t next_header) {
    const DropReason reason = core.mode == IpsecMode::tunnel
                                  ? deliver_tunnel(core, job, payload, next_header)
                                  : deliver_transport(job, payload, next_header);
    if (reason != DropReason::none) { return reason; }
    // RFC 4301 5.2 step 4: no peer may put other packets into the SA than those agreed on.
    if (!within_selectors(core, job)) { return DropReason::inbound_selectors; }
    if (core.nat_sent) { repair_checksum(job.packet, job.info, *core.nat_sent); }
    return DropReason::none;
}

}  // namespace culvert::ipsec
