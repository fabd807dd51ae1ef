// What is changed in, or learned from, packets that pass: MSS clamping, checksum repair behind NAT,
// ICMP errors about our own packets, inner MTUs.

#include <gtest/gtest.h>

#include "base/writer.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/icmp_about_sa.hpp"
#include "ipsec/mss_clamp.hpp"
#include "ipsec/nat_repair.hpp"
#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::info_of;
using test::ip;
using test::make;
using test::Spec;

// A SYN with these options; its checksum is right.
Bytes syn(bool v6, const Bytes& options, std::uint8_t flags = 2) {
    Bytes packet = make({.source = v6 ? "fd01::1" : "10.1.0.1",
                         .destination = v6 ? "fd02::1" : "10.2.0.1",
                         .protocol = protocol_tcp,
                         .payload = options.size()});
    const std::size_t tcp = v6 ? 40 : 20;
    packet[tcp + 12] = static_cast<std::uint8_t>((5 + options.size() / 4) << 4U);
    packet[tcp + 13] = flags;
    std::copy(options.begin(), options.end(),
              packet.begin() + static_cast<std::ptrdiff_t>(tcp + 20));
    set_u16(packet, tcp + 16, 0);
    set_u16(packet, tcp + 16, test::transport_checksum(packet));
    return packet;
}

bool clamp(Bytes& packet, std::uint32_t mtu) { return clamp_mss(packet, info_of(packet), mtu); }

TEST(MssClamp, lowers_what_would_not_fit_and_keeps_the_checksum_right) {
    for (const bool v6 : {false, true}) {
        const std::size_t tcp = v6 ? 40 : 20;
        for (const std::uint8_t flags :
             std::initializer_list<std::uint8_t>{std::uint8_t{2}, std::uint8_t{0x12}}) {
            Bytes packet = syn(v6, {2, 4, 0x05, 0xb4, 1, 1, 4, 2}, flags);
            ASSERT_TRUE(clamp(packet, 1400));
            EXPECT_EQ(get_u16(packet, tcp + 22), 1400 - tcp - 20);
            EXPECT_EQ(test::transport_checksum(packet), 0);
            EXPECT_FALSE(clamp(packet, 1400));
            EXPECT_FALSE(clamp(packet, 9000));
        }
    }
}

TEST(MssClamp, an_option_at_an_odd_place_is_summed_right) {
    for (unsigned before = 0; before < 4; ++before) {
        Bytes options(before, 1);
        for (const std::uint8_t octet : Bytes{2, 4, 0x22, 0xfe}) { options.push_back(octet); }
        options.resize(8, 1);
        Bytes packet = syn(false, options);
        ASSERT_TRUE(clamp(packet, 1381)) << before;
        EXPECT_EQ(get_u16(packet, 42 + before), 1341);
        EXPECT_EQ(test::transport_checksum(packet), 0) << before;
    }
}

TEST(MssClamp, leaves_everything_else_alone) {
    const auto untouched = [](Bytes packet) {
        const Bytes before = packet;
        EXPECT_FALSE(clamp(packet, 600));
        EXPECT_EQ(packet, before);
    };
    untouched(syn(false, {2, 4, 5, 0xb4}, 0x10));        // no SYN
    untouched(syn(false, {1, 1, 1, 1}));                 // no option
    untouched(syn(false, {0, 0, 2, 4, 5, 0xb4, 0, 0}));  // behind the end of options
    untouched(syn(false, {2, 3, 5, 1}));                 // of another length
    untouched(syn(false, {1, 1, 2, 4}));                 // cut off
    untouched(syn(false, {1, 1, 1, 2}));
    untouched(syn(false, {3, 0, 2, 4, 5, 0xb4, 0, 0}));  // an option of length 0
    untouched(syn(false, {2, 4, 0, 100}));               // small already
    untouched(make({}));
    Bytes lies = syn(false, {2, 4, 5, 0xb4});
    lies[32] = 0xf0;  // a header longer than the packet
    untouched(lies);
    lies[32] = 0x40;
    untouched(lies);
}

