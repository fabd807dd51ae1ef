#include "plane/user/ingress.hpp"

#include <algorithm>
#include <utility>

#include "ipsec/header_fields.hpp"
#include "ipsec/mss_clamp.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {

void TunWriter::write(const ipsec::Coalesced& packet) {
    counters_.count(Happening::tun_writes);
    const bool written = tun_.write(packet) == 0;
    counters_.count(written ? Happening::tun_packets_written : Happening::tun_write_failed,
                    packet.packets);
}

void Ingress::esp_in_udp(const Arrival& run) {
    open_pending();
    counters_.count(Happening::esp_receives);
    counters_.count(Happening::esp_octets_received, run.octets.size());
    std::size_t count = 0;
    for (std::size_t at = 0; at < run.octets.size(); at += run.stride) {
        // In a run the octets before this packet belong to the one before.
        jobs_[count++].arrive(run.octets.subspan(at, std::min(run.stride, run.octets.size() - at)),
                              run.remote.address, run.local.address, run.traffic_class,
                              run.hop_limit, ReceiveBuffers::headroom);
        if (count == jobs_.size()) {
            open({jobs_.data(), count}, &run);
            count = 0;
        }
    }
    if (count != 0) { open({jobs_.data(), count}, &run); }
}

void Ingress::native_esp(const Arrival& arrival) {
    counters_.count(Happening::esp_receives);
    counters_.count(Happening::esp_octets_received, arrival.octets.size());
    if (pending_in_udp_) { open_pending(); }
    ipsec::DecapJob& job = jobs_[pending_];
    job = {};
    if (arrival.remote.address.is_v4() || arrival.extensions != 0) {
        const MutableByteView packet =
            arrival.extensions == 0 ? arrival.octets : with_header(arrival, ipsec::protocol_esp);
        const ipsec::DropReason refused = ipsec::prepare_decap(packet, false, job);
        if (refused != ipsec::DropReason::none) {
            counters_.count(refused);
            return;
        }
    } else {
        // The kernel has taken the IPv6 header off.
        job.esp = arrival.octets;
        job.outer_source = arrival.remote.address;
        job.outer_destination = arrival.local.address;
        job.outer_traffic_class = arrival.traffic_class;
        job.outer_hop_limit = arrival.hop_limit;
        job.headroom = ReceiveBuffers::headroom;
    }
    if (++pending_ == jobs_.size()) { open_pending(); }
}

void Ingress::open_pending() {
    if (pending_ == 0) { return; }
    const std::size_t count = std::exchange(pending_, 0);
    const auto in_udp = std::exchange(pending_in_udp_, std::nullopt);
    open({jobs_.data(), count}, in_udp ? &*in_udp : nullptr);
}

void Ingress::from_xdp(const Arrival& arrival) {
    counters_.count(Happening::esp_packets_from_xdp);
    if (!arrival.in_udp()) {
        native_esp(arrival);
        return;
    }
    counters_.count(Happening::esp_receives);
    counters_.count(Happening::esp_octets_received, arrival.octets.size());
    const bool same = pending_in_udp_ && pending_in_udp_->remote == arrival.remote &&
                      pending_in_udp_->local == arrival.local;
    if (!same) {
        open_pending();
        pending_in_udp_ = arrival;
    }
    jobs_[pending_].arrive(arrival.octets, arrival.remote.address, arrival.local.address,
                           arrival.traffic_class, arrival.hop_limit, ReceiveBuffers::headroom);
    if (++pending_ == jobs_.size()) { open_pending(); }
}

void Ingress::stray(const Arrival& run) { run.in_udp() ? esp_in_udp(run) : native_esp(run); }

