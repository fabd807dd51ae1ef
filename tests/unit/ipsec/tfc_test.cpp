// Traffic-flow confidentiality: padding behind the inner packet (RFC 4303 2.7) and dummy packets
// (RFC 4303 2.6).

#include <gtest/gtest.h>

#include "packets.hpp"

namespace culvert::ipsec {
namespace {

using test::make;
using test::open;
using test::pair_of;
using test::protect;

ChildSa padded(std::optional<std::uint16_t> to, IpsecMode mode = IpsecMode::tunnel) {
    ChildSa sa = test::child_sa(mode);
    sa.tfc_padding = to;
    return sa;
}

TEST(TfcPadding, packets_of_many_sizes_leave_as_one_size_and_come_back_exactly) {
    const auto pair = pair_of(padded(1000));
    const std::size_t size = protect(*pair.out, make({.payload = 972})).size();
    for (const std::size_t payload : {0U, 1U, 2U, 3U, 500U, 971U, 972U}) {
        const Bytes inner = make({.payload = payload});
        const Bytes outer = protect(*pair.out, inner);
        EXPECT_EQ(outer.size(), size) << payload;
        const auto opened = open(*pair.in, outer);
        EXPECT_EQ(opened.dropped, DropReason::none);
        EXPECT_EQ(opened.packet, inner);
    }
    // What is larger goes as it is.
    EXPECT_GT(protect(*pair.out, make({.payload = 1100})).size(), size);
    EXPECT_FALSE(pair.out->carries_trains());
}

TEST(TfcPadding, to_the_path_mtu_fills_packets_that_it_takes) {
    const auto pair = pair_of(padded(0xffff));
    for (const std::uint32_t path_mtu : {1280U, 1400U, 1500U}) {
        pair.out->set_path_mtu(path_mtu);
        const Bytes outer = protect(*pair.out, make({}));
        EXPECT_LE(outer.size(), path_mtu);
        EXPECT_GT(outer.size(), path_mtu - 4);
        EXPECT_EQ(open(*pair.in, outer).packet, make({}));
    }
}

// What fits the path as it is must not become too big by its padding, however often it is sent.
TEST(TfcPadding, a_number_above_what_the_path_takes_is_cut_to_that) {
    const auto pair = pair_of(padded(1500));
    for (const std::uint32_t path_mtu : {1280U, 1500U}) {
        pair.out->set_path_mtu(path_mtu);
        const Bytes outer = protect(*pair.out, make({.payload = 12}));
        EXPECT_LE(outer.size(), path_mtu);
        EXPECT_GT(outer.size(), path_mtu - 4);
    }
}

TEST(TfcPadding, transport_mode_has_none_since_its_payload_need_not_tell_its_size) {
    const auto with = pair_of(padded(1000, IpsecMode::transport));
    const auto without = pair_of(padded({}, IpsecMode::transport));
    EXPECT_EQ(protect(*with.out, make({})).size(), protect(*without.out, make({})).size());
}

// RFC 4303 2.6: a sender MUST be able to make dummies, and a receiver drops them without a word.
TEST(DummyPackets, look_like_others_and_are_dropped_by_their_receiver) {
    for (const IpsecMode mode : {IpsecMode::tunnel, IpsecMode::transport}) {
        const auto pair = pair_of(test::child_sa(mode));
        const Bytes inner = make({});
        const PacketInfo info = test::info_of(inner);
        CryptoContext crypto;
        Bytes room(inner.size() + overhead_max);
        EncapJob job{.packet = inner, .info = &info, .dummy = true, .out = room};
        ASSERT_EQ(encapsulate(*pair.out, job, crypto, Instant{}), DropReason::none);
        Bytes outer(60);
        outer.resize(build_outer_header(*pair.out, job, 7, outer));
        append(outer, ByteView{room}.first(job.size));
        EXPECT_EQ(outer.size(), protect(*pair.out, inner).size());
        EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::inbound_dummy);
        // It has a number as any packet.
        EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::inbound_replay);
        EXPECT_EQ(open(*pair.in, protect(*pair.out, inner)).packet, inner);
    }
}

}  // namespace
}  // namespace culvert::ipsec
