// What the parser makes of headers, and what it refuses.

#include "ipsec/packet.hpp"

#include <gtest/gtest.h>

#include "base/writer.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"
#include "packets.hpp"

namespace culvert::ipsec {
namespace {

using test::info_of;
using test::make;

bool parses(ByteView packet) {
    PacketInfo info;
    return parse_packet(packet, info);
}

// An IPv6 packet of these next headers, each extension of 8 octets, then `last` with 8 octets.
Bytes chain(const std::vector<std::uint8_t>& extensions, std::uint8_t last) {
    Writer out;
    out.u32(6U << 28U);
    out.u16(static_cast<std::uint16_t>(8 * (extensions.size() + 1)));
    out.u8(extensions.empty() ? last : extensions.front());
    out.u8(64);
    out.bytes(test::ip("fd01::1").octets());
    out.bytes(test::ip("fd02::1").octets());
    for (std::size_t i = 0; i < extensions.size(); ++i) {
        out.u8(i + 1 < extensions.size() ? extensions[i + 1] : last);
        out.zeros(7);
    }
    out.u16(11);
    out.u16(22);
    out.u32(0);
    return out.take();
}

TEST(Packet, ports_of_a_udp_packet) {
    for (const std::string_view source : {"10.1.0.1", "fd01::1"}) {
        const bool v4 = source == "10.1.0.1";
        const PacketInfo info =
            info_of(make({.source = source, .destination = v4 ? "10.2.0.1" : "fd02::1"}));
        EXPECT_TRUE(info.has_ports);
        EXPECT_EQ(info.source_port, 1000);
        EXPECT_EQ(info.destination_port, 2000);
        EXPECT_EQ(info.header_size, v4 ? 20 : 40);
        EXPECT_EQ(info.protocol, protocol_udp);
    }
}

TEST(Packet, a_later_fragment_has_no_ports) {
    EXPECT_FALSE(info_of(make({.fragment_offset = 8})).has_ports);
    EXPECT_TRUE(info_of(make({.more_fragments = true})).has_ports);
    EXPECT_TRUE(info_of(make({.more_fragments = true})).fragment);
    const PacketInfo v6 =
        info_of(make({.source = "fd01::1", .destination = "fd02::1", .fragment_offset = 8}));
    EXPECT_FALSE(v6.has_ports);
    EXPECT_TRUE(v6.fragment);
    EXPECT_EQ(v6.protocol, protocol_udp);
}

TEST(Packet, a_tiny_first_fragment_has_no_ports) {
    Bytes packet = make({.payload = 0, .more_fragments = true});
    packet.resize(22);
    set_u16(packet, 2, 22);
    EXPECT_FALSE(info_of(packet).has_ports);
}

// Abuse I-04.
TEST(Packet, I_04_lengths_that_lie_are_refused) {
    const Bytes good = make({});
    ASSERT_TRUE(parses(good));
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(parses(ByteView{good}.first(size))) << size;
    }
    for (unsigned words = 0; words < 16; ++words) {
        Bytes packet = good;
        packet[0] = static_cast<std::uint8_t>(0x40U | words);
        EXPECT_EQ(parses(packet), words >= 5 && words * 4 <= packet.size()) << words;
    }
    for (unsigned version = 0; version < 16; ++version) {
        Bytes packet = good;
        packet[0] = static_cast<std::uint8_t>(version << 4U | 5U);
        if (version != 4) { EXPECT_FALSE(parses(packet)) << version; }
    }
    Bytes longer = good;
    set_u16(longer, 2, static_cast<std::uint16_t>(good.size() + 1));
    EXPECT_FALSE(parses(longer));
    Bytes shorter = good;
    set_u16(shorter, 2, 19);
    EXPECT_FALSE(parses(shorter));
    Bytes padded = good;
    padded.resize(good.size() + 9);
    EXPECT_EQ(info_of(padded).total_size, good.size());
}

TEST(Packet, I_04_extension_chains_are_walked_so_far_and_no_farther) {
    const PacketInfo info = info_of(chain({0, 60, 43, 60}, protocol_udp));
    EXPECT_EQ(info.protocol, protocol_udp);
    EXPECT_EQ(info.header_size, 40 + 4 * 8);
    EXPECT_EQ(info.source_port, 11);
    EXPECT_FALSE(parses(chain({60, 0}, protocol_udp)));  // hop-by-hop options come first
    EXPECT_TRUE(parses(chain(std::vector<std::uint8_t>(extension_headers_max, 60), protocol_udp)));
    EXPECT_FALSE(
        parses(chain(std::vector<std::uint8_t>(extension_headers_max + 1, 60), protocol_udp)));
    Bytes cut = chain({60}, protocol_udp);
    cut[41] = 200;  // the extension says that it is longer than the packet
    EXPECT_FALSE(parses(cut));
    EXPECT_EQ(info_of(chain({}, protocol_none)).protocol, protocol_none);
}

TEST(Packet, I_04_a_jumbogram_is_refused) {
    Bytes packet = chain({0}, protocol_udp);
    set_u16(packet, 4, 0);  // RFC 2675: payload length 0, the length in an option
    packet[42] = 0xc2;
    packet[43] = 4;
    EXPECT_FALSE(parses(packet));
}

// Abuse I-05: the parser never walks into what is inside; nesting costs nothing.
TEST(Packet, I_05_nested_packets_are_not_unwrapped) {
    Bytes packet = make({});
    for (int depth = 0; depth < 100; ++depth) {
        Bytes outer = make({.protocol = protocol_ipip, .payload = packet.size()});
        std::copy(packet.begin(), packet.end(), outer.begin() + 20);
        packet = outer;
    }
    const PacketInfo info = info_of(packet);
    EXPECT_EQ(info.protocol, protocol_ipip);
    EXPECT_FALSE(info.has_ports);
    EXPECT_EQ(info.header_size, 20);
}

}  // namespace
}  // namespace culvert::ipsec