// The IPv6 header that the kernel has taken off goes in front again: ReceiveBuffers::headroom is
// there.
MutableByteView Ingress::with_header(const Arrival& arrival, std::uint8_t protocol) {
    const std::size_t before = 40 + arrival.extensions;
    const MutableByteView packet{arrival.octets.data() - before, arrival.octets.size() + before};
    ipsec::set_u32(packet, 0, 6U << 28U | std::uint32_t{arrival.traffic_class} << 20U);
    ipsec::set_u16(packet, 4, static_cast<std::uint16_t>(packet.size() - 40));
    packet[6] = arrival.extensions == 0 ? protocol : arrival.first_extension;
    packet[7] = arrival.hop_limit;
    std::ranges::copy(arrival.remote.address.octets(), packet.begin() + 8);
    std::ranges::copy(arrival.local.address.octets(), packet.begin() + 24);
    return packet;
}

void Ingress::native_ah(const Arrival& arrival) {
    counters_.count(Happening::esp_receives);
    counters_.count(Happening::esp_octets_received, arrival.octets.size());
    const MutableByteView packet =
        arrival.remote.address.is_v4() ? arrival.octets : with_header(arrival, ipsec::protocol_ah);
    ipsec::DecapJob job;
    const ipsec::DropReason refused = ipsec::prepare_decap(packet, false, job);
    if (refused != ipsec::DropReason::none) {
        counters_.count(refused);
        return;
    }
    open({&job, 1}, nullptr);
}

// A run may mix SAs: the kernel coalesces by addresses and ports. Neighbours of one SPI are opened
// together, and the SAs of all are looked for at once, so that memory is waited for once.
void Ingress::open(std::span<ipsec::DecapJob> jobs, const Arrival* in_udp) {
    const Instant now = boot_time_now();
    tables_ = &view_.look();
    std::array<EspSpi, ipsec::batch_max> spis;
    std::array<std::size_t, ipsec::batch_max> counts;
    std::array<ipsec::InboundSa*, ipsec::batch_max> sas;
    std::size_t groups = 0;
    for (const ipsec::DecapJob& job : jobs) {
        const EspSpi spi = ipsec::peek_spi(job).value_or(EspSpi{});
        if (groups != 0 && spis[groups - 1] == spi) {
            ++counts[groups - 1];
        } else {
            spis[groups] = spi;
            counts[groups++] = 1;
        }
    }
    tables_->sad.find(std::span{spis}.first(groups), std::span{sas}.first(groups));
    for (std::size_t i = 0; i < groups; ++i) {
        open(spis[i], sas[i], jobs.first(counts[i]), in_udp, now);
        jobs = jobs.subspan(counts[i]);
    }
}

// All of one SPI; `sa` is null when there is none.
void Ingress::open(EspSpi spi, ipsec::InboundSa* sa, std::span<ipsec::DecapJob> jobs,
                   const Arrival* in_udp, Instant now) {
    if (sa != nullptr && shared_.owner(spi) != worker_) {
        hand_over(jobs, shared_.owner(spi), in_udp);
        return;
    }
    counters_.count(Happening::esp_packets_received, jobs.size());
    if (sa != nullptr) {
        open(*sa, jobs, in_udp, now);
    } else if (!ipsec::peek_spi(jobs[0])) {
        counters_.count(ipsec::DropReason::inbound_malformed, jobs.size());
    } else {
        counters_.count(spi < esp_spi_min ? ipsec::DropReason::inbound_reserved_spi
                                          : ipsec::DropReason::inbound_no_sa,
                        jobs.size());
    }
}

