#pragma once
// An ICMP error that arrived about a protected packet of ours (RFC 4301 8.2.1): anyone can send
// one, so that nothing in it is believed before it fits a live SA.

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/ip.hpp"
#include "ipsec/sad.hpp"

namespace culvert::ipsec {

// What an ICMP "fragmentation needed" (RFC 1191 4) or "packet too big" (RFC 4443 3.2) quotes.
struct TooBig {
    IpAddress source;       // of the quoted packet: ours
    IpAddress destination;  // whom we sent it to
    bool udp = false;       // ESP in UDP
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    // Routers need not quote more than 8 octets behind the IP header (RFC 792); then ESP in UDP
    // shows its ports only.
    std::optional<EspSpi> spi{};
    std::uint32_t mtu = 0;  // as it says; 0: an old router that does not
};

// Reads a whole ICMP packet as it arrived, with its IP header. Nothing: another one, or malformed.
std::optional<TooBig> read_too_big(ByteView packet);

// The path MTU that the SA should go by from now on: nothing when the message is not about it
// (other addresses, ports or SPI; no SPI where one must show), would not lower its path MTU, or
// says no number. Values under the floor of the family come out as the floor (abuse I-06).
std::optional<std::uint32_t> believed_path_mtu(const TooBig& message, const OutboundSa& sa);

}  // namespace culvert::ipsec
