#include "plane/user/egress.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ipsec/fragment.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/mss_clamp.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t packet_room = packet_octets_max + 1 + ipsec::trailer_size_max;
constexpr std::size_t small_packet_room =
    (tun_burst_packet_max + ipsec::trailer_size_max + 63) / 64 * 64;

// Transport mode keeps the packet's own options and extension headers (RFC 4303 3.1.1), which the
// kernel would not write for us.
bool keeps_header(const ipsec::OutboundSa& sa, const ipsec::PacketInfo& info) {
    const std::size_t bare = info.family == IpFamily::v4 ? 20 : 40;
    return sa.mode() == IpsecMode::transport && !sa.endpoints().udp_encap &&
           info.unprotected_size > bare;
}

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

Egress::Egress(const Shared& shared, unsigned worker, const FastPaths& wanted)
    : shared_(shared),
      worker_(worker),
      tun_(shared.tun.queue(worker)),
      view_(shared.tables),
      ah_(shared),
      packets_(std::make_unique_for_overwrite<std::uint8_t[]>(
          (tun_burst_max - 1) * small_packet_room + packet_room)),
      single_(std::make_unique_for_overwrite<std::uint8_t[]>(packet_room)),
      run_(shared, worker, counters_, wanted,
           [this](ipsec::OutboundSa& sa, ByteView inner, const ipsec::PacketInfo& info) {
               too_big(sa, inner, info);
           }) {}

bool Egress::tun_ready(const TunQueue& lane) {
    const Instant now = boot_time_now();
    // Behind a packet that comes alone nothing is looked for: whoever sent it may wait for the
    // answer.
    const bool alone = now - last_read_ > alone_after;
    tables_ = &view_.look();
    std::size_t octets = 0;
    for (std::size_t count = 0; count < packets_a_wakeup_max && octets < tun_octets_a_wakeup_max;) {
        read_burst(lane, alone ? 1 : tun_burst_max);
        const std::span burst = std::span{burst_}.first(burst_count_);
        if (burst.size() > 1) { approach_burst(); }
        for (const TunPacket& packet : burst) {
            octets += packet.octets.size();
            counters_.count(Happening::tun_reads);
            take(packet, now);
        }
        count += burst.size();
        if (burst.empty() || (alone && burst.front().segment_size == 0)) { break; }
    }
    run_.flush();
    if (octets == 0) { return false; }
    last_read_ = now;
    counters_.count(Happening::tun_octets_read, octets);
    return true;
}

void Egress::read_burst(const TunQueue& lane, std::size_t count_max) {
    std::uint8_t* room = packets_.get();
    for (burst_count_ = 0; burst_count_ < count_max;) {
        const TunPacket packet = lane.read({room, packet_octets_max + 1});
        if (packet.octets.empty()) { return; }
        burst_[burst_count_++] = packet;
        if (packet.octets.size() > tun_burst_packet_max) { return; }
        room += small_packet_room;
    }
}

void Egress::approach_burst() {
    for (const TunPacket& packet : std::span{burst_}.first(burst_count_)) {
        ipsec::PacketInfo info;
        if (ipsec::parse_packet(packet.octets, info) &&
            flows_.find(info, tables_->generation) == nullptr) {
            tables_->spd->approach_outbound(info);
        }
    }
}

void Egress::take(const TunPacket& packet, Instant now) {
    ipsec::PacketInfo info;
    bool good = ipsec::parse_packet(packet.octets, info);
    if (good && packet.checksum_missing) {
        good = ipsec::complete_checksum(packet.octets.first(info.total_size), packet.checksum_start,
                                        packet.checksum_offset);
    }
    if (good && packet.segment_size != 0) {
        good = segments_.begin(packet.octets, info, packet.segment_size);
    }
    if (!good) {
        counters_.count(Happening::tun_packets_read);
        counters_.count(ipsec::DropReason::outbound_malformed);
        return;
    }
    if (packet.segment_size == 0) {
        counters_.count(Happening::tun_packets_read);
        if (info.fragment) {
            carry_fragment(packet.octets, info, now);
        } else {
            carry(packet.octets, info, decide(info), now);
        }
    } else {
        counters_.count(Happening::tun_packets_read, segments_.count());
        carry_train(info, now);
    }
}

// One decision for the whole super-packet: all its packets have the same selectors.
void Egress::carry_train(const ipsec::PacketInfo& info, Instant now) {
    const ipsec::FlowCache::Entry entry = decide(info);
    if (entry.decision.action == PolicyAction::protect && entry.sa != nullptr &&
        entry.sa->carries_trains() && !ipsec::to_be_cut_first(*entry.sa, segments_.info(0))) {
        protect_train(*entry.sa, now);
        return;
    }
    for (std::size_t i = 0; i < segments_.count(); ++i) {
        const MutableByteView packet{single_.get(), segments_.size(i)};
        segments_.write(i, packet.data());
        carry(packet, segments_.info(i), entry, now);
    }
}

