#pragma once
// Fragmentation (RFC 791 3.2, RFC 8200 4.5) of packets that are ready for the wire and that no
// socket fragments for us, and of inner ones that must not be fragmented outside.

#include <cstdint>
#include <functional>

#include "base/bytes.hpp"

namespace culvert::ipsec {

// Hands over the fragments of an IP packet, each of at most `mtu` octets, in their order; IPv4 ones
// may be fragments themselves. `identification` is for IPv6; IPv4 packets have theirs. False, and
// nothing is handed over: no IP packet, a fragment of IPv6, DF, or an MTU that leaves no room for
// data.
bool fragment(ByteView packet, std::uint32_t mtu, std::uint32_t identification,
              const std::function<void(ByteView)>& take);

}  // namespace culvert::ipsec
