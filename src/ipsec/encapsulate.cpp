#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "ipsec/ah.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/sa_core.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::size_t ipv4_payload_max = 65535 - 20;

// How one packet becomes text: which octets of it, and what surrounds them. Without initializers:
// a batch of them is not cleared first; lay_out() fills all of it.
struct Layout {
    const std::uint8_t* payload;
    std::size_t payload_size;
    std::size_t tfc;      // zeros behind the payload (RFC 4303 2.7)
    std::size_t padding;  // 1, 2, 3... (RFC 4303 2.4)
    std::uint8_t next_header;
    std::size_t text_size;
    std::size_t size;  // from SPI to ICV
};

std::size_t outer_header_size(const OutboundSa& sa, const Layout& layout, const EncapJob& job) {
    const std::size_t udp = sa.endpoints().udp_encap ? 8 : 0;
    if (sa.core().mode == IpsecMode::transport) {
        return static_cast<std::size_t>(layout.payload - job.packet.data()) + udp;
    }
    return (sa.endpoints().remote.address.is_v6() ? 40U : 20U) + udp;
}

std::size_t tfc_of(const OutboundSa& sa, std::size_t inner) {
    const OutboundSa::Core& core = sa.core();
    const auto wanted = core.tfc_padding;
    if (!wanted || core.mode == IpsecMode::transport) { return 0; }
    // Never more than the path takes: a packet that fits must not become one that does not.
    const std::size_t most = sa.inner_mtu(sa.path_mtu() == 0 ? 1500 : sa.path_mtu());
    const std::size_t target = std::min<std::size_t>(*wanted, most);
    return target > inner ? target - inner : 0;
}

DropReason lay_out(const OutboundSa& sa, const EncapJob& job, Layout& layout) {
    const OutboundSa::Core& core = sa.core();
    const PacketInfo& info = *job.info;
    layout.payload = job.packet.data();
    layout.payload_size = info.total_size;
    if (core.mode == IpsecMode::tunnel) {
        layout.next_header = info.family == IpFamily::v4 ? protocol_ipip : protocol_ipv6;
    } else {
        if (info.fragment) { return DropReason::outbound_fragment; }
        layout.payload += info.unprotected_size;
        layout.payload_size -= info.unprotected_size;
        layout.next_header = job.packet[info.next_header_at];
    }
    if (job.dummy) { layout.next_header = protocol_none; }
    layout.tfc = tfc_of(sa, layout.payload_size);
    const std::size_t unpadded = layout.payload_size + layout.tfc + 2;
    const auto aligned = [&](std::size_t size) {
        return (size + core.align - 1) & ~(core.align - 1);
    };
    const std::size_t around = 8 + core.cipher.iv_size() + core.cipher.icv_size();
    layout.text_size = aligned(unpadded);
    if (around + layout.text_size < job.size_min) {
        layout.text_size = aligned(job.size_min - around);
    }
    layout.padding = layout.text_size - unpadded;
    layout.size = around + layout.text_size;
    if (job.out.size() < layout.size) { return DropReason::outbound_no_room; }
    const std::size_t outer = outer_header_size(sa, layout, job) + layout.size;
    if (outer > ipv4_payload_max) { return DropReason::outbound_too_big; }
    // The sender is told (make_packet_too_big) where the packet may not be cut on its way.
    const std::uint32_t path_mtu = core.path_mtu.load(std::memory_order_relaxed);
    if (path_mtu != 0 && outer > path_mtu && info.dont_fragment && !is_never_too_big(info)) {
        return DropReason::outbound_too_big;
    }
    return DropReason::none;
}

// TFC padding, padding, pad length and next header (RFC 4303 2.4-2.7).
void write_trailer(std::uint8_t* at, const Layout& layout) {
    if (layout.tfc != 0) {
        std::memset(at, 0, layout.tfc);
        at += layout.tfc;
    }
    for (std::size_t i = 0; i < layout.padding; ++i) { at[i] = static_cast<std::uint8_t>(i + 1); }
    at[layout.padding] = static_cast<std::uint8_t>(layout.padding);
    at[layout.padding + 1] = layout.next_header;
}

