// What we write in front of ESP, and what we read there.
#include "plane/user/xdp_frame.hpp"

#include <gtest/gtest.h>

#include "ipsec/header_fields.hpp"
#include "plane/user/outer_header.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t ethernet = 14;

Bytes packet_of(const OuterHeader& header, const Bytes& esp, std::uint16_t& identification) {
    Bytes out(header.size());
    header.write(out, esp, identification);
    out.insert(out.end(), esp.begin(), esp.end());
    return out;
}
Bytes framed(const Bytes& packet) {
    Bytes out(ethernet);
    ipsec::set_u16(out, 12, packet[0] >> 4U == 4 ? 0x0800 : 0x86dd);
    out.insert(out.end(), packet.begin(), packet.end());
    return out;
}
const IpAddress v4_a = *IpAddress::parse("192.0.2.1");
const IpAddress v4_b = *IpAddress::parse("192.0.2.2");
const IpAddress v6_a = *IpAddress::parse("2001:db8::1");
const IpAddress v6_b = *IpAddress::parse("2001:db8::2");

// Both made by scapy 2.5: IP(src="192.0.2.1", dst="192.0.2.2", proto=50, tos=0x2e, ttl=64,
// flags="DF", id=0)/Raw(bytes(range(16))) and IPv6(src="2001:db8::1", dst="2001:db8::2", tc=0x2e,
// fl=0x12345, hlim=64)/UDP(sport=4500, dport=61234)/Raw(bytes(range(15))).
TEST(OuterHeader, IsWhatScapyWrites) {
    Bytes esp(16);
    for (std::size_t i = 0; i < esp.size(); ++i) { esp[i] = static_cast<std::uint8_t>(i); }
    std::uint16_t identification = 7;
    const OuterHeader v4{v4_a, v4_b, {.traffic_class = 0x2e, .dont_fragment = true}, std::nullopt};
    EXPECT_EQ(packet_of(v4, esp, identification),
              (Bytes{0x45, 0x2e, 0x00, 0x24, 0x00, 0x00, 0x40, 0x00, 0x40, 0x32, 0xb6, 0x76,
                     0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x00, 0x01, 0x02, 0x03,
                     0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f}));
    EXPECT_EQ(identification, 7);  // with DF there is none (RFC 6864 4.1)
    esp.pop_back();
    const OuterHeader v6{v6_a,
                         v6_b,
                         {.traffic_class = 0x2e, .flow_label = 0x12345},
                         UdpPorts{.local = 4500, .remote = 61234}};
    EXPECT_EQ(packet_of(v6, esp, identification),
              (Bytes{0x62, 0xe1, 0x23, 0x45, 0x00, 0x17, 0x11, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00,
                     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01,
                     0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                     0x02, 0x11, 0x94, 0xef, 0x32, 0x00, 0x17, 0x6b, 0x53, 0x00, 0x01, 0x02, 0x03,
                     0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e}));
}

TEST(OuterHeader, IdentifiesWhatMayBeFragmented) {
    std::uint16_t identification = 0xffff;
    const OuterHeader header{v4_a, v4_b, {}, UdpPorts{.local = 4500, .remote = 1}};
    EXPECT_EQ(ipsec::get_u16(packet_of(header, Bytes(16), identification), 4), 0xffff);
    const Bytes next = packet_of(header, Bytes(16), identification);
    EXPECT_EQ(ipsec::get_u16(next, 4), 0);
    EXPECT_EQ(ipsec::get_u16(next, 6), 0);
    EXPECT_EQ(ipsec::get_u16(next, 26), 0);  // no UDP checksum over IPv4 (RFC 3948 2.1)
}

TEST(OuterHeader, NeverSaysThatThereIsNoChecksumOverIPv6) {
    const OuterHeader header{v6_a, v6_b, {}, UdpPorts{.local = 4500, .remote = 4500}};
    std::uint16_t identification = 0;
    for (std::uint32_t word = 0; word < 0x10000; ++word) {
        Bytes esp(8);
        ipsec::set_u16(esp, 6, static_cast<std::uint16_t>(word));
        ASSERT_NE(ipsec::get_u16(packet_of(header, esp, identification), 46), 0) << word;
    }
}

TEST(OuterHeader, LeavesToTheKernelWhatMustBeCut) {
    const NextHop hop{.mtu = 1500};
    const OuterHeader v4{v4_a, v4_b, {}, std::nullopt};
    EXPECT_TRUE(v4.fits(1500, hop));
    EXPECT_FALSE(v4.fits(1501, hop));
    const OuterHeader v6{v6_a, v6_b, {}, std::nullopt};
    EXPECT_TRUE(v6.fits(1280, hop));
    EXPECT_FALSE(v6.fits(1281, hop));
    const OuterHeader whole{v6_a, v6_b, {.dont_fragment = true}, std::nullopt};
    EXPECT_TRUE(whole.fits(1500, hop));
}

TEST(XdpFrame, RefusesWhatIsNotWhole) {
    for (const auto& [local, remote] : {std::pair{v4_a, v4_b}, {v6_a, v6_b}}) {
        for (const bool udp : {false, true}) {
            const OuterHeader header{
                remote,
                local,
                {},
                udp ? std::optional{UdpPorts{.local = 1, .remote = 4500}} : std::nullopt};
            std::uint16_t identification = 0;
            const Bytes whole = framed(packet_of(header, Bytes(32, 1), identification));
            Bytes frame = whole;
            ASSERT_TRUE(arrival_in(frame));
            for (std::size_t size = 0; size < whole.size(); ++size) {
                Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
                EXPECT_FALSE(arrival_in(cut)) << size;
            }
            frame[13] = 0x06;
            EXPECT_FALSE(arrival_in(frame));
            frame = whole;
            frame[ethernet + (local.is_v4() ? 9 : 6)] = 6;
            EXPECT_FALSE(arrival_in(frame));
        }
    }
}

TEST(XdpFrame, RefusesAnIpv4HeaderWithAWrongChecksum) {
    std::uint16_t identification = 0;
    const OuterHeader header{v4_b, v4_a, {}, std::nullopt};
    const Bytes whole = framed(packet_of(header, Bytes(32, 1), identification));
    for (std::size_t at = ethernet + 1; at < ethernet + 20; ++at) {
        if (at == ethernet + 2 || at == ethernet + 3) { continue; }  // lengths are the case above
        Bytes frame = whole;
        frame[at] ^= 0x10;
        EXPECT_FALSE(arrival_in(frame)) << at;
    }
}

TEST(XdpFrame, RefusesUdpLengthsBeyondThePacket) {
    std::uint16_t identification = 0;
    const OuterHeader header{v6_b, v6_a, {}, UdpPorts{.local = 1, .remote = 4500}};
    const Bytes whole = framed(packet_of(header, Bytes(32, 1), identification));
    for (const std::uint16_t size :
         {std::uint16_t{0}, std::uint16_t{7}, std::uint16_t{41}, std::uint16_t{0xffff}}) {
        Bytes frame = whole;
        ipsec::set_u16(frame, ethernet + 44, size);
        EXPECT_FALSE(arrival_in(frame)) << size;
    }
}

}  // namespace
}  // namespace culvert::plane