void Egress::carry(MutableByteView packet, const ipsec::PacketInfo& info,
                   const ipsec::FlowCache::Entry& entry, Instant now) {
    switch (entry.decision.action) {
        case PolicyAction::protect:
            if (entry.sa != nullptr) {
                protect(*entry.sa, packet, info, now);
            } else {
                trap(entry, packet, info, now);
            }
            return;
        case PolicyAction::bypass: return bypass(packet.first(info.total_size), info);
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
        entry.sa = tables_->sad.outbound(entry.decision.reqid, info, worker_);
    }
    flows_.put(info, tables_->generation, entry);
    return entry;
}

void Egress::protect(ipsec::OutboundSa& sa, MutableByteView packet, const ipsec::PacketInfo& info,
                     Instant now) {
    if (sa.mode() == IpsecMode::transport && info.fragment) {
        ipsec::PacketInfo whole = info;
        const MutableByteView complete = whole_packets_.take(packet, whole, now);
        // Its ports may be those of another SA.
        if (!complete.empty()) { carry(complete, whole, decide(whole), now); }
        return;
    }
    if (ipsec::to_be_cut_first(sa, info)) { return protect_pieces(sa, packet, info, now); }
    if (sa.mode() == IpsecMode::tunnel) {
        ipsec::clamp_mss(packet, info, sa.inner_mtu(sa.path_mtu()));
    }
    ipsec::EncapJob job;
    job.packet = packet.first(info.total_size);
    job.info = &info;
    job.tail_room = true;
    job.size_min = ipsec::least_esp_size(sa);
    const bool ah = sa.suite().protocol == IpsecProtocol::ah;
    const bool whole = ah || keeps_header(sa, info);
    const std::size_t size = sa.esp_size(info.total_size);
    if (whole || !sa.carries_trains()) {
        // What will come of it is not known before.
        run_.flush();
        run_.take_turn(sa);
    } else {
        run_.begin(sa, ipsec::outer_fields_of(sa, info), size, false);
    }
    job.out = run_.room();
    if (ah) { ah_.number(job, packet, info); }
    const ipsec::DropReason dropped = ipsec::encapsulate(sa, job, crypto_, now);
    if (dropped != ipsec::DropReason::none) {
        counters_.count(dropped);
        if (dropped == ipsec::DropReason::outbound_too_big) { too_big(sa, packet, info); }
    } else if (whole) {
        send_whole(sa, job);
        run_.flush();
    } else {
        if (run_.empty()) {
            run_.begin(sa, job.outer, job.size, false);
            run_.remember(packet, info);
        }
        run_.add(job.size);
    }
    look_at_lifetime(sa, now);
}

void Egress::protect_pieces(ipsec::OutboundSa& sa, ByteView packet, const ipsec::PacketInfo& info,
                            Instant now) {
    const bool cut = ipsec::fragment(
        packet.first(info.total_size), sa.inner_mtu(sa.path_mtu()), 0, [&](ByteView piece) {
            piece_.assign(piece.begin(), piece.end());
            piece_.resize(piece.size() + ipsec::trailer_size_max);
            ipsec::PacketInfo piece_info;
            if (!ipsec::parse_packet(piece, piece_info)) { return; }
            protect(sa, MutableByteView{piece_}.first(piece.size()), piece_info, now);
        });
    if (!cut) { counters_.count(ipsec::DropReason::outbound_too_big); }
}

void Egress::protect_train(ipsec::OutboundSa& sa, Instant now) {
    const ipsec::PacketInfo full = segments_.info(0);
    const ipsec::OuterFields outer = ipsec::outer_fields_of(sa, full);
    const std::size_t stride = sa.esp_size(full.total_size);
    for (std::size_t at = 0; at < segments_.count();) {
        const std::size_t room = run_.begin(sa, outer, stride, true);
        const std::size_t count = std::min(room, segments_.count() - at);
        protect_segments(sa, at, count, now);
        at += count;
    }
    look_at_lifetime(sa, now);
}

void Egress::protect_segments(ipsec::OutboundSa& sa, std::size_t first, std::size_t count,
                              Instant now) {
    const ipsec::PacketInfo full = segments_.info(0);
    const ipsec::PacketInfo last = segments_.info(segments_.count() - 1);
    const std::size_t stride = sa.esp_size(full.total_size);
    const std::size_t front = sa.text_offset();
    // Put together in a few places that stay in the nearest cache, or at once where it goes.
    const std::size_t hot = std::min(sa.batch_of(stride), jobs_.size());
    const std::size_t clear_stride = full.total_size + ipsec::trailer_size_max;
    const bool apart = sa.reads_elsewhere() && hot * clear_stride <= packet_room;
    ipsec::SequenceNumbers numbers = run_.number(sa, count);
    for (std::size_t at = first; at < first + count;) {
        const std::size_t batch = std::min(hot, first + count - at);
        const MutableByteView room = run_.room();
        for (std::size_t i = 0; i < batch; ++i) {
            const bool is_last = at + i + 1 == segments_.count();
            const MutableByteView slot = room.subspan(i * stride, stride);
            std::uint8_t* const clear =
                apart ? single_.get() + i * clear_stride : slot.data() + front;
            segments_.write(at + i, clear);
            jobs_[i] = {.packet = {clear, segments_.size(at + i)},
                        .info = is_last ? &last : &full,
                        .tail_room = apart,
                        .out = slot};
        }
        if (run_.empty()) { run_.remember(jobs_[0].packet, *jobs_[0].info); }
        const std::span<ipsec::EncapJob> jobs{jobs_.data(), batch};
        ipsec::encapsulate(sa, jobs, numbers, crypto_, now);
        settle(sa, jobs);
        at += batch;
    }
}