void write_iv(const OutboundSa::Core& core, std::uint64_t sequence, std::uint8_t* iv) {
    const std::size_t size = core.cipher.iv_size();
    const MutableByteView out{iv, size};
    if (core.fixed_iv) {
        std::copy_n(core.fixed_iv->begin(), std::min(size, core.fixed_iv->size()), out.begin());
    } else if (core.iv_generator) {
        core.iv_generator->block(sequence, out);
    } else if (size == 8) {
        // Counter modes need an IV that never repeats under a key, nothing more (RFC 4106 3.1): the
        // whole sequence number, high word included even where ESN is off.
        set_number(out, 0, sequence);
    }
}

// The octets behind a packet that is encrypted where it lies; put back afterwards.
struct Borrowed {
    static constexpr std::size_t size_max = 32;
    std::uint8_t* at;  // set for each packet; not cleared first, as Layout
    std::array<std::uint8_t, size_max> saved;

    // All of them always: trailer_size_max are the caller's to lend, and a copy of fixed size is
    // two instructions.
    void borrow(std::uint8_t* octets) {
        at = octets;
        std::memcpy(saved.data(), at, size_max);
    }
    void give_back() const {
        if (at != nullptr) { std::memcpy(at, saved.data(), size_max); }
    }
};

// Header, IV and plaintext of one packet, ready to be sealed.
void prepare(const OutboundSa& sa, EncapJob& job, const Layout& layout, std::uint64_t sequence,
             crypto::CipherJob& cipher, Borrowed& borrowed) {
    const OutboundSa::Core& core = sa.core();
    std::uint8_t* const esp = job.out.data();
    set_number(job.out, 0,
               std::uint64_t{core.spi.value()} << 32U | static_cast<std::uint32_t>(sequence));
    write_iv(core, sequence, esp + 8);
    std::uint8_t* const text = esp + 8 + core.cipher.iv_size();
    const std::size_t trailer = layout.text_size - layout.payload_size;
    cipher = {.packet = esp,
              .text_size = layout.text_size,
              .text = nullptr,
              .sequence_high = static_cast<std::uint32_t>(sequence >> 32U)};
    borrowed.at = nullptr;
    if (job.tail_room && trailer <= Borrowed::size_max) {
        // tail_room says that what lies behind the packet is the caller's to lend.
        auto* const tail = const_cast<std::uint8_t*>(layout.payload + layout.payload_size);
        borrowed.borrow(tail);
        write_trailer(tail, layout);
        cipher.text = layout.payload;
    } else {
        if (text != layout.payload) { std::memcpy(text, layout.payload, layout.payload_size); }
        write_trailer(text + layout.payload_size, layout);
    }
    job.size = static_cast<std::uint32_t>(layout.size);
    job.outer = outer_fields_of(sa, *job.info);
}

SequenceCounter::Block from_front(SequenceNumbers& numbers, std::uint64_t wanted) {
    const std::uint64_t count = std::min(wanted, numbers.count);
    const SequenceCounter::Block out{.first = numbers.first, .count = count};
    numbers.first += count;
    numbers.count -= count;
    return out;
}

