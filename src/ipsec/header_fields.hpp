#pragma once
// What of an IP header's fields crosses the tunnel, and the checksums that follow from changing
// them.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

// Network order. The caller has looked at the length. Several for each packet: inline, with one
// check of the bounds and one access for all octets.
template <std::unsigned_integral Value>
Value get_number(ByteView in, std::size_t at) {
    Value value = 0;
    std::memcpy(&value, in.subspan(at, sizeof value).data(), sizeof value);
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}
template <std::unsigned_integral Value>
void set_number(MutableByteView out, std::size_t at, Value value) {
    if constexpr (std::endian::native == std::endian::little) { value = std::byteswap(value); }
    std::memcpy(out.subspan(at, sizeof value).data(), &value, sizeof value);
}
inline std::uint16_t get_u16(ByteView in, std::size_t at) {
    return get_number<std::uint16_t>(in, at);
}
inline std::uint32_t get_u32(ByteView in, std::size_t at) {
    return get_number<std::uint32_t>(in, at);
}
inline void set_u16(MutableByteView out, std::size_t at, std::uint16_t value) {
    set_number(out, at, value);
}
inline void set_u32(MutableByteView out, std::size_t at, std::uint32_t value) {
    set_number(out, at, value);
}
// Header checksum of an IPv4 header, options included; its field is overwritten.
void set_ipv4_checksum(MutableByteView header);
// Changes the traffic class of a packet of either family, checksum and all.
void set_traffic_class(MutableByteView packet, std::uint8_t traffic_class);

// Tunnel mode, outbound: RFC 4301 5.1.2, RFC 6040 4.1.
OuterFields outer_fields(const PacketInfo& inner, const HeaderRules& rules);

// Either mode: outer_fields(), or what transport mode keeps.
OuterFields outer_fields_of(const OutboundSa& sa, const PacketInfo& inner);

// What every link of IPv6 carries (RFC 8200 5): a sender that is told less goes on sending it, so
// it is never refused, and where the path has no room for ESP around it, what leaves is fragmented.
bool is_never_too_big(const PacketInfo& packet);
// Whole, with all that the SA puts around it; where nothing is known of the path as well.
bool fits_path(const OutboundSa& sa, const PacketInfo& packet);
// DF is to be set outside though not inside: then the inner packet is fragmented (RFC 4301 8.1).
bool to_be_cut_first(const OutboundSa& sa, const PacketInfo& packet);
// EncapJob::size_min that lets every known receiver take the packets of this SA; 0: any size does.
std::uint8_t least_esp_size(const OutboundSa& sa);

// Tunnel mode, inbound: RFC 6040 4.2, figure 4.
struct EcnResult {
    std::uint8_t ecn = 0;
    bool drop = false;
    bool alarm = false;
};
EcnResult decapsulated_ecn(std::uint8_t inner, std::uint8_t outer);

}  // namespace culvert::ipsec
