#include "plane/user/egress.hpp"

#include <cerrno>

#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t packet_room = packet_octets_max + 1 + ipsec::trailer_size_max;
constexpr std::size_t esp_room = packet_octets_max + 1 + ipsec::overhead_max;

// The selectors of exactly this packet, for the key exchange (RFC 7296 2.9, first selector).
TrafficSelector selector_of(const IpAddress& address, std::uint16_t port,
                            const ipsec::PacketInfo& info) {
    TrafficSelector out = TrafficSelector::of({address, address});
    out.protocol = info.protocol;
    if (info.has_ports) {
        out.port_first = port;
        out.port_last = port;
    }
    return out;
}

}  // namespace

Egress::Egress(const Shared& shared)
    : shared_(shared),
      view_(shared.tables),
      ah_(shared),
      packet_(std::make_unique_for_overwrite<std::uint8_t[]>(packet_room)),
      esp_(std::make_unique_for_overwrite<std::uint8_t[]>(esp_room)) {}

void Egress::tun_ready() {
    const Instant now = boot_time_now();
    tables_ = &view_.look();
    for (int round = 0; round < packets_a_wakeup_max; ++round) {
        const std::size_t size = shared_.tun.read({packet_.get(), packet_octets_max + 1});
        if (size == 0) { break; }
        counters_.count(Happening::tun_packets_read);
        carry({packet_.get(), size}, now);
    }
}

void Egress::carry(MutableByteView packet, Instant now) {
    ipsec::PacketInfo info;
    if (!ipsec::parse_packet(packet, info)) {
        counters_.count(ipsec::DropReason::outbound_malformed);
        return;
    }
    const ipsec::FlowCache::Entry entry = decide(info);
    switch (entry.decision.action) {
        case PolicyAction::protect:
            if (entry.sa != nullptr) {
                protect(*entry.sa, packet, info, now);
            } else {
                trap(entry, packet, info, now);
            }
            return;
        case PolicyAction::bypass:
            counters_.count(Happening::outbound_bypassed);
            static_cast<void>(
                shared_.raw.send_clear(packet.first(info.total_size), info.destination));
            return;
        case PolicyAction::discard:
            counters_.count(entry.decision.entry ? ipsec::DropReason::outbound_discard
                                                 : ipsec::DropReason::outbound_no_policy);
            answer(IcmpReason::prohibited, packet, info, 0);
            return;
    }
}

ipsec::FlowCache::Entry Egress::decide(const ipsec::PacketInfo& info) {
    if (const auto* known = flows_.find(info, tables_->generation)) { return *known; }
    ipsec::FlowCache::Entry entry{.decision = tables_->spd->lookup_outbound(info), .sa = nullptr};
    if (entry.decision.action == PolicyAction::protect) {
        entry.sa = tables_->sad.outbound(entry.decision.reqid, info);
    }
    flows_.put(info, tables_->generation, entry);
    return entry;
}

void Egress::protect(ipsec::OutboundSa& sa, MutableByteView packet, const ipsec::PacketInfo& info,
                     Instant now) {
    ipsec::EncapJob job;
    job.packet = packet.first(info.total_size);
    job.info = &info;
    job.tail_room = true;
    job.out = {esp_.get(), esp_room};
    if (sa.suite().protocol == IpsecProtocol::ah) { ah_.number(job, packet, info); }
    const ipsec::DropReason dropped = ipsec::encapsulate(sa, job, crypto_, now);
    if (dropped == ipsec::DropReason::none) {
        send(sa, job);
    } else {
        counters_.count(dropped);
        if (dropped == ipsec::DropReason::outbound_too_big) { too_big(sa, job); }
    }
    if (const auto event = sa.take_lifetime_event(now); event != ipsec::LifetimeEvent::none) {
        shared_.lifetime(sa.id(), event);
    }
}

