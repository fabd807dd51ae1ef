// Reassembly, ICMP errors about our packets, MSS clamping and checksum repair, fed by strangers:
// the input is a train of packets, each behind its length of two octets.

#include "fuzz/property.hpp"
#include "ipsec/icmp_about_sa.hpp"
#include "ipsec/mss_clamp.hpp"
#include "ipsec/nat_repair.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/reassembly.hpp"

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
        (void)read_too_big(packet);
        PacketInfo info;
        if (!parse_packet(packet, info)) { continue; }
        change(packet, info);
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
