#pragma once
// What of an IP header's fields crosses the tunnel, and the checksums that follow from changing
// them.

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/packet.hpp"
#include "ipsec_types/child_sa.hpp"

namespace culvert::ipsec {

// The Internet checksum (RFC 1071): the ones' complement sum of 16-bit words, not complemented.
std::uint32_t add_checksum(ByteView octets, std::uint32_t sum = 0);
// Folds and complements.
std::uint16_t finish_checksum(std::uint32_t sum);
// The checksum after a 16-bit word went from `before` to `after` (RFC 1624, equation 3).
std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after);

// Network order. The caller has looked at the length; several for each packet, so they are inline.
inline std::uint16_t get_u16(ByteView in, std::size_t at) {
    return static_cast<std::uint16_t>(in[at] << 8U | in[at + 1]);
}
inline std::uint32_t get_u32(ByteView in, std::size_t at) {
    return std::uint32_t{in[at]} << 24U | std::uint32_t{in[at + 1]} << 16U |
           std::uint32_t{in[at + 2]} << 8U | in[at + 3];
}
inline void set_u16(MutableByteView out, std::size_t at, std::uint16_t value) {
    out[at] = static_cast<std::uint8_t>(value >> 8U);
    out[at + 1] = static_cast<std::uint8_t>(value);
}
inline void set_u32(MutableByteView out, std::size_t at, std::uint32_t value) {
    out[at] = static_cast<std::uint8_t>(value >> 24U);
    out[at + 1] = static_cast<std::uint8_t>(value >> 16U);
    out[at + 2] = static_cast<std::uint8_t>(value >> 8U);
    out[at + 3] = static_cast<std::uint8_t>(value);
}
// Header checksum of an IPv4 header, options included; its field is overwritten.
void set_ipv4_checksum(MutableByteView header);
// Changes the traffic class of a packet of either family, checksum and all.
void set_traffic_class(MutableByteView packet, std::uint8_t traffic_class);

// Tunnel mode, outbound: RFC 4301 5.1.2, RFC 6040 4.1.
OuterFields outer_fields(const PacketInfo& inner, const HeaderRules& rules);

// Either mode: outer_fields(), or what transport mode keeps.
OuterFields outer_fields_of(const OutboundSa& sa, const PacketInfo& inner);

// Tunnel mode, inbound: RFC 6040 4.2, figure 4.
struct EcnResult {
    std::uint8_t ecn = 0;
    bool drop = false;
    bool alarm = false;
};
EcnResult decapsulated_ecn(std::uint8_t inner, std::uint8_t outer);

}  // namespace culvert::ipsec
