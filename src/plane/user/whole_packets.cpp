#include "plane/user/whole_packets.hpp"

#include <utility>

#include "ipsec/limits.hpp"

namespace culvert::plane {

MutableByteView WholePackets::take(ByteView packet, ipsec::PacketInfo& info, Instant now) {
    ipsec::Reassembler::Taken taken = pieces_.take(packet.first(info.total_size), info, now);
    counters_.count(ipsec::DropReason::reassembly_limit, pieces_.take_evicted());
    if (taken.dropped != ipsec::DropReason::none) {
        counters_.count(taken.dropped);
        return {};
    }
    if (taken.packet.empty()) { return {}; }
    whole_ = std::move(taken.packet);
    const std::size_t size = whole_.size();
    whole_.resize(size + ipsec::trailer_size_max);
    const MutableByteView out = MutableByteView{whole_}.first(size);
    if (!ipsec::parse_packet(out, info)) {
        counters_.count(ipsec::DropReason::outbound_malformed);
        return {};
    }
    // Whoever sent fragments does not mind them.
    info.dont_fragment = false;
    return out;
}

void WholePackets::tick(Instant now) {
    counters_.count(ipsec::DropReason::reassembly_limit, pieces_.expire(now));
}

}  // namespace culvert::plane
