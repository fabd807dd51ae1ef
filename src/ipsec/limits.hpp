#pragma once
// What bounds the packet engine.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace culvert::ipsec {

// An IPv6 packet with its header; an IPv4 one is shorter. Jumbograms (RFC 2675) are refused.
constexpr std::size_t packet_size_max = 65575;
// Extension headers that parse_packet() walks before it gives a packet up (RFC 7045 2.1).
constexpr unsigned extension_headers_max = 16;
// Octets that encapsulation may add in front of and behind the inner packet, outer IP header, UDP
// header, largest IV, padding and ICV included: what a caller must leave free beside a packet.
constexpr std::size_t overhead_max = 40 + 8 + 8 + 16 + 255 + 2 + 32;
// What a trailer needs behind an inner packet that is encrypted from where it lies
// (EncapJob::tail_room).
constexpr std::size_t trailer_size_max = 257;
// The largest IP header, extension headers included, that AH is put behind or looked for behind: a
// copy of it is made for each packet.
constexpr std::size_t ah_outer_header_max = 1024;
// Packets a call of the batch forms; longer batches are cut into pieces of this.
constexpr std::size_t batch_max = 64;
// Octets of packets that are taken through all steps before the next ones, so that each step finds
// in the nearest cache what the one before left there.
constexpr std::size_t hot_octets = 12 * 1024;
// The same where each packet lies there twice, clear and encrypted.
constexpr std::size_t hot_octets_twice = 8 * 1024;
// ESP in UDP over IPv6, the UDP header aside, is padded to this. Linux (6.1 and others) drops what
// is shorter without counting it: xfrm6_udp_encap_rcv() takes an IPv6 header into account that is
// gone by then. Only transport mode without encryption makes such packets.
constexpr std::uint8_t esp_in_udp_v6_min = 40;
constexpr std::uint32_t replay_window_max = 8192;
// Path MTUs below these are not believed (RFC 791, RFC 8200 5): a forged ICMP cannot choke a
// tunnel.
constexpr std::uint32_t path_mtu_v4_min = 576;
constexpr std::uint32_t path_mtu_v6_min = 1280;
constexpr std::uint32_t mtu_v6_min = 1280;  // RFC 8200 5

// Outer packets that wait for their missing pieces: sets, sets of one source, octets in all (a
// piece costs 64 beside its own), pieces of one packet, and how long.
constexpr std::size_t reassembly_sets_max = 256;
constexpr std::size_t reassembly_sets_a_source_max = 32;
constexpr std::size_t reassembly_octets_max = std::size_t{4} << 20U;
constexpr std::size_t reassembly_pieces_max = 128;
constexpr std::chrono::seconds reassembly_age_max{30};

}  // namespace culvert::ipsec
