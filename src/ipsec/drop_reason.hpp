#pragma once
// Why a packet went no further. On the packet path this is all that is said; counters carry these
// names (the auditable events of RFC 4301, 4302 2-3 and 4303 2-3).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace culvert::ipsec {

enum class DropReason : std::uint8_t {
    none,  // it was not dropped
    // Out.
    outbound_malformed,          // what came from the host or the inner network is no IP packet
    outbound_no_policy,          // nothing matched and the default is to discard
    outbound_discard,            // a DISCARD policy
    outbound_no_sa,              // PROTECT, but no SA is there (yet)
    outbound_selectors,          // the SA's selectors do not cover it
    outbound_sequence_overflow,  // RFC 4303 3.3.3: the counter may not cycle
    outbound_expired,            // hard lifetime
    outbound_too_big,            // does not fit the path MTU, and may not be fragmented
    outbound_no_room,            // the caller's buffer is too small
    outbound_crypto,             // the crypto library refused; a bug
    outbound_fragment,           // transport mode takes whole packets only (RFC 4303 3.1.1)
    // In.
    inbound_malformed,          // too short, or a size that the suite cannot have
    inbound_reserved_spi,       // 0..255
    inbound_no_sa,              // unknown SPI (RFC 4303 3.4.2)
    inbound_fragment,           // a fragment where a whole packet is needed (RFC 4303 3.4.1)
    inbound_replay,             // duplicate, or left of the window (RFC 4303 3.4.3)
    inbound_integrity,          // ICV, and after it padding: one counter, no oracle
    inbound_expired,            // hard lifetime
    inbound_dummy,              // next header 59: traffic flow confidentiality; no event
    inbound_inner_malformed,    // the inner packet is no IP packet of the announced family
    inbound_next_header,        // neither an IP packet in tunnel mode nor what transport may carry
    inbound_selectors,          // inner packet outside the SA's selectors (RFC 4301 5.2)
    inbound_ecn,                // CE outside, Not-ECT inside (RFC 6040 4.2)
    inbound_no_room,            // no headroom for the header that transport mode puts back
    inbound_must_be_protected,  // clear, but policy says PROTECT (RFC 4301 5.2)
    inbound_discard,            // clear, and a DISCARD policy or the default says so
    inbound_outer_mismatch,     // the SA is not of this protocol (ESP or AH)
    reassembly_overlap,         // RFC 5722
    reassembly_limit,           // memory, pieces or time ran out
    count_of_reasons,           // not a reason
};

constexpr std::size_t drop_reasons = static_cast<std::size_t>(DropReason::count_of_reasons);

// The counter's name: "inbound_replay".
std::string_view name(DropReason reason);

// One worker's counters, by reason.
class DropCounters {
 public:
    void count(DropReason reason, std::uint64_t packets = 1) {
        counts_[static_cast<std::size_t>(reason)] += packets;
    }
    std::uint64_t operator[](DropReason reason) const {
        return counts_[static_cast<std::size_t>(reason)];
    }

 private:
    std::array<std::uint64_t, drop_reasons> counts_{};
};

}  // namespace culvert::ipsec
