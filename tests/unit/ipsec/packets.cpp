#include "packets.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/writer.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec::test {
namespace {

Bytes next_layer(const Spec& spec) {
    Writer out;
    const auto body = static_cast<std::uint16_t>(spec.payload);
    switch (spec.protocol) {
        case protocol_udp:
            out.u16(spec.source_port);
            out.u16(spec.destination_port);
            out.u16(static_cast<std::uint16_t>(8 + body));
            out.u16(0);
            break;
        case protocol_tcp:
            out.u16(spec.source_port);
            out.u16(spec.destination_port);
            out.u32(1);
            out.u32(0);
            out.u16(0x5010);
            out.u16(65535);
            out.u32(0);
            break;
        case protocol_icmp:
        case protocol_icmpv6:
            out.u16(spec.source_port);
            out.u16(0);
            out.u32(0);
            break;
        default: break;
    }
    for (std::size_t i = 0; i < spec.payload; ++i) { out.u8(static_cast<std::uint8_t>(i)); }
    return out.take();
}

std::size_t checksum_at(std::uint8_t protocol) {
    switch (protocol) {
        case protocol_tcp: return 16;
        case protocol_udp: return 6;
        default: return 2;
    }
}

bool has_checksum(std::uint8_t protocol) {
    return protocol == protocol_tcp || protocol == protocol_udp || protocol == protocol_icmp ||
           protocol == protocol_icmpv6;
}

Bytes make_v4(const Spec& spec, ByteView payload) {
    Writer out;
    out.u8(0x45);
    out.u8(spec.traffic_class);
    out.u16(static_cast<std::uint16_t>(20 + payload.size()));
    out.u16(spec.identification);
    out.u16(static_cast<std::uint16_t>((spec.dont_fragment ? 0x4000U : 0U) |
                                       (spec.more_fragments ? 0x2000U : 0U) |
                                       spec.fragment_offset / 8U));
    out.u8(spec.hop_limit);
    out.u8(spec.protocol);
    out.u16(0);
    out.bytes(ip(spec.source).octets());
    out.bytes(ip(spec.destination).octets());
    out.patch_u16(10, plain_checksum(out.view()));
    out.bytes(payload);
    return out.take();
}

Bytes make_v6(const Spec& spec, ByteView payload) {
    const bool fragment = spec.more_fragments || spec.fragment_offset != 0;
    Writer out;
    out.u32(6U << 28U | std::uint32_t{spec.traffic_class} << 20U);
    out.u16(static_cast<std::uint16_t>(payload.size() + (fragment ? 8 : 0)));
    out.u8(fragment ? 44 : spec.protocol);
    out.u8(spec.hop_limit);
    out.bytes(ip(spec.source).octets());
    out.bytes(ip(spec.destination).octets());
    if (fragment) {
        out.u8(spec.protocol);
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(spec.fragment_offset | (spec.more_fragments ? 1U : 0U)));
        out.u32(spec.identification);
    }
    out.bytes(payload);
    return out.take();
}

template <class T>
T value(Result<T> result) {
    if (!result) { throw std::runtime_error(explain(result.error())); }
    return std::move(*result);
}

}  // namespace

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
TrafficSelector ts(std::string_view text) { return TrafficSelector::parse(text).value(); }
TrafficSelectors ts_list(std::initializer_list<std::string_view> texts) {
    TrafficSelectors out;
    for (const std::string_view text : texts) { out.push_back(ts(text)); }
    return out;
}

Bytes make(const Spec& spec) {
    const bool v4 = ip(spec.source).is_v4();
    // A later fragment has no next-layer header of its own.
    Spec headless = spec;
    if (spec.fragment_offset != 0) { headless.protocol = 253; }
    const Bytes payload = next_layer(headless);
    Bytes out = v4 ? make_v4(spec, payload) : make_v6(spec, payload);
    if (spec.more_fragments || spec.fragment_offset != 0 || !has_checksum(spec.protocol)) {
        return out;
    }
    const std::uint16_t sum = transport_checksum(out);
    set_u16(out, (v4 ? 20U : 40U) + checksum_at(spec.protocol), sum);
    return out;
}

PacketInfo info_of(ByteView packet) { return value(parse_packet(packet)); }

