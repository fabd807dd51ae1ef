#include "plane/user/icmp_error.hpp"

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

// 10.1.0.1 -> 10.2.0.1, UDP 1000 -> 53, DF, with 8 octets of data.
Bytes udp_v4() {
    return from_hex(
               "4500002400014000401126c40a0100010a020001"
               "03e80035001000000102030405060708")
        .value();
}
Bytes udp_v6() {
    return from_hex(
               "6000000000101140fd010000000000000000000000000001fd020000000000000000000000000001"
               "03e80035001000000102030405060708")
        .value();
}

// One's complement sum over 16-bit words; 0xffff when a checksum in it is right (RFC 1071).
std::uint32_t sum(ByteView octets, std::uint32_t start = 0) {
    std::uint32_t out = start;
    for (std::size_t i = 0; i < octets.size(); ++i) {
        out += i % 2 == 0 ? std::uint32_t{octets[i]} << 8U : std::uint32_t{octets[i]};
    }
    while (out > 0xffff) { out = (out & 0xffffU) + (out >> 16U); }
    return out;
}

TEST(IcmpError, FragmentationNeededCarriesTheMtu) {
    const Bytes packet = udp_v4();
    const auto info = ipsec::parse_packet(packet).value();
    const auto reply = icmp_error(IcmpReason::too_big, packet, info, 1382);
    ASSERT_TRUE(reply);
    const auto parsed = ipsec::parse_packet(*reply);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->source, info.destination);
    EXPECT_EQ(parsed->destination, info.source);
    EXPECT_EQ(parsed->protocol, ipsec::protocol_icmp);
    EXPECT_EQ(parsed->source_port, 0x0304);  // type 3 code 4
    EXPECT_EQ((*reply)[26] << 8 | (*reply)[27], 1382);
    EXPECT_EQ(sum(ByteView{*reply}.first(20)), 0xffffU);
    EXPECT_EQ(sum(ByteView{*reply}.subspan(20)), 0xffffU);
    EXPECT_TRUE(std::equal(packet.begin(), packet.end(), reply->begin() + 28));
}

TEST(IcmpError, PacketTooBigOfIpv6HasARightChecksum) {
    const Bytes packet = udp_v6();
    const auto info = ipsec::parse_packet(packet).value();
    const auto reply = icmp_error(IcmpReason::too_big, packet, info, 1300);
    ASSERT_TRUE(reply);
    const auto parsed = ipsec::parse_packet(*reply);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->source_port, 0x0200);
    const auto length = static_cast<std::uint32_t>(reply->size() - 40);
    EXPECT_EQ(sum(ByteView{*reply}.subspan(8), length + ipsec::protocol_icmpv6), 0xffffU);
}

TEST(IcmpError, ALargePacketIsQuotedInPart) {
    Bytes packet = udp_v6();
    packet.resize(1500, 0);
    packet[4] = 1460 >> 8;
    packet[5] = 1460 & 0xff;
    const auto info = ipsec::parse_packet(packet).value();
    EXPECT_EQ(icmp_error(IcmpReason::too_big, packet, info, 1300)->size(), 1280U);
}

// RFC 1122 3.2.2, RFC 4443 2.4 (e).
TEST(IcmpError, SomePacketsAreNeverAnswered) {
    const auto answered = [](Bytes packet) {
        const auto info = ipsec::parse_packet(packet);
        return info && icmp_error(IcmpReason::prohibited, packet, *info, 0).has_value();
    };
    EXPECT_TRUE(answered(udp_v4()));
    Bytes later_fragment = udp_v4();
    later_fragment[6] = 0x00;
    later_fragment[7] = 0x10;
    EXPECT_FALSE(answered(later_fragment));
    Bytes to_multicast = udp_v4();
    to_multicast[16] = 224;
    EXPECT_FALSE(answered(to_multicast));
    Bytes from_nowhere = udp_v4();
    for (std::size_t i = 12; i < 16; ++i) { from_nowhere[i] = 0; }
    EXPECT_FALSE(answered(from_nowhere));
    Bytes icmp = udp_v4();
    icmp[9] = ipsec::protocol_icmp;
    icmp[20] = 3;  // an error
    EXPECT_FALSE(answered(icmp));
    icmp[20] = 8;  // a question
    EXPECT_TRUE(answered(icmp));
    Bytes icmp_v6 = udp_v6();
    icmp_v6[6] = ipsec::protocol_icmpv6;
    icmp_v6[40] = 1;
    EXPECT_FALSE(answered(icmp_v6));
    icmp_v6[40] = 128;
    EXPECT_TRUE(answered(icmp_v6));
}

}  // namespace
}  // namespace culvert::plane