void Egress::send(ipsec::OutboundSa& sa, const ipsec::EncapJob& job) {
    const ipsec::SaEndpoints& ends = sa.endpoints();
    const SendOptions options{.traffic_class = job.outer.traffic_class,
                              .hop_limit = job.outer.hop_limit};
    const ByteView esp = ByteView{job.out}.first(job.size);
    const bool ah = sa.suite().protocol == IpsecProtocol::ah;
    const int error = ah ? ah_.send(sa, job)
                      : ends.udp_encap
                          ? shared_.carrier.sockets().send_esp(esp, ends.local, ends.remote,
                                                               job.outer.dont_fragment, options)
                          : shared_.raw.send_esp(esp, ends.local.address, ends.remote.address,
                                                 job.outer.dont_fragment, options);
    if (error == 0) {
        counters_.count(Happening::esp_packets_sent);
        return;
    }
    counters_.count(Happening::esp_send_failed);
    if (error == EMSGSIZE) {
        // The kernel knows a smaller path than we did.
        if (const auto mtu = routed_mtu(ends.remote.address, shared_.mark)) {
            sa.set_path_mtu(*mtu);
            shared_.path_mtu(ends.remote.address, *mtu);
        }
        counters_.count(ipsec::DropReason::outbound_too_big);
        too_big(sa, job);
    }
}

void Egress::too_big(ipsec::OutboundSa& sa, const ipsec::EncapJob& job) {
    const std::uint32_t path_mtu = sa.path_mtu();
    if (path_mtu == 0) { return; }
    answer(IcmpReason::too_big, job.packet, *job.info, sa.inner_mtu(path_mtu));
}

void Egress::trap(const ipsec::FlowCache::Entry& entry, ByteView packet,
                  const ipsec::PacketInfo& info, Instant now) {
    const auto& entries = tables_->spd->entries();
    const bool asks = entry.decision.entry && entries[*entry.decision.entry].trap;
    if (!asks) {
        counters_.count(ipsec::DropReason::outbound_no_sa);
        return;
    }
    const auto kept = waiting_.keep(entry.decision.reqid, packet.first(info.total_size), now);
    counters_.count(kept.kept ? Happening::outbound_trapped : Happening::outbound_trap_dropped);
    if (!kept.kept) { counters_.count(ipsec::DropReason::outbound_no_sa); }
    if (kept.ask_for_sa) {
        shared_.events.acquire(entry.decision.reqid,
                               selector_of(info.source, info.source_port, info),
                               selector_of(info.destination, info.destination_port, info));
    }
}

void Egress::answer(IcmpReason reason, ByteView packet, const ipsec::PacketInfo& info,
                    std::uint32_t mtu) {
    const Instant now = boot_time_now();
    if (now - answers_since_ >= std::chrono::seconds{1}) {
        answers_since_ = now;
        answers_ = 0;
    }
    if (++answers_ > icmp_errors_a_second_max) { return; }
    const auto reply = icmp_error(reason, packet, info, mtu);
    if (reply && shared_.tun.write(*reply) == 0) { counters_.count(Happening::icmp_sent); }
}

void Egress::flush_waiting() {
    const Instant now = boot_time_now();
    tables_ = &view_.look();
    for (const ReqId reqid : waiting_.waiting()) {
        if (!tables_->sad.has_outbound(reqid)) { continue; }
        for (const Bytes& packet : waiting_.take(reqid)) {
            // Into the buffer that has room behind it; a packet that no SA covers yet waits again.
            std::copy(packet.begin(), packet.end(), packet_.get());
            carry({packet_.get(), packet.size()}, now);
        }
    }
}

void Egress::tick() {
    tables_ = &view_.look();  // drops an old snapshot, and with it keys that nobody needs
    const std::size_t gone = waiting_.expire(boot_time_now());
    for (std::size_t i = 0; i < gone; ++i) {
        counters_.count(Happening::outbound_trap_dropped);
        counters_.count(ipsec::DropReason::outbound_no_sa);
    }
}

}  // namespace culvert::plane
