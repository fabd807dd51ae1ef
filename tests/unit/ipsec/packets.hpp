#pragma once
// Packets and SA pairs for the tests of the engine: plain to read, nothing clever.

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/sad.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec::test {

IpAddress ip(std::string_view text);
TrafficSelector ts(std::string_view text);
TrafficSelectors ts_list(std::initializer_list<std::string_view> texts);

// A packet to be made. The next-layer header is made for TCP, UDP and ICMP of either family; other
// protocols carry `payload` octets only.
struct Spec {
    std::string_view source = "10.1.0.1";
    std::string_view destination = "10.2.0.1";
    std::uint8_t protocol = protocol_udp;
    std::uint16_t source_port = 1000;  // ICMP: type << 8 | code, both alike
    std::uint16_t destination_port = 2000;
    std::size_t payload = 32;
    std::uint8_t traffic_class = 0;
    std::uint8_t hop_limit = 64;
    bool dont_fragment = false;
    std::uint16_t identification = 1;
    std::uint16_t fragment_offset = 0;  // in octets; multiples of 8
    bool more_fragments = false;
};
Bytes make(const Spec& spec);
PacketInfo info_of(ByteView packet);

// The suite that the tests use unless they say otherwise: AES-GCM-16, 128 bits; keys of zeros.
ChildSa child_sa(IpsecMode mode = IpsecMode::tunnel);

// Both ends of one direction.
struct Pair {
    std::shared_ptr<OutboundSa> out;
    std::shared_ptr<InboundSa> in;
};
// `sa` as the sender sees it; the receiver has the same with its ends turned round.
Pair pair_of(const ChildSa& sa, std::uint64_t first_sequence = 1);

// The whole outer packet of `inner`, native ESP or in UDP; empty and `dropped` when refused.
Bytes protect(OutboundSa& sa, ByteView inner, DropReason* dropped = nullptr,
              Instant now = Instant{});

struct Opened {
    DropReason dropped = DropReason::none;
    Bytes packet;
    bool ecn_alarm = false;
    std::uint64_t sequence = 0;
};
Opened open(InboundSa& sa, ByteView outer, Instant now = Instant{});

// Internet checksums as the RFCs define them, octet by octet: an oracle apart from the engine's.
std::uint16_t plain_checksum(ByteView octets, std::uint32_t sum = 0);
// Of the TCP, UDP or ICMPv6 part of a whole packet, pseudo header included; 0 when it is right.
std::uint16_t transport_checksum(ByteView packet);
// 0 when an IPv4 header's checksum is right.
std::uint16_t header_checksum(ByteView packet);

}  // namespace culvert::ipsec::test