ChildSa child_sa(IpsecMode mode) {
    ChildSa sa;
    sa.id = ChildSaId{1};
    sa.reqid = ReqId{1};
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 128};
    sa.mode = mode;
    sa.local.address = ip(mode == IpsecMode::tunnel ? "192.0.2.1" : "10.1.0.1");
    sa.remote.address = ip(mode == IpsecMode::tunnel ? "192.0.2.2" : "10.2.0.1");
    sa.inbound_spi = EspSpi{0x1001};
    sa.outbound_spi = EspSpi{0x2002};
    sa.inbound.encryption = Secret(20);
    sa.outbound.encryption = Secret(20);
    sa.local_ts = ts_list({"10.1.0.0/16", "fd01::/64"});
    sa.remote_ts = ts_list({"10.2.0.0/16", "fd02::/64"});
    return sa;
}

namespace {

ChildSa copy_of(const ChildSa& sa) {
    ChildSa out;
    out.id = sa.id;
    out.reqid = sa.reqid;
    out.suite = sa.suite;
    out.mode = sa.mode;
    out.local = sa.remote;
    out.remote = sa.local;
    out.udp_encap = sa.udp_encap;
    out.inbound_spi = sa.outbound_spi;
    out.outbound_spi = sa.inbound_spi;
    out.inbound = {.encryption = sa.outbound.encryption.clone(),
                   .integrity = sa.outbound.integrity.clone()};
    out.outbound = {.encryption = sa.inbound.encryption.clone(),
                    .integrity = sa.inbound.integrity.clone()};
    out.local_ts = sa.remote_ts;
    out.remote_ts = sa.local_ts;
    out.replay_window = sa.replay_window;
    out.lifetime = sa.lifetime;
    out.header_rules = sa.header_rules;
    out.nat_original_local = sa.nat_original_remote;
    out.nat_original_remote = sa.nat_original_local;
    return out;
}

}  // namespace

Pair pair_of(const ChildSa& sa, std::uint64_t first_sequence) {
    culvert::test::SeededRandom random{1};
    OutboundSa::TestOptions options;
    options.first_sequence = first_sequence;
    return {value(OutboundSa::create(sa, random, Instant{}, options)),
            value(InboundSa::create(copy_of(sa), Instant{}))};
}

Bytes protect(OutboundSa& sa, ByteView inner, DropReason* dropped, Instant now) {
    CryptoContext crypto;
    const PacketInfo info = info_of(inner);
    Bytes esp(inner.size() + overhead_max + 2000);
    EncapJob job;
    job.packet = inner;
    job.info = &info;
    job.out = esp;
    const DropReason reason = encapsulate(sa, job, crypto, now);
    if (dropped != nullptr) { *dropped = reason; }
    if (reason != DropReason::none) { return {}; }
    Bytes header(200);
    const std::size_t size = build_outer_header(sa, job, 7, header);
    header.resize(size);
    append(header, ByteView{esp}.first(job.size));
    return header;
}

Opened open(InboundSa& sa, ByteView outer, Instant now) {
    Opened out;
    Bytes packet = to_bytes(outer);
    DecapJob job;
    out.dropped = prepare_decap(packet, sa.endpoints().udp_encap, job);
    if (out.dropped != DropReason::none) { return out; }
    CryptoContext crypto;
    out.dropped = decapsulate(sa, job, crypto, now);
    out.ecn_alarm = job.ecn_alarm;
    out.sequence = job.sequence;
    if (out.dropped == DropReason::none) { out.packet = to_bytes(job.packet); }
    return out;
}

std::uint16_t plain_checksum(ByteView octets, std::uint32_t sum) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
        sum += i % 2 == 0 ? std::uint32_t{octets[i]} << 8U : std::uint32_t{octets[i]};
        sum = (sum & 0xffffU) + (sum >> 16U);
    }
    return static_cast<std::uint16_t>(~sum & 0xffffU);
}

std::uint16_t transport_checksum(ByteView packet) {
    const PacketInfo info = info_of(packet);
    const ByteView part = packet.subspan(info.header_size, info.total_size - info.header_size);
    if (info.protocol == protocol_icmp) { return plain_checksum(part); }
    std::uint32_t sum = info.protocol + static_cast<std::uint32_t>(part.size());
    for (const IpAddress& address : {info.source, info.destination}) {
        sum += static_cast<std::uint16_t>(~plain_checksum(address.octets()));
    }
    return plain_checksum(part, (sum & 0xffffU) + (sum >> 16U));
}

std::uint16_t header_checksum(ByteView packet) {
    return plain_checksum(packet.first((packet[0] & 0x0fU) * std::size_t{4}));
}

}  // namespace culvert::ipsec::test
