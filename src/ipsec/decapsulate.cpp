#include <algorithm>
#include <array>
#include <cstring>

#include "ipsec/ah.hpp"
#include "ipsec/deliver.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/sa_core.hpp"

namespace culvert::ipsec {
namespace {

// Everything that can be said before the crypto: sizes, SPI, sequence number (RFC 4303 3.4.3: the
// window is looked at first so that replays cost little).
DropReason examine(InboundSa& sa, DecapJob& job, crypto::CipherJob& cipher) {
    const InboundSa::Core& core = sa.core();
    if (job.protocol != IpsecProtocol::esp) { return DropReason::inbound_outer_mismatch; }
    const std::size_t around = 8 + core.cipher.iv_size() + core.cipher.icv_size();
    if (job.esp.size() < around + 2) { return DropReason::inbound_malformed; }
    const std::size_t text_size = job.esp.size() - around;
    if ((text_size & (core.cipher.block() - 1)) != 0) { return DropReason::inbound_malformed; }
    const EspSpi spi{get_u32(job.esp, 0)};
    if (spi != core.spi) {
        return spi < esp_spi_min ? DropReason::inbound_reserved_spi : DropReason::inbound_no_sa;
    }
    std::uint64_t sequence = 0;
    if (!core.window.extend(get_u32(job.esp, 4), sequence) || !core.window.fresh(sequence)) {
        return DropReason::inbound_replay;
    }
    job.sequence = sequence;
    cipher = {.packet = job.esp.data(),
              .text_size = text_size,
              .text = nullptr,
              .sequence_high = static_cast<std::uint32_t>(sequence >> 32U)};
    return DropReason::none;
}

// Padding is 1, 2, 3... (RFC 4303 2.4). A bad one counts as a failed ICV: from outside the two must
// look alike.
bool strip_trailer(MutableByteView text, MutableByteView& payload, std::uint8_t& next_header) {
    const std::size_t padding = text[text.size() - 2];
    next_header = text[text.size() - 1];
    if (padding + 2 > text.size()) { return false; }
    const std::size_t size = text.size() - 2 - padding;
    unsigned wrong = 0;
    for (std::size_t i = 0; i < padding; ++i) {
        wrong |= text[size + i] ^ static_cast<unsigned>(i + 1);
    }
    if (wrong != 0) { return false; }
    payload = text.first(size);
    return true;
}

// What follows once the ICV is right and the window has taken the number.
DropReason finish(const InboundSa::Core& core, DecapJob& job) {
    const std::size_t front = 8 + core.cipher.iv_size();
    const MutableByteView text =
        job.esp.subspan(front, job.esp.size() - front - core.cipher.icv_size());
    MutableByteView payload;
    std::uint8_t next_header = 0;
    if (!strip_trailer(text, payload, next_header)) { return DropReason::inbound_integrity; }
    if (next_header == protocol_none) { return DropReason::inbound_dummy; }  // RFC 4303 2.6
    return deliver(core, job, payload, next_header);
}

void decapsulate_piece(InboundSa& sa, std::span<DecapJob> jobs, CryptoContext::Impl& context,
                       Instant now) {
    InboundSa::Core& core = sa.core();
    const std::uint64_t allowed = core.usage.allowed(jobs.size(), now);
    std::size_t good = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        DecapJob& job = jobs[i];
        job.packet = {};
        job.ecn_alarm = false;
        job.dropped =
            good < allowed ? examine(sa, job, context.jobs[good]) : DropReason::inbound_expired;
        if (job.dropped == DropReason::none) {
            context.owner[good++] = static_cast<std::uint8_t>(i);
        }
    }
    if (good == 0) { return; }
    core.cipher.open(context.lanes, std::span{context.jobs}.first(good));
    {
        const WindowGuard guard{core.window_busy};
        for (std::size_t i = 0; i < good; ++i) {
            DecapJob& job = jobs[context.owner[i]];
            if (!context.jobs[i].ok) {
                job.dropped = DropReason::inbound_integrity;
            } else if (!core.window.accept(job.sequence)) {
                job.dropped = DropReason::inbound_replay;
            }
        }
    }
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t arrived = 0;
    std::size_t largest = 0;
    for (std::size_t i = 0; i < good; ++i) {
        DecapJob& job = jobs[context.owner[i]];
        if (job.dropped != DropReason::none) { continue; }
        ++arrived;
        job.dropped = finish(core, job);
        if (job.dropped != DropReason::none) {
            job.packet = {};
            continue;
        }
        ++packets;
        bytes += job.packet.size();
        largest = std::max(largest, job.packet.size());
    }
    if (arrived != 0) { core.note_arrived(arrived, largest); }
    if (packets != 0) { core.usage.add(packets, bytes, now); }
}

}  // namespace