// What was protected joins the run; what was not leaves no hole in it.
void Egress::settle(ipsec::OutboundSa& sa, std::span<const ipsec::EncapJob> jobs) {
    for (const ipsec::EncapJob& job : jobs) {
        if (job.dropped == ipsec::DropReason::none) {
            const MutableByteView room = run_.room();
            if (room.data() != job.out.data()) {
                std::memmove(room.data(), job.out.data(), job.size);
            }
            run_.add(job.size);
            continue;
        }
        counters_.count(job.dropped);
        if (job.dropped == ipsec::DropReason::outbound_too_big) {
            too_big(sa, job.packet, *job.info);
        }
    }
}

void Egress::look_at_lifetime(ipsec::OutboundSa& sa, Instant now) {
    if (const auto event = sa.take_lifetime_event(now); event != ipsec::LifetimeEvent::none) {
        shared_.lifetime(sa.id(), event);
    }
}

void Egress::send_whole(ipsec::OutboundSa& sa, const ipsec::EncapJob& job) {
    const int error = ah_.send(sa, job);
    if (error == 0) {
        counters_.count(Happening::esp_sends);
        counters_.count(Happening::esp_packets_sent);
        return;
    }
    counters_.count(Happening::esp_send_failed);
    if (error == EMSGSIZE) {
        // The kernel knows a smaller path than we did.
        const IpAddress& remote = sa.endpoints().remote.address;
        if (const auto mtu = routed_mtu(remote, shared_.mark)) {
            sa.set_path_mtu(*mtu);
            shared_.path_mtu(remote, *mtu);
        }
        counters_.count(ipsec::DropReason::outbound_too_big);
        too_big(sa, job.packet, *job.info);
    }
}

void Egress::too_big(ipsec::OutboundSa& sa, ByteView inner, const ipsec::PacketInfo& info) {
    const std::uint32_t path_mtu = sa.path_mtu();
    if (path_mtu == 0) { return; }
    std::uint32_t mtu = sa.inner_mtu(path_mtu);
    if (info.family == IpFamily::v6) { mtu = std::max(mtu, ipsec::mtu_v6_min); }
    answer(IcmpReason::too_big, inner, info, mtu);
}

void Egress::trap(const ipsec::FlowCache::Entry& entry, ByteView packet,
                  const ipsec::PacketInfo& info, Instant now) {
    if (!entry.decision.trap) {
        counters_.count(ipsec::DropReason::outbound_no_sa);
        return;
    }
    const auto kept = waiting_.keep(entry.decision.reqid, packet.first(info.total_size), now);
    counters_.count(kept.kept ? Happening::outbound_trapped : Happening::outbound_trap_dropped);
    if (!kept.kept) { counters_.count(ipsec::DropReason::outbound_no_sa); }
    if (kept.ask_for_sa) {
        shared_.acquire(entry.decision.reqid, selector_of(info.source, info.source_port, info),
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
    if (++answers_ > std::max(1U, icmp_errors_a_second_max / shared_.workers)) { return; }
    const auto reply = icmp_error(reason, packet, info, mtu);
    if (reply && tun_.write(*reply) == 0) { counters_.count(Happening::icmp_sent); }
}

void Egress::flush_waiting() {
    const Instant now = boot_time_now();
    tables_ = &view_.look();
    for (const ReqId reqid : waiting_.waiting()) {
        if (!tables_->sad.has_outbound(reqid)) { continue; }
        for (const Bytes& packet : waiting_.take(reqid)) {
            // Into the buffer that has room behind it; a packet that no SA covers yet waits again.
            std::copy(packet.begin(), packet.end(), packets_.get());
            ipsec::PacketInfo info;
            if (!ipsec::parse_packet(packet, info)) { continue; }
            carry({packets_.get(), packet.size()}, info, decide(info), now);
        }
    }
    run_.flush();
}

void Egress::tick() {
    run_.tick();
    tables_ = &view_.look();  // drops an old snapshot, and with it keys that nobody needs
    whole_packets_.tick(boot_time_now());
    const std::size_t gone = waiting_.expire(boot_time_now());
    for (std::size_t i = 0; i < gone; ++i) {
        counters_.count(Happening::outbound_trap_dropped);
        counters_.count(ipsec::DropReason::outbound_no_sa);
    }
}

}  // namespace culvert::plane
