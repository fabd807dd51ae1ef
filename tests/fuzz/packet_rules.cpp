// Reassembly, ICMP errors about our packets and those that we make, MSS clamping and checksum
// repair, fed by strangers: the input is a train of packets, each behind its length of two octets.

#include <array>
#include <memory>

#include "fuzz/property.hpp"
#include "ipsec/checksum.hpp"
#include "ipsec/icmp_about_sa.hpp"
#include "ipsec/mss_clamp.hpp"
#include "ipsec/nat_repair.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/reassembly.hpp"
#include "plane/user/icmp_error.hpp"

namespace {

using namespace culvert;
using namespace culvert::ipsec;

constexpr std::size_t octets_max = 20'000;

void change(ByteView octets, const PacketInfo& info) {
    Bytes packet = to_bytes(octets);
    (void)clamp_mss(packet, info, 1280);
    PacketInfo after;
    FUZZ_CLAIM(parse_packet(packet, after));
    FUZZ_CLAIM(after == info);
    const IpAddress other = IpAddress::any(info.family);
    repair_checksum(packet, info, {other, other});
    FUZZ_CLAIM(parse_packet(packet, after));
    FUZZ_CLAIM(packet.size() == octets.size());
}

class NoRandom final : public Random {
 public:
    void fill(MutableByteView out) override {
        for (auto& octet : out) { octet = 7; }
    }
};

// SAs that live: native and in UDP, of both families. Their SPI is the seeds'.
std::shared_ptr<OutboundSa> live_sa(const char* local, const char* remote, bool udp_encap) {
    ChildSa sa;
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 128};
    sa.local = Endpoint::parse(local).value();
    sa.remote = Endpoint::parse(remote).value();
    sa.udp_encap = udp_encap;
    sa.outbound_spi = sa.inbound_spi = EspSpi{0xc0ffee01};
    sa.inbound.encryption = Secret(20);
    sa.outbound.encryption = Secret(20);
    NoRandom random;
    return OutboundSa::create(sa, random, Instant{}).value();
}

const std::array<std::shared_ptr<OutboundSa>, 3>& live_sas() {
    static const std::array sas{live_sa("192.0.2.1", "192.0.2.2", false),
                                live_sa("192.0.2.1:4500", "192.0.2.2:4500", true),
                                live_sa("2001:db8::1", "2001:db8::2", false)};
    return sas;
}

// Abuse I-06: whatever says so, the path is no narrower than its family's floor, and never wider
// than before.
void believe(ByteView packet) {
    const auto said = read_too_big(packet);
    if (!said) { return; }
    for (const auto& sa : live_sas()) {
        sa->set_path_mtu(0);
        const auto first = believed_path_mtu(*said, *sa);
        if (!first) { continue; }
        FUZZ_CLAIM(said->source == sa->endpoints().local.address);
        FUZZ_CLAIM(said->destination == sa->endpoints().remote.address);
        FUZZ_CLAIM(*first >= (said->source.is_v4() ? 576U : 1280U));
        sa->set_path_mtu(*first);
        FUZZ_CLAIM(sa->path_mtu() == *first);
        FUZZ_CLAIM(!believed_path_mtu(*said, *sa));
    }
}

// What we tell senders: well-formed, small, never about an ICMP error.
void answer(ByteView packet, const PacketInfo& info) {
    using plane::IcmpReason;
    for (const IcmpReason reason : {IcmpReason::too_big, IcmpReason::prohibited}) {
        const auto reply = plane::icmp_error(reason, packet, info, 1280);
        if (!reply) { continue; }
        PacketInfo of;
        FUZZ_CLAIM(parse_packet(*reply, of));
        FUZZ_CLAIM(of.total_size == reply->size());
        FUZZ_CLAIM(of.family == info.family && of.destination == info.source);
        FUZZ_CLAIM(reply->size() <= (info.family == IpFamily::v4 ? 576U : 1280U));
        FUZZ_CLAIM(!plane::icmp_error(reason, *reply, of, 1280));
        if (of.family == IpFamily::v4) {
            FUZZ_CLAIM(internet_sum(ByteView{*reply}.subspan(20)) == 0xffff);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Reassembler::Limits limits;
    limits.octets = octets_max;
    limits.sets = 4;
    limits.sets_a_source = 2;
    Reassembler reassembler{limits};
    ByteView rest{data, size};
    Instant now{};
    while (rest.size() >= 2) {
        const std::size_t length =
            std::min<std::size_t>(rest.size() - 2, std::size_t{rest[0]} << 8U | rest[1]);
        const ByteView packet = rest.subspan(2, length);
        rest = rest.subspan(2 + length);
        believe(packet);
        PacketInfo info;
        if (!parse_packet(packet, info)) { continue; }
        change(packet, info);
        answer(packet, info);
        now += std::chrono::seconds{1};
        if (!info.fragment) { continue; }
        const auto taken = reassembler.take(packet, info, now);
        FUZZ_CLAIM(reassembler.octets() <= octets_max);
        FUZZ_CLAIM(reassembler.sets() <= limits.sets);
        if (!taken.packet.empty()) {
            FUZZ_CLAIM(taken.dropped == DropReason::none);
            FUZZ_CLAIM(taken.packet.size() <= packet_size_max);
        }
    }
    (void)reassembler.expire(now + reassembly_age_max);
    FUZZ_CLAIM(reassembler.octets() == 0);
    return 0;
}
