// AH from a peer that has the keys and puts anything behind it and any header in front, so that
// what comes after the ICV is reached; and any octets as a packet off the wire.

#include <algorithm>
#include <array>

#include "crypto/packet_mac.hpp"
#include "fuzz/property.hpp"
#include "ipsec/ah.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"

namespace {

using namespace culvert;
using namespace culvert::ipsec;
using crypto::IntegrityAlgorithm;

constexpr std::uint32_t spi = 0xc0ffee01;
constexpr std::size_t fixed_size = 12;  // of AH, before IV and ICV (RFC 4302 2)
const Instant now{};

struct Algorithm {
    IntegrityAlgorithm integrity;
    std::size_t key_octets;
};
constexpr std::array algorithms{
    Algorithm{IntegrityAlgorithm::hmac_sha1_96, 20},
    Algorithm{IntegrityAlgorithm::hmac_sha2_256_128, 32},
    Algorithm{IntegrityAlgorithm::hmac_sha2_512_256, 64},
    Algorithm{IntegrityAlgorithm::aes_xcbc_96, 16},
};

// The first octet: two bits of algorithm, transport mode, ESN.
ChildSa child_sa(std::uint8_t kind) {
    const Algorithm& algorithm = algorithms.at(kind & 3U);
    ChildSa sa;
    sa.suite = {
        .protocol = IpsecProtocol::ah, .integrity = algorithm.integrity, .esn = (kind & 8U) != 0};
    sa.mode = (kind & 4U) != 0 ? IpsecMode::transport : IpsecMode::tunnel;
    sa.local.address = IpAddress::parse("192.0.2.2").value();
    sa.remote.address = IpAddress::parse("192.0.2.1").value();
    sa.inbound_spi = sa.outbound_spi = EspSpi{spi};
    sa.inbound.integrity = Secret{algorithm.key_octets};
    sa.outbound.integrity = Secret{algorithm.key_octets};
    sa.local_ts = {TrafficSelector::of(IpRange::everything(IpFamily::v4)),
                   TrafficSelector::of(IpRange::everything(IpFamily::v6))};
    sa.remote_ts = sa.local_ts;
    return sa;
}

void open(const ChildSa& sa, MutableByteView packet) {
    auto inbound = InboundSa::create(sa, now);
    FUZZ_CLAIM(inbound);
    DecapJob job;
    if (prepare_decap(packet, false, job) != DropReason::none) { return; }
    CryptoContext crypto;
    if (decapsulate(**inbound, job, crypto, now) != DropReason::none) {
        (void)name(job.dropped);
        return;
    }
    FUZZ_CLAIM(!job.packet.empty());
    FUZZ_CLAIM(job.packet.data() >= packet.data());
    FUZZ_CLAIM(job.packet.data() + job.packet.size() <= packet.data() + packet.size());
    FUZZ_CLAIM(job.info.total_size == job.packet.size());
    PacketInfo again;
    FUZZ_CLAIM(parse_packet(job.packet, again));
    FUZZ_CLAIM(again == job.info);
    // The number is taken: the same packet is a replay now, whatever else became of it.
    FUZZ_CLAIM((*inbound)->highest_sequence() == job.sequence);
}

// The packet's own header with AH behind it and a right ICV, where the ICV can be computed at all.
// Of the second octet: what AH says that it carries.
Bytes authenticated(const ChildSa& sa, std::uint8_t next_header, ByteView octets) {
    PacketInfo info;
    if (!parse_packet(octets, info) || info.fragment || info.header_size > ah_outer_header_max) {
        return {};
    }
    const auto mac = crypto::PacketMac::create(sa.suite.integrity, sa.inbound.integrity);
    FUZZ_CLAIM(mac);
    const std::size_t ah = ah_size(*mac, info.family);
    Bytes packet = to_bytes(octets.first(info.header_size));
    packet.resize(info.header_size + ah);
    append(packet, octets.subspan(info.header_size, info.total_size - info.header_size));
    if (packet.size() > packet_size_max) { return {}; }
    const MutableByteView all = packet;
    const MutableByteView header = all.first(info.header_size);
    header[info.last_next_header_at] = protocol_ah;
    if (info.family == IpFamily::v4) {
        set_u16(header, 2, static_cast<std::uint16_t>(packet.size()));
        set_ipv4_checksum(header);
    } else {
        set_u16(header, 4, static_cast<std::uint16_t>(packet.size() - 40));
    }
    const MutableByteView behind = all.subspan(info.header_size);
    behind[0] = next_header;
    behind[1] = static_cast<std::uint8_t>(ah / 4 - 2);
    set_u32(behind, 4, spi);
    set_u32(behind, 8, 1);
    Bytes covered(header.size());
    if (!immutable_header(header, covered)) { return {}; }
    const std::array<std::uint8_t, 4> high{};
    const std::array<ByteView, 3> pieces{covered, behind, high};
    FUZZ_CLAIM(mac->compute(std::span{pieces}.first(sa.suite.esn ? 3 : 2), {},
                            behind.subspan(fixed_size, mac->icv_size())));
    return packet;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) { return 0; }
    const culvert::ByteView rest{data + 2, size - 2};
    const ChildSa sa = child_sa(data[0]);
    Bytes packet = authenticated(sa, data[1], rest);
    if (!packet.empty()) { open(sa, packet); }
    packet = to_bytes(rest);
    open(sa, packet);
    return 0;
}
