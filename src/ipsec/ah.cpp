#include "ipsec/ah.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "ipsec/deliver.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/sa_core.hpp"

namespace culvert::ipsec {
namespace {

// Next header, payload length, RESERVED, SPI and sequence number (RFC 4302 2).
constexpr std::size_t fixed_size = 12;

IpFamily family_of(const OutboundSa& sa, const EncapJob& job) {
    return sa.mode() == IpsecMode::transport ? job.info->family
                                             : sa.endpoints().remote.address.family();
}

// The ICV of a packet whose ICV field is zero, into `icv`.
bool compute(const crypto::PacketMac& mac, ByteView header, ByteView ah_and_payload,
             std::optional<std::uint32_t> sequence_high, MutableByteView icv) {
    std::array<std::uint8_t, 4> high{};
    std::array<ByteView, 3> pieces{header, ah_and_payload, {}};
    if (sequence_high) {
        // Authenticated behind the payload, never sent (RFC 4302 3.3.3.2.2).
        set_u32(high, 0, *sequence_high);
        pieces[2] = high;
    }
    return mac.compute(std::span{pieces}.first(sequence_high ? 3 : 2),
                       ah_and_payload.subspan(fixed_size, mac.iv_size()), icv);
}

std::optional<std::uint32_t> high_word(const SaCommon& core, std::uint64_t sequence) {
    if (!core.suite.esn) { return std::nullopt; }
    return static_cast<std::uint32_t>(sequence >> 32U);
}

// ---- out

struct Layout {
    ByteView payload;
    std::uint8_t next_header = 0;
    std::size_t ah = 0;
    std::size_t header = 0;  // before AH
};

DropReason lay_out(const OutboundSa& sa, const EncapJob& job, Layout& layout) {
    const PacketInfo& info = *job.info;
    // A NAT came up on the way, and no packet would be believed behind it.
    if (sa.endpoints().udp_encap) { return DropReason::outbound_no_sa; }
    layout.ah = ah_size(*sa.core().mac, family_of(sa, job));
    if (sa.mode() == IpsecMode::tunnel) {
        layout.payload = job.packet.first(info.total_size);
        layout.next_header = info.family == IpFamily::v4 ? protocol_ipip : protocol_ipv6;
        layout.header = sa.endpoints().remote.address.is_v6() ? 40 : 20;
    } else {
        // RFC 4302 3.3.4: AH is applied to whole datagrams only.
        if (info.fragment) { return DropReason::outbound_fragment; }
        layout.header = info.unprotected_size;
        layout.payload = job.packet.subspan(layout.header, info.total_size - layout.header);
        layout.next_header = job.packet[info.next_header_at];
    }
    const std::size_t size = layout.ah + layout.payload.size();
    if (job.out.size() < size) { return DropReason::outbound_no_room; }
    if (layout.header > ah_outer_header_max) { return DropReason::outbound_malformed; }
    if (layout.header + size > 65535) { return DropReason::outbound_too_big; }
    const std::uint32_t path_mtu = sa.path_mtu();
    if (path_mtu != 0 && layout.header + size > path_mtu && info.dont_fragment &&
        !is_never_too_big(info)) {
        return DropReason::outbound_too_big;
    }
    return DropReason::none;
}

void write_ah(const OutboundSa::Core& core, const Layout& layout, std::uint64_t sequence,
              MutableByteView out) {
    std::ranges::fill(out.first(layout.ah), std::uint8_t{0});
    out[0] = layout.next_header;
    out[1] = static_cast<std::uint8_t>(layout.ah / 4 - 2);  // RFC 4302 2.2
    set_u32(out, 4, core.spi.value());
    set_u32(out, 8, static_cast<std::uint32_t>(sequence));
    if (core.mac->iv_size() == 0) { return; }
    const MutableByteView iv = out.subspan(fixed_size, core.mac->iv_size());
    if (core.fixed_iv) {
        std::copy_n(core.fixed_iv->begin(), std::min(iv.size(), core.fixed_iv->size()), iv.begin());
        return;
    }
    // Must never repeat under a key, nothing more (RFC 4543 2).
    set_u32(iv, 0, static_cast<std::uint32_t>(sequence >> 32U));
    set_u32(iv, 4, static_cast<std::uint32_t>(sequence));
}

// ---- in

// RFC 4302 3.4.2-3.4.3, and how long AH says it is.
DropReason examine(const InboundSa::Core& core, DecapJob& job, std::size_t& ah) {
    if (job.protocol != IpsecProtocol::ah) { return DropReason::inbound_outer_mismatch; }
    if (job.esp.size() < fixed_size) { return DropReason::inbound_malformed; }
    const EspSpi spi{get_u32(job.esp, 4)};
    if (spi != core.spi) {
        return spi < esp_spi_min ? DropReason::inbound_reserved_spi : DropReason::inbound_no_sa;
    }
    ah = (job.esp[1] + 2U) * 4U;
    const IpFamily family = job.outer_source.family();
    // Over IPv4, too, some pad to 8 octets; the padding is under the ICV.
    const bool size_fits =
        ah == ah_size(*core.mac, family) || ah == ah_size(*core.mac, IpFamily::v6);
    if (!size_fits || ah > job.esp.size()) { return DropReason::inbound_malformed; }
    const bool header_fits =
        !job.outer_header.empty() && job.outer_header.size() <= ah_outer_header_max;
    if (!header_fits) { return DropReason::inbound_malformed; }
    const auto sequence = core.window.extend(get_u32(job.esp, 8));
    if (!sequence || !core.window.fresh(*sequence)) { return DropReason::inbound_replay; }
    job.sequence = *sequence;
    return DropReason::none;
}

bool authentic(const InboundSa::Core& core, const DecapJob& job, CryptoContext::Impl& context) {
    const MutableByteView header = MutableByteView{context.header}.first(job.outer_header.size());
    if (!immutable_header(job.outer_header, header)) { return false; }
    const crypto::PacketMac& mac = *core.mac;
    const MutableByteView field = job.esp.subspan(fixed_size + mac.iv_size(), mac.icv_size());
    std::array<std::uint8_t, 64> received;
    std::array<std::uint8_t, 64> computed;
    std::ranges::copy(field, received.begin());
    std::ranges::fill(field, std::uint8_t{0});
    const MutableByteView icv = MutableByteView{computed}.first(mac.icv_size());
    return compute(mac, header, job.esp, high_word(core, job.sequence), icv) &&
           constant_time_equal(icv, ByteView{received}.first(mac.icv_size()));
}

}  // namespace

std::size_t ah_size(const crypto::PacketMac& mac, IpFamily outer) {
    const std::size_t align = outer == IpFamily::v4 ? 4 : 8;
    const std::size_t size = fixed_size + mac.iv_size() + mac.icv_size();
    return (size + align - 1) / align * align;
}

DropReason encapsulate_ah(OutboundSa& sa, EncapJob& job, CryptoContext::Impl& context,
                          Instant now) {
    OutboundSa::Core& core = sa.core();
    Layout layout;
    job.size = 0;
    job.dropped = lay_out(sa, job, layout);
    if (job.dropped != DropReason::none) { return job.dropped; }
    if (core.usage.allowed(1, now) == 0) { return job.dropped = DropReason::outbound_expired; }
    const SequenceCounter::Block number = core.sequence.reserve(1);
    if (number.count == 0) { return job.dropped = DropReason::outbound_sequence_overflow; }
    write_ah(core, layout, number.first, job.out);
    std::ranges::copy(layout.payload, job.out.begin() + static_cast<std::ptrdiff_t>(layout.ah));
    job.size = static_cast<std::uint32_t>(layout.ah + layout.payload.size());
    job.outer = outer_fields_of(sa, *job.info);
    std::array<std::uint8_t, ah_outer_header_max> outer;
    const std::size_t header = build_outer_header(sa, job, job.identification, outer);
    const MutableByteView covered = MutableByteView{context.header}.first(header);
    if (header == 0 || !immutable_header(ByteView{outer}.first(header), covered)) {
        job.size = 0;
        return job.dropped = DropReason::outbound_malformed;
    }
    const std::size_t icv_size = core.mac->icv_size();
    std::array<std::uint8_t, 64> icv;
    if (!compute(*core.mac, covered, job.out.first(job.size), high_word(core, number.first),
                 MutableByteView{icv}.first(icv_size))) {
        job.size = 0;
        return job.dropped = DropReason::outbound_crypto;
    }
    std::copy_n(icv.begin(), icv_size,
                job.out.begin() + static_cast<std::ptrdiff_t>(fixed_size + core.mac->iv_size()));
    core.usage.add(1, job.info->total_size, now);
    return DropReason::none;
}

DropReason decapsulate_ah(InboundSa& sa, DecapJob& job, CryptoContext::Impl& context, Instant now) {
    InboundSa::Core& core = sa.core();
    std::size_t ah = 0;
    job.packet = {};
    job.ecn_alarm = false;
    job.dropped =
        core.usage.allowed(1, now) == 0 ? DropReason::inbound_expired : examine(core, job, ah);
    if (job.dropped != DropReason::none) { return job.dropped; }
    if (!authentic(core, job, context)) { return job.dropped = DropReason::inbound_integrity; }
    {
        const WindowGuard guard{core.window_busy};
        if (!core.window.accept(job.sequence)) { return job.dropped = DropReason::inbound_replay; }
    }
    job.dropped = deliver(core, job, job.esp.subspan(ah), job.esp[0]);
    core.note_arrived(1, job.dropped == DropReason::none ? job.packet.size() : 0);
    if (job.dropped != DropReason::none) {
        job.packet = {};
        return job.dropped;
    }
    core.usage.add(1, job.packet.size(), now);
    return DropReason::none;
}

}  // namespace culvert::ipsec
