// What leaves in clear by policy, and the fragments among it.

#include <cerrno>

#include "ipsec/fragment.hpp"
#include "plane/host_addresses.hpp"
#include "plane/user/egress.hpp"

namespace culvert::plane {

// Later fragments have no ports: what no policy would protect without them is put together before
// it is looked at with them, so that no part of what some policy protects leaves in clear.
void Egress::carry_fragment(MutableByteView packet, const ipsec::PacketInfo& info, Instant now) {
    ipsec::PacketInfo bare = info;
    bare.has_ports = false;
    bare.source_port = 0;
    bare.destination_port = 0;
    if (decide(bare).decision.action != PolicyAction::bypass) {
        return carry(packet, info, decide(info), now);
    }
    ipsec::PacketInfo whole = info;
    const MutableByteView complete = whole_packets_.take(packet, whole, now);
    if (!complete.empty()) { carry(complete, whole, decide(whole), now); }
}

void Egress::bypass(ByteView packet, const ipsec::PacketInfo& info) {
    counters_.count(Happening::outbound_bypassed);
    if (shared_.raw.send_clear(packet, info.destination) != EMSGSIZE) { return; }
    const std::uint32_t mtu = routed_mtu(info.destination, shared_.mark).value_or(0);
    const bool cut =
        mtu != 0 && !(info.family == IpFamily::v4 && info.dont_fragment) &&
        ipsec::fragment(packet, mtu,
                        shared_.identification->fetch_add(1, std::memory_order_relaxed),
                        [&](ByteView piece) {
                            static_cast<void>(shared_.raw.send_clear(piece, info.destination));
                        });
    if (cut) { return; }
    counters_.count(ipsec::DropReason::outbound_too_big);
    if (mtu != 0) { answer(IcmpReason::too_big, packet, info, mtu); }
}

}  // namespace culvert::plane
