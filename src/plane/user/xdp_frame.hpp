#pragma once
// An Ethernet frame that the XDP program has taken, as what our sockets would have made of it.

#include <optional>

#include "base/bytes.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

// Native ESP with the IP header in front (IPv4) or without (IPv6) and without ports; ESP in UDP as
// a datagram's payload. Nothing: it is not what the program takes, or not whole, and lost.
//
// The checksum of an IPv4 header is looked at, as the kernel would have done. That of UDP is not
// (RFC 3948 2.1 wants receivers not to depend on it): ESP has its ICV, and packets of this machine
// have none yet that could be checked.
std::optional<Arrival> arrival_in(MutableByteView frame);

}  // namespace culvert::plane
