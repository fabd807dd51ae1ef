#include <algorithm>
#include <array>
#include <cstring>

#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/sa_core.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {
namespace {

// Everything that can be said before the crypto: sizes, SPI, sequence number (RFC 4303 3.4.3: the
// window is looked at first so that replays cost little).
DropReason examine(InboundSa& sa, DecapJob& job, crypto::CipherJob& cipher) {
    const InboundSa::Core& core = sa.core();
    const std::size_t around = 8 + core.cipher.iv_size() + core.cipher.icv_size();
    if (job.esp.size() < around + 2) { return DropReason::inbound_malformed; }
    const std::size_t text_size = job.esp.size() - around;
    if (text_size % core.cipher.block() != 0) { return DropReason::inbound_malformed; }
    const EspSpi spi{get_u32(job.esp, 0)};
    if (spi != core.spi) {
        return spi < esp_spi_min ? DropReason::inbound_reserved_spi : DropReason::inbound_no_sa;
    }
    if (core.suite.protocol != IpsecProtocol::esp) { return DropReason::inbound_outer_mismatch; }
    const auto sequence = core.window.extend(get_u32(job.esp, 4));
    if (!sequence || !core.window.fresh(*sequence)) { return DropReason::inbound_replay; }
    job.sequence = *sequence;
    cipher = {.packet = job.esp.data(),
              .text_size = text_size,
              .text = nullptr,
              .sequence_high = static_cast<std::uint32_t>(*sequence >> 32U)};
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

DropReason settle_tunnel_fields(const InboundSa::Core& core, DecapJob& job) {
    const std::uint8_t inner = job.info.traffic_class;
    std::uint8_t settled = inner;
    if (core.rules.copy_dscp == DscpCopy::in || core.rules.copy_dscp == DscpCopy::both) {
        settled = static_cast<std::uint8_t>((job.outer_traffic_class & 0xfcU) | (inner & 3U));
    }
    if (core.rules.copy_ecn) {
        const EcnResult ecn = decapsulated_ecn(inner, job.outer_traffic_class);
        job.ecn_alarm = ecn.alarm;
        if (ecn.drop) { return DropReason::inbound_ecn; }
        settled = static_cast<std::uint8_t>((settled & 0xfcU) | ecn.ecn);
    }
    if (settled != inner) {
        set_traffic_class(job.packet, settled);
        job.info.traffic_class = settled;
    }
    return DropReason::none;
}

DropReason deliver_tunnel(const InboundSa::Core& core, DecapJob& job, MutableByteView payload,
                          std::uint8_t next_header) {
    if (next_header != protocol_ipip && next_header != protocol_ipv6) {
        return DropReason::inbound_next_header;
    }
    if (!parse_packet(payload, job.info)) { return DropReason::inbound_inner_malformed; }
    const bool v4 = next_header == protocol_ipip;
    if (v4 != (job.info.family == IpFamily::v4)) { return DropReason::inbound_inner_malformed; }
    // What is behind the inner packet is padding against traffic analysis (RFC 4303 2.7).
    job.packet = payload.first(job.info.total_size);
    return settle_tunnel_fields(core, job);
}

// A header for a payload whose own was not handed in (UDP sockets keep it).
std::size_t make_header(const DecapJob& job, MutableByteView out) {
    if (job.outer_source.is_v4()) {
        std::fill_n(out.begin(), 20, std::uint8_t{0});
        out[0] = 0x45;
        out[1] = job.outer_traffic_class;
        out[8] = job.outer_hop_limit;
        std::ranges::copy(job.outer_source.octets(), out.begin() + 12);
        std::ranges::copy(job.outer_destination.octets(), out.begin() + 16);
        return 20;
    }
    set_u32(out, 0, 6U << 28U | std::uint32_t{job.outer_traffic_class} << 20U);
    set_u32(out, 4, job.outer_hop_limit);
    std::ranges::copy(job.outer_source.octets(), out.begin() + 8);
    std::ranges::copy(job.outer_destination.octets(), out.begin() + 24);
    return 40;
}

// Puts the IP header back in front of the payload, naming what ESP carried (RFC 4303 3.1.1).
DropReason deliver_transport(DecapJob& job, MutableByteView payload, std::uint8_t next_header) {
    const bool made = job.outer_header.empty();
    const bool v4 = made ? job.outer_source.is_v4() : job.outer_header[0] >> 4U == 4;
    const std::size_t minimum = v4 ? 20 : 40;
    const std::size_t size = made ? minimum : job.outer_header.size();
    const auto before = static_cast<std::size_t>(payload.data() - job.esp.data()) + job.headroom;
    if (size < minimum || before < size) { return DropReason::inbound_no_room; }
    const MutableByteView packet{payload.data() - size, size + payload.size()};
    if (made) {
        make_header(job, packet);
    } else {
        // It may lie in the octets that it moves to.
        std::memmove(packet.data(), job.outer_header.data(), size);
    }
    const std::size_t named_at =
        job.outer_next_header_at != 0 ? job.outer_next_header_at : (v4 ? 9U : 6U);
    if (named_at >= size) { return DropReason::inbound_malformed; }
    packet[named_at] = next_header;
    if (v4) {
        set_u16(packet, 2, static_cast<std::uint16_t>(packet.size()));
        set_ipv4_checksum(packet.first(size));
    } else {
        set_u16(packet, 4, static_cast<std::uint16_t>(packet.size() - 40));
    }
    if (!parse_packet(packet, job.info)) { return DropReason::inbound_inner_malformed; }
    job.packet = packet;
    return DropReason::none;
}

// What follows once the ICV is right and the window has taken the number.
DropReason deliver(InboundSa& sa, DecapJob& job) {
    const InboundSa::Core& core = sa.core();
    const std::size_t front = 8 + core.cipher.iv_size();
    const MutableByteView text =
        job.esp.subspan(front, job.esp.size() - front - core.cipher.icv_size());
    MutableByteView payload;
    std::uint8_t next_header = 0;
    if (!strip_trailer(text, payload, next_header)) { return DropReason::inbound_integrity; }
    if (next_header == protocol_none) { return DropReason::inbound_dummy; }  // RFC 4303 2.6
    const DropReason reason = core.mode == IpsecMode::tunnel
                                  ? deliver_tunnel(core, job, payload, next_header)
                                  : deliver_transport(job, payload, next_header);
    if (reason != DropReason::none) { return reason; }
    // RFC 4301 5.2 step 4: no peer may put other packets into the SA than those agreed on.
    if (!matches_inbound(job.info, core.local_ts, core.remote_ts)) {
        return DropReason::inbound_selectors;
    }
    return DropReason::none;
}

class WindowGuard {
 public:
    explicit WindowGuard(std::atomic_flag& busy) : busy_(busy) {
        while (busy_.test_and_set(std::memory_order_acquire)) {}
    }
    ~WindowGuard() { busy_.clear(std::memory_order_release); }
    WindowGuard(const WindowGuard&) = delete;
    WindowGuard& operator=(const WindowGuard&) = delete;
    WindowGuard(WindowGuard&&) = delete;
    WindowGuard& operator=(WindowGuard&&) = delete;

 private:
    std::atomic_flag& busy_;
};

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
    for (std::size_t i = 0; i < good; ++i) {
        DecapJob& job = jobs[context.owner[i]];
        if (job.dropped != DropReason::none) { continue; }
        job.dropped = deliver(sa, job);
        if (job.dropped != DropReason::none) {
            job.packet = {};
            continue;
        }
        ++packets;
        bytes += job.packet.size();
    }
    if (packets != 0) { core.usage.add(packets, bytes, now); }
}

}  // namespace

void decapsulate(InboundSa& sa, std::span<DecapJob> jobs, CryptoContext& crypto, Instant now) {
    while (!jobs.empty()) {
        const auto piece = jobs.first(std::min(jobs.size(), batch_max));
        decapsulate_piece(sa, piece, crypto.impl(), now);
        jobs = jobs.subspan(piece.size());
    }
}

DropReason decapsulate(InboundSa& sa, DecapJob& job, CryptoContext& crypto, Instant now) {
    decapsulate_piece(sa, {&job, 1}, crypto.impl(), now);
    return job.dropped;
}

DropReason prepare_decap(MutableByteView outer_packet, bool udp_encap, DecapJob& job) {
    PacketInfo info;
    if (!parse_packet(outer_packet, info)) { return DropReason::inbound_malformed; }
    if (info.fragment) { return DropReason::inbound_fragment; }
    if (info.protocol != (udp_encap ? protocol_udp : protocol_esp)) {
        return DropReason::inbound_outer_mismatch;
    }
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
