// What an attacker on the wire, or a peer with keys, may put into packets (abuse I-01 to I-10);
// each test bears the id of its case. Each refusal has a counter of its own, and the next packet
// gets through.

#include <array>
#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "hostile.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/icmp_about_sa.hpp"
#include "packets.hpp"

namespace culvert::ipsec {
namespace {

using test::make;
using test::open;
using test::pair_of;
using test::protect;
using test::refuses;
using test::sealed;
using test::Spec;
using test::with_trailer;

TEST(Abuse, I_01_spoofing_through_the_tunnel_is_dropped) {
    ChildSa sa = test::child_sa();
    sa.remote_ts = test::ts_list({"10.2.0.0/16[udp/2000]"});
    const auto pair = pair_of(sa);
    const auto inside = [&](const Spec& spec, std::uint32_t sequence) {
        return open(*pair.in, sealed(with_trailer(make(spec), protocol_ipip), 0x2002, sequence))
            .dropped;
    };
    EXPECT_EQ(inside({}, 1), DropReason::none);
    EXPECT_EQ(inside({.source = "10.9.0.1"}, 2), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.destination = "10.3.0.1"}, 3), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.protocol = protocol_tcp}, 4), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.destination_port = 2001}, 5), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.fragment_offset = 8}, 6), DropReason::inbound_selectors);
    EXPECT_EQ(inside({}, 7), DropReason::none);
    EXPECT_EQ(pair.in->highest_sequence(), 7U);  // they were authentic: the window moved
    EXPECT_EQ(pair.in->counters().packets, 2U);
}

TEST(Abuse, I_01_the_sender_does_not_send_what_the_sa_does_not_cover) {
    Sad sad;
    sad.add(pair_of(test::child_sa()).out);
    EXPECT_EQ(sad.outbound(ReqId{1}, test::info_of(make({.source = "10.9.0.1"}))), nullptr);
}

TEST(Abuse, I_03_outer_fragments_are_not_opened_one_by_one) {
    const auto pair = pair_of(test::child_sa());
    Bytes outer = protect(*pair.out, make({}));
    outer[6] = 0x20;
    refuses(pair, outer, DropReason::inbound_fragment);
    outer[6] = 0;
    outer[7] = 1;
    refuses(pair, outer, DropReason::inbound_fragment);
    outer[7] = 0;
    EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::none);
}

// Inner fragments pass through a tunnel one by one: nothing of them is kept, so none can fill
// anything. What selectors with ports let in shows its ports.
TEST(Abuse, I_03_inner_fragments_are_never_kept_and_never_let_in_unseen) {
    ChildSa sa = test::child_sa();
    sa.remote_ts = test::ts_list({"10.2.0.0/16[udp/2000]"});
    const auto narrow = pair_of(sa);
    const auto wide = pair_of(test::child_sa());
    std::uint32_t sequence = 1;
    const auto inside = [&](const test::Pair& pair, Bytes inner) {
        return open(*pair.in, sealed(with_trailer(inner, protocol_ipip), 0x2002, sequence++));
    };
    const Bytes first = make({.more_fragments = true});
    EXPECT_EQ(inside(narrow, first).dropped, DropReason::none);
    // Tiny: a first piece that ends before its ports do.
    Bytes tiny{first.begin(), first.begin() + 20 + 3};
    set_u16(tiny, 2, 23);
    set_ipv4_checksum(MutableByteView{tiny}.first(20));
    EXPECT_EQ(inside(narrow, tiny).dropped, DropReason::inbound_selectors);
    // Over the first piece: at offset 8, behind the ports or with others in it.
    EXPECT_EQ(inside(narrow, make({.fragment_offset = 8})).dropped, DropReason::inbound_selectors);
    EXPECT_EQ(
        inside(narrow, make({.source_port = 9, .destination_port = 9, .more_fragments = true}))
            .dropped,
        DropReason::inbound_selectors);
    // Where any port may pass they are the receiver's to put together, whole or not.
    for (int piece = 0; piece < 1000; ++piece) {
        const Bytes one = make({.identification = static_cast<std::uint16_t>(piece),
                                .fragment_offset = 8,
                                .more_fragments = true});
        const auto opened = inside(wide, one);
        ASSERT_EQ(opened.dropped, DropReason::none);
        ASSERT_EQ(opened.packet, one);
    }
}

