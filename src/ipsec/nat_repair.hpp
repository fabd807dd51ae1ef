#pragma once
// Transport mode through NAT (RFC 3948 3.1.2, RFC 7296 2.23.1): the sender's TCP, UDP or ICMPv6
// checksum covers the addresses that the sender saw, not those that arrive.

#include "base/bytes.hpp"
#include "base/ip.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {

// The addresses that the sender put under its checksum.
struct SentAddresses {
    IpAddress source;
    IpAddress destination;
};

// Brings the checksum up to date for the addresses that `packet` bears now (RFC 3948 3.1.2, the
// incremental way: what was wrong before stays wrong). `info` is parse_packet() of it. Nothing
// happens to fragments, other protocols and UDP without a checksum.
void repair_checksum(MutableByteView packet, const PacketInfo& info, const SentAddresses& sent);

}  // namespace culvert::ipsec