// At most batch_max jobs. `taken`: their numbers; null: they take them now.
void encapsulate_piece(OutboundSa& sa, std::span<EncapJob> jobs, SequenceNumbers* taken,
                       CryptoContext::Impl& context, Instant now) {
    OutboundSa::Core& core = sa.core();
    std::array<Layout, batch_max> layouts;
    std::array<Borrowed, batch_max> borrowed;
    std::size_t good = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i].size = 0;
        jobs[i].dropped = lay_out(sa, jobs[i], layouts[good]);
        if (jobs[i].dropped == DropReason::none) {
            context.owner[good++] = static_cast<std::uint8_t>(i);
        }
    }
    const std::uint64_t allowed = core.usage.allowed(good, now);
    const SequenceCounter::Block numbers =
        taken == nullptr ? core.sequence.reserve(allowed) : from_front(*taken, allowed);
    for (std::size_t i = numbers.count; i < good; ++i) {
        jobs[context.owner[i]].dropped =
            i < allowed ? DropReason::outbound_sequence_overflow : DropReason::outbound_expired;
    }
    good = numbers.count;
    if (good == 0) { return; }
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < good; ++i) {
        prepare(sa, jobs[context.owner[i]], layouts[i], numbers.first + i, context.jobs[i],
                borrowed[i]);
        bytes += jobs[context.owner[i]].info->total_size;
    }
    core.cipher.seal(context.lanes, std::span{context.jobs}.first(good));
    for (std::size_t i = 0; i < good; ++i) {
        borrowed[i].give_back();
        if (!context.jobs[i].ok) {
            jobs[context.owner[i]].dropped = DropReason::outbound_crypto;
            jobs[context.owner[i]].size = 0;
        }
    }
    core.usage.add(good, bytes, now);
}

// A new header of the outer family (RFC 4301 5.1.2).
std::size_t write_tunnel_header(const OutboundSa& sa, const EncapJob& job,
                                std::uint16_t identification, std::size_t behind,
                                std::uint8_t protocol, MutableByteView out) {
    const IpAddress& source = sa.endpoints().local.address;
    const IpAddress& destination = sa.endpoints().remote.address;
    if (destination.is_v4()) {
        if (out.size() < 20) { return 0; }
        // In whole words, and summed before they are stored: memory that was just written in
        // pieces is slow to read in one.
        const std::uint32_t first = 0x45U << 24U | std::uint32_t{job.outer.traffic_class} << 16U |
                                    static_cast<std::uint16_t>(20 + behind);
        const std::uint32_t second =
            std::uint32_t{identification} << 16U | (job.outer.dont_fragment ? 0x4000U : 0U);
        const std::uint32_t third =
            std::uint32_t{job.outer.hop_limit} << 24U | std::uint32_t{protocol} << 16U;
        const std::uint32_t from = get_u32(source.octets(), 0);
        const std::uint32_t to = get_u32(destination.octets(), 0);
        const std::uint64_t sum = std::uint64_t{first} + second + third + from + to;
        const std::uint64_t folded = (sum >> 32U) + (sum >> 16U & 0xffffU) + (sum & 0xffffU);
        set_u32(out, 0, first);
        set_u32(out, 4, second);
        set_u32(out, 8, third | finish_checksum(static_cast<std::uint32_t>(folded)));
        set_u32(out, 12, from);
        set_u32(out, 16, to);
        return 20;
    }
    if (out.size() < 40) { return 0; }
    set_u32(out, 0,
            6U << 28U | std::uint32_t{job.outer.traffic_class} << 20U | job.outer.flow_label);
    set_u16(out, 4, static_cast<std::uint16_t>(behind));
    out[6] = protocol;
    out[7] = job.outer.hop_limit;
    std::copy_n(source.octets().begin(), 16, out.begin() + 8);
    std::copy_n(destination.octets().begin(), 16, out.begin() + 24);
    return 40;
}

// The packet's own header, which now names ESP and another length.
std::size_t write_transport_header(const EncapJob& job, std::size_t behind, std::uint8_t protocol,
                                   MutableByteView out) {
    const std::size_t size = job.info->unprotected_size;
    if (out.size() < size) { return 0; }
    std::copy_n(job.packet.begin(), size, out.begin());
    out[job.info->next_header_at] = protocol;
    if (job.info->family == IpFamily::v4) {
        set_u16(out, 2, static_cast<std::uint16_t>(size + behind));
        set_ipv4_checksum(out.first(size));
    } else {
        set_u16(out, 4, static_cast<std::uint16_t>(size - 40 + behind));
    }
    return size;
}

}  // namespace