TEST(Abuse, I_03_inner_fragments_that_end_past_65535_are_dropped) {
    const auto pair = pair_of(test::child_sa());
    std::uint32_t sequence = 1;
    const auto inside = [&](bool v6, std::uint16_t offset, std::size_t size) {
        const Bytes inner = make({.source = v6 ? "fd01::1" : "10.1.0.1",
                                  .destination = v6 ? "fd02::1" : "10.2.0.1",
                                  .protocol = 200,
                                  .payload = size,
                                  .fragment_offset = offset});
        return open(*pair.in, sealed(with_trailer(inner, v6 ? protocol_ipv6 : protocol_ipip),
                                     0x2002, sequence++))
            .dropped;
    };
    // Behind a header of 20 octets, which counts; IPv6's does not.
    EXPECT_EQ(inside(false, 65504, 11), DropReason::none);
    EXPECT_EQ(inside(false, 65504, 12), DropReason::inbound_inner_malformed);
    EXPECT_EQ(inside(false, 65528, 1400), DropReason::inbound_inner_malformed);
    EXPECT_EQ(inside(true, 65504, 31), DropReason::none);
    EXPECT_EQ(inside(true, 65504, 32), DropReason::inbound_inner_malformed);
}

TEST(Abuse, I_04_inner_headers_that_lie) {
    const auto pair = pair_of(test::child_sa());
    std::uint32_t sequence = 1;
    const auto inside = [&](ByteView inner, std::uint8_t next) {
        return open(*pair.in, sealed(with_trailer(inner, next), 0x2002, sequence++)).dropped;
    };
    Bytes bad = make({});
    bad[0] = 0x44;
    EXPECT_EQ(inside(bad, protocol_ipip), DropReason::inbound_inner_malformed);
    bad = make({});
    set_u16(bad, 2, 2000);
    EXPECT_EQ(inside(bad, protocol_ipip), DropReason::inbound_inner_malformed);
    EXPECT_EQ(inside({}, protocol_ipip), DropReason::inbound_inner_malformed);
    // IPv4 inside, announced as IPv6.
    EXPECT_EQ(inside(make({}), protocol_ipv6), DropReason::inbound_inner_malformed);
    EXPECT_EQ(inside(make({}), protocol_tcp), DropReason::inbound_next_header);
    // A dummy packet (RFC 4303 2.6) goes silently, whatever is in it.
    EXPECT_EQ(inside(Bytes(40, 0xaa), protocol_none), DropReason::inbound_dummy);
    EXPECT_EQ(inside({}, protocol_none), DropReason::inbound_dummy);
    // Padding against traffic analysis behind the inner packet is no part of it.
    const auto padded =
        open(*pair.in, sealed(with_trailer(make({}), protocol_ipip, 400), 0x2002, sequence++));
    EXPECT_EQ(padded.dropped, DropReason::none);
    EXPECT_EQ(padded.packet, make({}));
}

TEST(Abuse, I_05_esp_inside_esp_is_handed_on_whole) {
    ChildSa sa = test::child_sa();
    sa.local_ts = test::ts_list({"0.0.0.0/0"});
    sa.remote_ts = sa.local_ts;
    const auto pair = pair_of(sa);
    Bytes packet = make({});
    for (int depth = 0; depth < 100; ++depth) { packet = protect(*pair.out, packet); }
    // One call opens one layer.
    const auto opened = open(*pair.in, packet);
    ASSERT_EQ(opened.dropped, DropReason::none);
    EXPECT_EQ(test::info_of(opened.packet).protocol, protocol_esp);
}

// Inner ICMP is the inner hosts' affair: it comes through a tunnel like any packet, and whatever it
// says of MTUs, what we know of the path stays.
TEST(Abuse, I_06_an_mtu_inside_of_the_tunnel_says_nothing_of_the_path) {
    const auto pair = pair_of(test::child_sa());
    pair.out->set_path_mtu(1400);
    std::uint32_t sequence = 1;
    for (const unsigned mtu : {0U, 1U, 68U, 575U}) {
        Bytes inner =
            make({.protocol = protocol_icmp, .source_port = 3U << 8U | 4U, .payload = 40});
        set_u16(inner, 26, static_cast<std::uint16_t>(mtu));
        const auto opened =
            open(*pair.in, sealed(with_trailer(inner, protocol_ipip), 0x2002, sequence++));
        ASSERT_EQ(opened.dropped, DropReason::none);
        EXPECT_EQ(opened.packet, inner);
        const auto message = read_too_big(opened.packet);
        EXPECT_FALSE(message && believed_path_mtu(*message, *pair.out));
        EXPECT_EQ(pair.out->path_mtu(), 1400U);
    }
}

TEST(Abuse, I_07_every_inner_size_comes_back_exactly) {
    const auto pair = pair_of(test::child_sa());
    // Every size up to 3000, then steps that meet every residue, to the largest that fits.
    for (std::size_t payload = 0; payload < 65535 - 20 - 8 - 60;
         payload += payload < 3000 ? 1 : 997) {
        const Bytes inner = make({.payload = payload});
        DropReason dropped{};
        const Bytes outer = protect(*pair.out, inner, &dropped);
        ASSERT_EQ(dropped, DropReason::none) << payload;
        const auto opened = open(*pair.in, outer);
        ASSERT_EQ(opened.dropped, DropReason::none) << payload;
        ASSERT_EQ(opened.packet, inner) << payload;
    }
    DropReason dropped{};
    protect(*pair.out, make({.payload = 65535 - 28}), &dropped);
    EXPECT_EQ(dropped, DropReason::outbound_too_big);
}

