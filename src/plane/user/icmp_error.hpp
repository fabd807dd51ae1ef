#pragma once
// ICMP errors towards the sender of an inner packet that we do not carry: too big for the tunnel
// (RFC 4301 8.2.1), or forbidden by policy. Pure.

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "ipsec/packet.hpp"

namespace culvert::plane {

enum class IcmpReason : std::uint8_t {
    too_big,     // RFC 792 type 3 code 4 with RFC 1191's MTU; RFC 4443 type 2
    prohibited,  // type 3 code 13 (RFC 1812 5.2.7.1); RFC 4443 type 1 code 1
};

// The whole IP packet that answers `packet`, which parsed to `info`. Its source is the inner
// destination: an address of this host would not be let in from the TUN. Nothing where no error may
// be sent: about ICMP errors, later fragments, multicast or unspecified addresses (RFC 1122 3.2.2,
// RFC 4443 2.4).
std::optional<Bytes> icmp_error(IcmpReason reason, ByteView packet, const ipsec::PacketInfo& info,
                                std::uint32_t mtu);

}  // namespace culvert::plane