TEST(NatRepair, the_checksum_fits_the_addresses_that_arrive) {
    culvert::test::SeededRandom random{5};
    for (const bool v6 : {false, true}) {
        for (const std::uint8_t protocol :
             {protocol_tcp, protocol_udp, v6 ? protocol_icmpv6 : protocol_icmp}) {
            for (int round = 0; round < 200; ++round) {
                const std::size_t payload = random.below(40);
                const Bytes sent =
                    make({.source = v6 ? "fd01::77" : "192.168.9.2",
                          .destination = v6 ? "fd02::88" : "198.51.100.7",
                          .protocol = protocol,
                          .source_port = static_cast<std::uint16_t>(random.below(65536)),
                          .payload = payload});
                Bytes packet = sent;
                const std::string from =
                    v6 ? "fd09::" + std::to_string(round + 1) : "192.0.2." + std::to_string(round);
                const IpAddress source = ip(from);
                const IpAddress destination = ip(v6 ? "fd0a::1" : "10.9.8.7");
                std::ranges::copy(source.octets(), packet.begin() + (v6 ? 8 : 12));
                std::ranges::copy(destination.octets(), packet.begin() + (v6 ? 24 : 16));
                repair_checksum(packet, info_of(packet),
                                {info_of(sent).source, info_of(sent).destination});
                ASSERT_EQ(test::transport_checksum(packet), 0) << int{protocol} << " " << round;
                if (protocol == protocol_udp) { EXPECT_NE(get_u16(packet, v6 ? 46 : 26), 0); }
            }
        }
    }
}

TEST(NatRepair, what_was_wrong_stays_wrong_and_none_stays_none) {
    Bytes packet = make({});
    packet.back() ^= 1U;
    repair_checksum(packet, info_of(packet), {ip("192.168.9.2"), ip("198.51.100.7")});
    EXPECT_NE(test::transport_checksum(packet), 0);
    Bytes none = make({});
    set_u16(none, 26, 0);
    repair_checksum(none, info_of(none), {ip("192.168.9.2"), ip("198.51.100.7")});
    EXPECT_EQ(get_u16(none, 26), 0);
}

// RFC 3948 3.1.2 whole: a client behind a NAT, transport mode, what the server's TCP gets.
TEST(NatRepair, transport_mode_through_nat_delivers_right_checksums) {
    ChildSa client = test::child_sa(IpsecMode::transport);
    client.udp_encap = true;
    client.local = {ip("192.168.9.2"), 4500};
    client.remote = {ip("192.0.2.2"), 4500};
    client.local_ts = test::ts_list({"192.168.9.2/32"});
    client.remote_ts = test::ts_list({"192.0.2.2/32"});
    const auto sender = test::pair_of(client);
    ChildSa server = test::child_sa(IpsecMode::transport);
    server.udp_encap = true;
    server.local = {ip("192.0.2.2"), 4500};
    server.remote = {ip("192.0.2.1"), 1024};
    server.local_ts = test::ts_list({"192.0.2.2/32"});
    server.remote_ts = test::ts_list({"192.0.2.1/32"});
    server.nat_original_remote = ip("192.168.9.2");
    server.nat_original_local = ip("192.0.2.2");
    server.inbound_spi = client.outbound_spi;
    const auto receiver = InboundSa::create(server, Instant{}).value();
    for (const std::uint8_t protocol :
         std::initializer_list<std::uint8_t>{protocol_tcp, protocol_udp}) {
        const Bytes inner =
            make({.source = "192.168.9.2", .destination = "192.0.2.2", .protocol = protocol});
        Bytes outer = test::protect(*sender.out, inner);
        std::ranges::copy(ip("192.0.2.1").octets(), outer.begin() + 12);  // the NAT
        set_u16(outer, 20, 1024);
        const auto opened = test::open(*receiver, outer);
        ASSERT_EQ(opened.dropped, DropReason::none);
        EXPECT_EQ(info_of(opened.packet).source, ip("192.0.2.1"));
        EXPECT_EQ(test::transport_checksum(opened.packet), 0);
    }
}

// An ICMP error by a router, quoting `quoted` octets of the packet.
Bytes too_big(ByteView about, std::uint32_t mtu, std::size_t quoted) {
    const bool v6 = about[0] >> 4U == 6;
    Bytes packet = make({.source = v6 ? "2001:db8::99" : "192.0.2.99",
                         .destination = v6 ? "2001:db8::1" : "192.0.2.1",
                         .protocol = v6 ? protocol_icmpv6 : protocol_icmp,
                         .source_port = v6 ? std::uint16_t{0x0200} : std::uint16_t{0x0304},
                         .payload = quoted});
    const std::size_t at = v6 ? 40 : 20;
    if (v6) {
        set_u32(packet, at + 4, mtu);
    } else {
        set_u16(packet, at + 6, static_cast<std::uint16_t>(mtu));
    }
    std::copy_n(about.begin(), quoted, packet.begin() + static_cast<std::ptrdiff_t>(at + 8));
    return packet;
}

