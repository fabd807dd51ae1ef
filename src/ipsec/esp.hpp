#pragma once
// ESP (RFC 4303) and AH (RFC 4302), both directions: packets in, packets out. Nothing here
// allocates or locks. Many workers may use one SA at a time, each with a CryptoContext of its own.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "base/ip.hpp"
#include "ipsec/drop_reason.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/sad.hpp"

namespace culvert::ipsec {

// Scratch memory and the multi-buffer queues of the crypto library. One a thread.
class CryptoContext {
 public:
    CryptoContext();
    CryptoContext(CryptoContext&&) noexcept;
    CryptoContext& operator=(CryptoContext&&) noexcept;
    CryptoContext(const CryptoContext&) = delete;
    CryptoContext& operator=(const CryptoContext&) = delete;
    ~CryptoContext();

    struct Impl;
    Impl& impl() { return *impl_; }

 private:
    std::unique_ptr<Impl> impl_;
};

// What the outer header takes over from the inner one, or that of transport mode keeps (RFC
// 4301 5.1.2, RFC 6040).
struct OuterFields {
    std::uint8_t traffic_class = 0;
    bool dont_fragment = false;  // IPv4
    std::uint8_t hop_limit = 64;
    std::uint32_t flow_label = 0;  // IPv6

    bool operator==(const OuterFields&) const = default;
};

// One packet to protect.
struct EncapJob {
    // In. The whole IP packet; `info` is parse_packet() of it. Octets behind info.total_size are
    // not sent.
    ByteView packet;
    const PacketInfo* info = nullptr;
    // The octets right behind `packet` (trailer_size_max of them) may be overwritten and are put
    // back: the packet is then encrypted from where it lies, without being copied first. They must
    // really be writable, and no other job of the batch may use them.
    bool tail_room = false;
    // From the SPI to the ICV, the packet is padded to this: least_esp_size().
    std::uint8_t size_min = 0;
    // A dummy, which its receiver drops (RFC 4303 2.6): what is behind the header of `packet`, or
    // in tunnel mode all of it, means nothing. Not with AH.
    bool dummy = false;
    // Receives the ESP packet, from the SPI on: sa.esp_size(...) octets, plus TFC padding. With AH:
    // AH and what follows it. Must not overlap `packet`; but in tunnel mode of ESP the packet may
    // lie in its place already, sa.text_offset() octets behind the beginning.
    MutableByteView out;
    // AH in tunnel mode over IPv4: the outer header's, which the ICV covers. The packet must leave
    // under the header that build_outer_header() writes.
    std::uint16_t identification = 0;

    // Out.
    DropReason dropped = DropReason::none;
    std::uint32_t size = 0;  // octets of `out` that were written
    OuterFields outer;
};

// Protects a batch under one SA; sequence numbers are taken in one piece. Dropped jobs say why; the
// others are done.
void encapsulate(OutboundSa& sa, std::span<EncapJob> jobs, CryptoContext& crypto, Instant now);
DropReason encapsulate(OutboundSa& sa, EncapJob& job, CryptoContext& crypto, Instant now);

// Sequence numbers in a row that were taken before the packets are there, so that workers who share
// an SA agree on an order and then encrypt at the same time. What is not used is a gap.
struct SequenceNumbers {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};
// At most `count`; fewer, and at last none, when the SA's numbers come to their end.
SequenceNumbers take_numbers(OutboundSa& sa, std::uint64_t count);
// ESP under `numbers`, which are then those that are left.
void encapsulate(OutboundSa& sa, std::span<EncapJob> jobs, SequenceNumbers& numbers,
                 CryptoContext& crypto, Instant now);

// Writes what goes before the ESP octets on the wire into `out`: the outer IP header (tunnel: a new
// one; transport: the packet's own, changed), and with UDP encapsulation the UDP header (checksum
// 0, RFC 3948 2.1). `identification` goes into IPv4 headers without DF
// (AH: the job's, with or without). Returns its size, 0 if
// `out` is too small. With UDP sockets or IP sockets the kernel does this: use job.outer there.
std::size_t build_outer_header(const OutboundSa& sa, const EncapJob& job,
                               std::uint16_t identification, MutableByteView out);

// One packet that arrived.
struct DecapJob {
    // In. From the SPI to the end of the ICV; decrypted in place. AH: from its Next Header on, and
    // outer_header must be there.
    MutableByteView esp;
    IpsecProtocol protocol = IpsecProtocol::esp;
    // The outer packet's addresses and header fields.
    IpAddress outer_source;
    IpAddress outer_destination;
    std::uint8_t outer_traffic_class = 0;
    std::uint8_t outer_hop_limit = 64;
    // Transport mode: the IP header as it arrived, options and extension headers included, when
    // known (native ESP). Empty: one is made from the outer fields.
    ByteView outer_header;
    // Where that header names the ESP that follows it (the offset of its Protocol or Next Header
    // octet); prepare_decap() knows. 0: there are no extension headers.
    std::uint16_t outer_next_header_at = 0;
    // Octets in front of `esp` that may be overwritten. Transport mode puts the IP header there: 40
    // are enough unless there are options. Tunnel mode needs none.
    std::size_t headroom = 0;

    // A tunnel's packet that arrived without its outer header. The rest of what goes in becomes as
    // of a new job; what comes out stays what it was until decapsulate().
    void arrive(MutableByteView octets, const IpAddress& source, const IpAddress& destination,
                std::uint8_t traffic_class, std::uint8_t hop_limit, std::size_t room_in_front) {
        esp = octets;
        protocol = IpsecProtocol::esp;
        outer_source = source;
        outer_destination = destination;
        outer_traffic_class = traffic_class;
        outer_hop_limit = hop_limit;
        outer_header = {};
        outer_next_header_at = 0;
        headroom = room_in_front;
    }

    // Out. With a reason to drop it, only that.
    DropReason dropped = DropReason::none;
    std::uint64_t sequence = 0;  // high word included; for logs
    MutableByteView packet;      // the inner IP packet, inside (or just before) `esp`, with ECN and
                                 // DSCP settled
    PacketInfo info;             // of `packet`
    bool ecn_alarm = false;      // a combination that RFC 6040 4.2 wants to be looked at
};

// Opens a batch that belongs to one SA: replay, ICV, padding, selectors, header fields. The caller
// found the SA by SPI. Packets are delivered as they lie in the batch.
void decapsulate(InboundSa& sa, std::span<DecapJob> jobs, CryptoContext& crypto, Instant now);
DropReason decapsulate(InboundSa& sa, DecapJob& job, CryptoContext& crypto, Instant now);

// A whole packet off the wire: native ESP, AH, or ESP in UDP (`udp_encap`: skip 8 octets). Fills
// the job's in-part from the packet's outer header; refuses fragments and what is neither ESP nor
// AH.
DropReason prepare_decap(MutableByteView outer_packet, bool udp_encap, DecapJob& job);

// The SPI by which the SA is found, or nothing when the packet is too short.
inline std::optional<EspSpi> peek_spi(const DecapJob& job) {
    const ByteView octets = job.esp;
    if (job.protocol == IpsecProtocol::esp) { return peek_spi(octets); }
    return octets.size() < 8 ? std::nullopt : peek_spi(octets.subspan(4));
}

}  // namespace culvert::ipsec