void decapsulate(InboundSa& sa, std::span<DecapJob> jobs, CryptoContext& crypto, Instant now) {
    if (sa.core().mac) {
        for (DecapJob& job : jobs) { decapsulate_ah(sa, job, crypto.impl(), now); }
        return;
    }
    while (!jobs.empty()) {
        const auto piece = jobs.first(std::min(jobs.size(), batch_max));
        decapsulate_piece(sa, piece, crypto.impl(), now);
        jobs = jobs.subspan(piece.size());
    }
}

DropReason decapsulate(InboundSa& sa, DecapJob& job, CryptoContext& crypto, Instant now) {
    if (sa.core().mac) { return decapsulate_ah(sa, job, crypto.impl(), now); }
    decapsulate_piece(sa, {&job, 1}, crypto.impl(), now);
    return job.dropped;
}

namespace {

// ESP behind an IPv4 header without options, whole: what parse_packet() would say of it, in a
// glance.
bool prepare_plain(MutableByteView outer, DecapJob& job) {
    constexpr std::size_t header = 20;
    if (outer.size() < header || outer[0] != 0x45 || outer[9] != protocol_esp) { return false; }
    const std::size_t total = get_u16(outer, 2);
    const bool fragment = (get_u16(outer, 6) & 0x3fffU) != 0;
    if (fragment || total < header || total > outer.size()) { return false; }
    job.protocol = IpsecProtocol::esp;
    job.esp = outer.subspan(header, total - header);
    job.outer_source = IpAddress::v4(get_u32(outer, 12));
    job.outer_destination = IpAddress::v4(get_u32(outer, 16));
    job.outer_traffic_class = outer[1];
    job.outer_hop_limit = outer[8];
    job.outer_header = outer.first(header);
    job.outer_next_header_at = 9;
    job.headroom = header;
    return true;
}

}  // namespace

DropReason prepare_decap(MutableByteView outer_packet, bool udp_encap, DecapJob& job) {
    if (!udp_encap && prepare_plain(outer_packet, job)) { return DropReason::none; }
    PacketInfo info;
    if (!parse_packet(outer_packet, info)) { return DropReason::inbound_malformed; }
    if (info.fragment) { return DropReason::inbound_fragment; }
    const bool ah = !udp_encap && info.protocol == protocol_ah;
    if (!ah && info.protocol != (udp_encap ? protocol_udp : protocol_esp)) {
        return DropReason::inbound_outer_mismatch;
    }
    job.protocol = ah ? IpsecProtocol::ah : IpsecProtocol::esp;
    std::size_t at = info.header_size;
    std::size_t end = info.total_size;
    if (udp_encap) {
        if (end - at < 8) { return DropReason::inbound_malformed; }
        const std::size_t udp_size = get_u16(outer_packet, at + 4);
        if (udp_size < 8 || udp_size > end - at) { return DropReason::inbound_malformed; }
        end = at + udp_size;
        at += 8;
    }
    job.esp = outer_packet.subspan(at, end - at);
    job.outer_source = info.source;
    job.outer_destination = info.destination;
    job.outer_traffic_class = info.traffic_class;
    job.outer_hop_limit = info.hop_limit;
    job.outer_header = outer_packet.first(info.header_size);
    job.outer_next_header_at = info.last_next_header_at;
    job.headroom = at;
    return DropReason::none;
}

CryptoContext::CryptoContext() : impl_(std::make_unique<Impl>()) {}
CryptoContext::CryptoContext(CryptoContext&&) noexcept = default;
CryptoContext& CryptoContext::operator=(CryptoContext&&) noexcept = default;
CryptoContext::~CryptoContext() = default;

}  // namespace culvert::ipsec