// Abuse I-06, outer.
TEST(IcmpAboutSa, I_06_only_what_fits_a_live_sa_is_believed_and_never_below_the_floor) {
    for (const bool udp : {false, true}) {
        ChildSa child = test::child_sa();
        child.udp_encap = udp;
        child.local.port = child.remote.port = udp ? 4500 : 0;
        const auto pair = test::pair_of(child);
        const Bytes outer = test::protect(*pair.out, make({.payload = 1300}));
        const auto believed = [&](ByteView about, std::uint32_t mtu, std::size_t quoted) {
            const auto message = read_too_big(too_big(about, mtu, quoted));
            return message ? believed_path_mtu(*message, *pair.out) : std::nullopt;
        };
        EXPECT_EQ(believed(outer, 1300, 64), 1300U);
        EXPECT_EQ(believed(outer, 1300, 28),
                  1300U);  // 8 octets behind the header, as RFC 792 has it
        EXPECT_EQ(believed(outer, 575, 64), 576U);
        EXPECT_EQ(believed(outer, 68, 64), 576U);
        EXPECT_EQ(believed(outer, 1, 64), 576U);
        EXPECT_EQ(believed(outer, 0, 64), std::nullopt);
        EXPECT_EQ(believed(outer, 1300, 27), std::nullopt);
        Bytes other = outer;
        set_u32(other, udp ? 28 : 20, 0x2003);  // another SPI
        EXPECT_EQ(believed(other, 1300, 64), std::nullopt);
        other = outer;
        other[19] ^= 1U;  // not our peer
        EXPECT_EQ(believed(other, 1300, 64), std::nullopt);
        other = outer;
        other[9] = protocol_tcp;
        EXPECT_EQ(believed(other, 1300, 64), std::nullopt);
        if (udp) {
            other = outer;
            set_u16(other, 22, 4501);
            EXPECT_EQ(believed(other, 1300, 64), std::nullopt);
        }
        pair.out->set_path_mtu(1300);
        EXPECT_EQ(believed(outer, 1400, 64), std::nullopt);  // never wider
        EXPECT_EQ(believed(outer, 1290, 64), 1290U);
    }
}

TEST(IcmpAboutSa, I_06_the_floor_of_ipv6_is_1280) {
    ChildSa child = test::child_sa();
    child.local.address = ip("2001:db8::1");
    child.remote.address = ip("2001:db8::2");
    const auto pair = test::pair_of(child);
    const Bytes outer = test::protect(*pair.out, make({.payload = 1300}));
    for (const auto& [mtu, wanted] :
         {std::pair{1400U, 1400U}, {1279U, 1280U}, {0x10000U, 0x10000U}}) {
        const auto message = read_too_big(too_big(outer, mtu, 64));
        ASSERT_TRUE(message);
        EXPECT_EQ(believed_path_mtu(*message, *pair.out), wanted);
    }
}

TEST(IcmpAboutSa, other_icmp_says_nothing) {
    const auto pair = test::pair_of(test::child_sa());
    const Bytes outer = test::protect(*pair.out, make({}));
    Bytes message = too_big(outer, 1300, 60);
    for (const std::uint8_t code : Bytes{0, 1, 2, 3, 5}) {
        message[21] = code;
        EXPECT_FALSE(read_too_big(message));
    }
    EXPECT_FALSE(read_too_big(make({})));
    for (std::size_t size = 0; size < message.size(); ++size) {
        EXPECT_FALSE(read_too_big(ByteView{message}.first(size)));
    }
}

// The inner MTU is exact: one octet more would not fit the path.
TEST(PathMtu, the_inner_mtu_is_the_largest_that_fits) {
    for (const IpsecMode mode : {IpsecMode::tunnel, IpsecMode::transport}) {
        for (const bool udp : {false, true}) {
            ChildSa child = test::child_sa(mode);
            child.udp_encap = udp;
            for (std::uint32_t path = 1280; path < 1330; ++path) {
                const auto pair = test::pair_of(child);
                pair.out->set_path_mtu(path);
                const std::uint32_t inner = pair.out->inner_mtu(path);
                DropReason dropped{};
                const Bytes fits = test::protect(
                    *pair.out, make({.payload = inner - 28, .dont_fragment = true}), &dropped);
                EXPECT_EQ(dropped, DropReason::none);
                EXPECT_LE(fits.size(), path);
                test::protect(*pair.out, make({.payload = inner - 27, .dont_fragment = true}),
                              &dropped);
                EXPECT_EQ(dropped, DropReason::outbound_too_big) << path;
                // Without DF it leaves whole and is fragmented on its way (RFC 4301 8.1).
                test::protect(*pair.out, make({.payload = inner - 27}), &dropped);
                EXPECT_EQ(dropped, DropReason::none);
            }
        }
    }
}

}  // namespace
}  // namespace culvert::ipsec