void encapsulate(OutboundSa& sa, std::span<EncapJob> jobs, CryptoContext& crypto, Instant now) {
    if (sa.core().mac) {
        for (EncapJob& job : jobs) { encapsulate_ah(sa, job, crypto.impl(), now); }
        return;
    }
    while (!jobs.empty()) {
        const auto piece = jobs.first(std::min(jobs.size(), batch_max));
        encapsulate_piece(sa, piece, nullptr, crypto.impl(), now);
        jobs = jobs.subspan(piece.size());
    }
}

SequenceNumbers take_numbers(OutboundSa& sa, std::uint64_t count) {
    const SequenceCounter::Block block = sa.core().sequence.reserve(count);
    return {.first = block.first, .count = block.count};
}

void encapsulate(OutboundSa& sa, std::span<EncapJob> jobs, SequenceNumbers& numbers,
                 CryptoContext& crypto, Instant now) {
    ASSERT(!sa.core().mac);
    while (!jobs.empty()) {
        const auto piece = jobs.first(std::min(jobs.size(), batch_max));
        encapsulate_piece(sa, piece, &numbers, crypto.impl(), now);
        jobs = jobs.subspan(piece.size());
    }
}

DropReason encapsulate(OutboundSa& sa, EncapJob& job, CryptoContext& crypto, Instant now) {
    OutboundSa::Core& core = sa.core();
    CryptoContext::Impl& context = crypto.impl();
    if (core.mac) { return encapsulate_ah(sa, job, context, now); }
    Layout layout;
    Borrowed borrowed;
    job.size = 0;
    job.dropped = lay_out(sa, job, layout);
    if (job.dropped != DropReason::none) { return job.dropped; }
    if (core.usage.allowed(1, now) == 0) { return job.dropped = DropReason::outbound_expired; }
    const SequenceCounter::Block number = core.sequence.reserve(1);
    if (number.count == 0) { return job.dropped = DropReason::outbound_sequence_overflow; }
    prepare(sa, job, layout, number.first, context.jobs[0], borrowed);
    core.cipher.seal(context.lanes, std::span{context.jobs}.first(1));
    borrowed.give_back();
    if (!context.jobs[0].ok) {
        job.size = 0;
        return job.dropped = DropReason::outbound_crypto;
    }
    core.usage.add(1, job.info->total_size, now);
    return DropReason::none;
}

std::size_t build_outer_header(const OutboundSa& sa, const EncapJob& job,
                               std::uint16_t identification, MutableByteView out) {
    const SaEndpoints& endpoints = sa.endpoints();
    const std::size_t udp = endpoints.udp_encap ? 8 : 0;
    const std::size_t behind = job.size + udp;
    const bool ah = sa.core().mac.has_value();
    const std::uint8_t protocol = endpoints.udp_encap ? protocol_udp
                                  : ah                ? protocol_ah
                                                      : protocol_esp;
    if (ah) { identification = job.identification; }
    if (!ah && job.outer.dont_fragment) { identification = 0; }  // RFC 6864 4.1
    const std::size_t ip = sa.core().mode == IpsecMode::tunnel
                               ? write_tunnel_header(sa, job, identification, behind, protocol, out)
                               : write_transport_header(job, behind, protocol, out);
    if (ip == 0 || out.size() < ip + udp) { return 0; }
    if (udp != 0) {
        set_u16(out, ip, endpoints.local.port);
        set_u16(out, ip + 2, endpoints.remote.port);
        set_u16(out, ip + 4, static_cast<std::uint16_t>(behind));
        set_u16(out, ip + 6, 0);
    }
    return ip + udp;
}

}  // namespace culvert::ipsec