TEST(Abuse, I_07_truncated_at_every_octet) {
    const auto pair = pair_of(test::child_sa());
    const Bytes outer = protect(*pair.out, make({}));
    for (std::size_t size = 0; size < outer.size(); ++size) {
        Bytes cut{outer.begin(), outer.begin() + static_cast<std::ptrdiff_t>(size)};
        if (size >= 20) {
            set_u16(cut, 2, static_cast<std::uint16_t>(size));
            set_ipv4_checksum(MutableByteView{cut}.first(20));
        }
        const DropReason reason = open(*pair.in, cut).dropped;
        EXPECT_TRUE(reason == DropReason::inbound_malformed ||
                    reason == DropReason::inbound_integrity)
            << size << " " << name(reason);
    }
    EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::none);
}

TEST(Abuse, I_07_any_headroom_and_alignment) {
    for (const IpsecMode mode : {IpsecMode::tunnel, IpsecMode::transport}) {
        const auto pair = pair_of(test::child_sa(mode));
        const Bytes inner = make({});
        for (std::size_t headroom = 0; headroom < 48; ++headroom) {
            const Bytes outer = protect(*pair.out, inner);
            Bytes buffer(headroom);
            append(buffer, ByteView{outer}.subspan(20));
            CryptoContext crypto;
            DecapJob job;
            job.esp = MutableByteView{buffer}.subspan(headroom);
            job.outer_source = test::ip("10.1.0.1");
            job.outer_destination = test::ip("10.2.0.1");
            job.headroom = headroom;
            const DropReason reason = decapsulate(*pair.in, job, crypto, Instant{});
            // Transport mode puts a header in front; the SPI, sequence number and IV make room.
            const bool room = mode == IpsecMode::tunnel || headroom + 16 >= 20;
            EXPECT_EQ(reason, room ? DropReason::none : DropReason::inbound_no_room) << headroom;
        }
    }
}

TEST(Abuse, I_09_udp_encapsulation_that_lies) {
    ChildSa sa = test::child_sa();
    sa.udp_encap = true;
    sa.local.port = sa.remote.port = 4500;
    const auto pair = pair_of(sa);
    const Bytes outer = protect(*pair.out, make({}));
    for (const unsigned length : {0U, 7U, 8U, 11U, 0xffffU}) {
        Bytes bad = outer;
        set_u16(bad, 24, static_cast<std::uint16_t>(length));
        EXPECT_EQ(open(*pair.in, bad).dropped, DropReason::inbound_malformed) << length;
    }
    // RFC 3948 2.1: a checksum there is not looked at; ESP proves more.
    Bytes summed = outer;
    set_u16(summed, 26, 0x1234);
    EXPECT_EQ(open(*pair.in, summed).dropped, DropReason::none);
}

TEST(Abuse, I_10_spis_that_are_not_ours) {
    const auto pair = pair_of(test::child_sa());
    const Bytes text = with_trailer(make({}), protocol_ipip);
    for (const std::uint32_t spi : {0U, 1U, 255U}) {
        refuses(pair, sealed(text, spi), DropReason::inbound_reserved_spi);
    }
    refuses(pair, sealed(text, 0x2003), DropReason::inbound_no_sa);
    refuses(pair, sealed(text, 0xffffffffU), DropReason::inbound_no_sa);
    EXPECT_EQ(open(*pair.in, sealed(text)).dropped, DropReason::none);
}

TEST(Abuse, I_10_another_peers_spi_needs_another_peers_key) {
    ChildSa other = test::child_sa();
    const Bytes key(20, 1);
    other.inbound.encryption = Secret::copy_of(key);
    other.outbound.encryption = Secret::copy_of(key);
    const auto pair = pair_of(other);
    // Sealed under the keys of test::child_sa(), whose own SA has them right.
    const Bytes packet = sealed(with_trailer(make({}), protocol_ipip));
    refuses(pair, packet, DropReason::inbound_integrity);
    EXPECT_EQ(open(*pair_of(test::child_sa()).in, packet).dropped, DropReason::none);
    EXPECT_EQ(open(*pair.in, protect(*pair.out, make({}))).dropped, DropReason::none);
}

TEST(Abuse, every_reason_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < drop_reasons; ++i) {
        names.insert(name(static_cast<DropReason>(i)));
    }
    EXPECT_EQ(names.size(), drop_reasons);
    EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace culvert::ipsec