// Neighbours in the run they came in are neighbours in what is handed over.
void Ingress::hand_over(std::span<const ipsec::DecapJob> jobs, unsigned owner,
                        const Arrival* in_udp) {
    Arrival stray;
    if (in_udp != nullptr) { stray = *in_udp; }
    if (in_udp != nullptr && in_udp->octets.size() > in_udp->stride) {
        stray.octets = {jobs.front().esp.data(), jobs.back().esp.data() + jobs.back().esp.size()};
        const bool taken = shared_.hand_over(owner, stray);
        counters_.count(taken ? Happening::strays_handed_over : Happening::strays_dropped,
                        jobs.size());
        return;
    }
    // Each came by itself.
    for (const ipsec::DecapJob& job : jobs) {
        // IPv4's header lies in front.
        const std::size_t header = job.outer_header.size();
        stray.octets = {job.esp.data() - header, job.esp.size() + header};
        stray.stride = stray.octets.size();
        stray.traffic_class = job.outer_traffic_class;
        stray.hop_limit = job.outer_hop_limit;
        stray.remote.address = job.outer_source;
        stray.local.address = job.outer_destination;
        const bool taken = shared_.hand_over(owner, stray);
        counters_.count(taken ? Happening::strays_handed_over : Happening::strays_dropped);
    }
}

void Ingress::open(ipsec::InboundSa& sa, std::span<ipsec::DecapJob> jobs, const Arrival* in_udp,
                   Instant now) {
    if (sa.mode() == IpsecMode::transport && sa.suite().protocol == IpsecProtocol::esp) {
        // The header that comes back overwrites the end of the packet before: that one must be
        // gone.
        for (ipsec::DecapJob& job : jobs) {
            coalescer_.flush();
            ipsec::decapsulate(sa, job, crypto_, now);
            deliver(sa, job, in_udp);
            coalescer_.flush();
        }
    } else {
        while (!jobs.empty()) {
            const std::size_t many = sa.batch_of(jobs[0].esp.size());
            const auto hot = jobs.first(std::min(jobs.size(), many));
            ipsec::decapsulate(sa, hot, crypto_, now);
            for (ipsec::DecapJob& job : hot) { deliver(sa, job, in_udp); }
            jobs = jobs.subspan(hot.size());
        }
    }
    if (const auto event = sa.take_lifetime_event(now); event != ipsec::LifetimeEvent::none) {
        shared_.lifetime(sa.id(), event);
    }
}

void Ingress::deliver(const ipsec::InboundSa& sa, ipsec::DecapJob& job, const Arrival* in_udp) {
    if (job.ecn_alarm) { counters_.count(Happening::ecn_alarms); }
    if (job.dropped == ipsec::DropReason::none) {
        clamp(sa, job);
        coalescer_.add(job.packet.first(job.info.total_size), job.info);
    } else {
        counters_.count(job.dropped);
    }
    // A dummy is authentic too (RFC 4303 2.6), and so is what the selectors refuse; but only what
    // we let in shall move a peer.
    const bool let_in =
        job.dropped == ipsec::DropReason::none || job.dropped == ipsec::DropReason::inbound_dummy;
    // A late packet from before the change must not turn it back.
    if (in_udp != nullptr && let_in && job.sequence >= sa.highest_sequence()) {
        look_at_mapping(sa, in_udp->remote);
    }
}

// What the inner network will send back through the SA of the other direction must fit it.
void Ingress::clamp(const ipsec::InboundSa& sa, ipsec::DecapJob& job) const {
    if (!ipsec::announces_mss(job.packet, job.info) || sa.mode() != IpsecMode::tunnel) { return; }
    const ipsec::OutboundSa* back = tables_->sad.newest_outbound(sa.reqid());
    if (back == nullptr) { return; }
    ipsec::clamp_mss(job.packet, job.info, back->inner_mtu(back->path_mtu()));
}

void Ingress::look_at_mapping(const ipsec::InboundSa& sa, const Endpoint& remote) {
    const ipsec::SaEndpoints& ends = sa.endpoints();
    if (!ends.udp_encap || ends.remote == remote || ends.stream != StreamId{}) { return; }
    // Once a tick for one SA: a peer that flaps between two mappings does not flood.
    if (!told_.insert(sa.id()).second) { return; }
    counters_.count(Happening::mapping_changes);
    shared_.events.mapping_changed(sa.id(), remote);
}

}  // namespace culvert::plane
