#include "plane/user/ingress.hpp"

#include <algorithm>

#include "ipsec/header_fields.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {

void Ingress::esp_in_udp(const Arrival& arrival) {
    ipsec::DecapJob job;
    job.esp = arrival.octets;
    job.outer_source = arrival.remote.address;
    job.outer_destination = arrival.local.address;
    job.outer_traffic_class = arrival.traffic_class;
    job.outer_hop_limit = arrival.hop_limit;
    // In a run the octets before this packet belong to the one before, which is done with.
    job.headroom = ReceiveBuffers::headroom;
    open(job, &arrival);
}

void Ingress::native_esp(const Arrival& arrival) {
    ipsec::DecapJob job;
    if (arrival.remote.address.is_v4()) {
        const ipsec::DropReason refused = ipsec::prepare_decap(arrival.octets, false, job);
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
    open(job, nullptr);
}

void Ingress::native_ah(const Arrival& arrival) {
    MutableByteView packet = arrival.octets;
    if (arrival.remote.address.is_v6()) {
        // ReceiveBuffers::headroom is in front.
        packet = {arrival.octets.data() - 40, arrival.octets.size() + 40};
        ipsec::set_u32(packet, 0, 6U << 28U | std::uint32_t{arrival.traffic_class} << 20U);
        ipsec::set_u16(packet, 4, static_cast<std::uint16_t>(arrival.octets.size()));
        packet[6] = ipsec::protocol_ah;
        packet[7] = arrival.hop_limit;
        std::ranges::copy(arrival.remote.address.octets(), packet.begin() + 8);
        std::ranges::copy(arrival.local.address.octets(), packet.begin() + 24);
    }
    ipsec::DecapJob job;
    const ipsec::DropReason refused = ipsec::prepare_decap(packet, false, job);
    if (refused != ipsec::DropReason::none) {
        counters_.count(refused);
        return;
    }
    open(job, nullptr);
}

void Ingress::open(ipsec::DecapJob& job, const Arrival* in_udp) {
    counters_.count(Happening::esp_packets_received);
    const Instant now = boot_time_now();
    const Tables& tables = view_.look();
    const auto spi = ipsec::peek_spi(job);
    if (!spi) {
        counters_.count(ipsec::DropReason::inbound_malformed);
        return;
    }
    ipsec::InboundSa* sa = tables.sad.find(*spi);
    if (sa == nullptr) {
        counters_.count(*spi < esp_spi_min ? ipsec::DropReason::inbound_reserved_spi
                                           : ipsec::DropReason::inbound_no_sa);
        return;
    }
    const ipsec::DropReason dropped = ipsec::decapsulate(*sa, job, crypto_, now);
    if (dropped == ipsec::DropReason::none) {
        if (shared_.tun.write(job.packet.first(job.info.total_size)) == 0) {
            counters_.count(Happening::tun_packets_written);
        } else {
            counters_.count(Happening::tun_write_failed);
        }
    } else {
        counters_.count(dropped);
    }
    // A dummy is authentic too (RFC 4303 2.6), and so is what the selectors refuse; but only what
    // we let in shall move a peer.
    const bool let_in =
        dropped == ipsec::DropReason::none || dropped == ipsec::DropReason::inbound_dummy;
    // A late packet from before the change must not turn it back.
    if (in_udp != nullptr && let_in && job.sequence >= sa->highest_sequence()) {
        look_at_mapping(*sa, in_udp->remote);
    }
    if (const auto event = sa->take_lifetime_event(now); event != ipsec::LifetimeEvent::none) {
        shared_.lifetime(sa->id(), event);
    }
}

void Ingress::look_at_mapping(const ipsec::InboundSa& sa, const Endpoint& remote) {
    const ipsec::SaEndpoints& ends = sa.endpoints();
    if (!ends.udp_encap || ends.remote == remote) { return; }
    // Once a tick for one SA: a peer that flaps between two mappings does not flood.
    if (!told_.insert(sa.id()).second) { return; }
    counters_.count(Happening::mapping_changes);
    shared_.events.mapping_changed(sa.id(), remote);
}

}  // namespace culvert::plane
