#pragma once
// Fragmentation of packets that are ready for the wire (RFC 791 3.2, RFC 8200 4.5), for those that
// no socket fragments for us.

#include <cstdint>
#include <functional>

#include "base/bytes.hpp"

namespace culvert::ipsec {

// Hands over the fragments of a whole IP packet, each of at most `mtu` octets, in their order.
// `identification` is for IPv6; IPv4 packets have theirs. False, and nothing is handed over: no IP
// packet, a fragment already, DF, or an MTU that leaves no room for data.
bool fragment(ByteView packet, std::uint32_t mtu, std::uint32_t identification,
              const std::function<void(ByteView)>& take);

}  // namespace culvert::ipsec
