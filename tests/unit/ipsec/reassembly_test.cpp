// Outer fragments put together again, with bounded memory; overlaps are refused.

#include "ipsec/reassembly.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "ipsec/fragment.hpp"
#include "ipsec/header_fields.hpp"
#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::info_of;
using test::make;
using test::Spec;

Reassembler::Taken take(Reassembler& to, ByteView packet, Instant now = Instant{}) {
    return to.take(packet, info_of(packet), now);
}

Bytes whole(bool v6, std::size_t payload = 4000) {
    return make({.source = v6 ? "fd01::1" : "10.1.0.1",
                 .destination = v6 ? "fd02::1" : "10.2.0.1",
                 .payload = payload});
}

std::vector<Bytes> cut(ByteView packet, std::uint32_t mtu, std::uint32_t identification = 9) {
    std::vector<Bytes> out;
    EXPECT_TRUE(fragment(packet, mtu, identification,
                         [&out](ByteView piece) { out.push_back(to_bytes(piece)); }));
    return out;
}

// A piece with `size` octets of data.
Bytes piece(std::uint16_t offset, std::size_t size, bool more, std::string_view source = "10.1.0.1",
            std::uint16_t identification = 1) {
    Bytes out = make({.source = source,
                      .protocol = 253,
                      .payload = size,
                      .identification = identification,
                      .fragment_offset = offset,
                      .more_fragments = more});
    return out;
}

TEST(Reassembly, any_order_gives_the_packet_back) {
    culvert::test::SeededRandom random{3};
    for (const bool v6 : {false, true}) {
        for (int round = 0; round < 200; ++round) {
            const Bytes packet = whole(v6, 1500 + random.below(8000));
            auto pieces = cut(packet, v6 ? 1280 : 576);
            ASSERT_GT(pieces.size(), 1U);
            for (std::size_t i = pieces.size(); i > 1; --i) {
                std::swap(pieces[i - 1], pieces[random.below(i)]);
            }
            Reassembler reassembler;
            for (std::size_t i = 0; i < pieces.size(); ++i) {
                const auto taken = take(reassembler, pieces[i]);
                ASSERT_EQ(taken.dropped, DropReason::none);
                ASSERT_EQ(taken.packet.empty(), i + 1 < pieces.size());
                if (i + 1 == pieces.size()) { EXPECT_EQ(taken.packet, packet); }
                if (random.chance(20) && i + 1 < pieces.size()) {  // the network duplicates
                    EXPECT_EQ(take(reassembler, pieces[i]).dropped, DropReason::none);
                }
            }
            EXPECT_EQ(reassembler.sets(), 0U);
            EXPECT_EQ(reassembler.octets(), 0U);
        }
    }
}

// RFC 791 3.2: a router on the way may cut what is cut already.
TEST(Reassembly, pieces_of_pieces_give_the_packet_back) {
    const Bytes packet = whole(false, 5000);
    Reassembler reassembler;
    std::size_t complete = 0;
    for (const Bytes& large : cut(packet, 1500)) {
        for (const Bytes& small : cut(large, 600)) {
            EXPECT_LE(small.size(), 600U);
            EXPECT_EQ(test::header_checksum(small), 0);
            const auto taken = take(reassembler, small);
            if (taken.packet.empty()) { continue; }
            EXPECT_EQ(to_bytes(taken.packet), packet);
            ++complete;
        }
    }
    EXPECT_EQ(complete, 1U);
}

TEST(Reassembly, esp_in_fragments_is_opened) {
    const auto pair = test::pair_of(test::child_sa());
    const Bytes inner = make({.payload = 3000});
    const Bytes outer = test::protect(*pair.out, inner);
    Reassembler reassembler;
    Bytes again;
    for (const Bytes& one : cut(outer, 1280)) {
        EXPECT_EQ(test::open(*pair.in, one).dropped, DropReason::inbound_fragment);
        again = take(reassembler, one).packet;
    }
    EXPECT_EQ(test::open(*pair.in, again).packet, inner);
}

// Abuse I-03.
TEST(Reassembly, I_03_overlaps_take_the_whole_set_with_them) {
    for (const auto& [offset, size] : {std::pair{8, 64}, {56, 64}, {0, 72}, {0, 56}, {32, 8}}) {
        Reassembler reassembler;
        EXPECT_EQ(take(reassembler, piece(0, 64, true)).dropped, DropReason::none);
        const Bytes bad =
            piece(static_cast<std::uint16_t>(offset), static_cast<std::size_t>(size), true);
        EXPECT_EQ(take(reassembler, bad).dropped, DropReason::reassembly_overlap) << offset;
        // RFC 5722 3: nor is what comes later of it put together.
        EXPECT_EQ(take(reassembler, piece(0, 64, true)).dropped, DropReason::reassembly_overlap);
        EXPECT_EQ(take(reassembler, piece(64, 64, false)).dropped, DropReason::reassembly_overlap);
        EXPECT_EQ(reassembler.octets(), 0U);
    }
}

TEST(Reassembly, I_03_two_ends_contradict_each_other) {
    Reassembler reassembler;
    EXPECT_EQ(take(reassembler, piece(64, 64, false)).dropped, DropReason::none);
    EXPECT_EQ(take(reassembler, piece(128, 64, true)).dropped, DropReason::reassembly_overlap);
    Reassembler other;
    EXPECT_EQ(take(other, piece(128, 64, true)).dropped, DropReason::none);
    EXPECT_EQ(take(other, piece(64, 64, false)).dropped, DropReason::reassembly_overlap);
}

TEST(Reassembly, I_03_no_packet_is_longer_than_65535) {
    EXPECT_FALSE(parse_packet(piece(65528, 64, false)));
    // Nor would the reassembler, had the parser let it pass.
    Reassembler reassembler;
    Bytes late = piece(64, 64, false);
    const PacketInfo info = info_of(late);
    set_u16(late, 6, 65528 / 8);
    EXPECT_EQ(reassembler.take(late, info, Instant{}).dropped, DropReason::inbound_malformed);
    EXPECT_EQ(reassembler.sets(), 0U);
}

TEST(Reassembly, I_03_empty_and_uneven_pieces_are_malformed) {
    Reassembler reassembler;
    EXPECT_EQ(take(reassembler, piece(0, 0, true)).dropped, DropReason::inbound_malformed);
    EXPECT_EQ(take(reassembler, piece(0, 63, true)).dropped, DropReason::inbound_malformed);
    EXPECT_EQ(take(reassembler, piece(64, 63, false)).dropped, DropReason::none);
}

TEST(Reassembly, I_03_many_open_sets_are_bounded_and_other_sources_unharmed) {
    Reassembler reassembler;
    const Bytes first = piece(0, 64, true, "10.1.9.9", 7);
    EXPECT_EQ(take(reassembler, first).dropped, DropReason::none);
    for (std::uint16_t i = 0; i < 5000; ++i) {
        EXPECT_EQ(take(reassembler, piece(0, 1024, true, "10.1.0.1", i),
                       Instant{} + std::chrono::milliseconds{i / 10})
                      .dropped,
                  DropReason::none);
    }
    EXPECT_LE(reassembler.sets(), reassembly_sets_a_source_max + 1);
    EXPECT_GT(reassembler.take_evicted(), 4900U);
    EXPECT_FALSE(take(reassembler, piece(64, 64, false, "10.1.9.9", 7)).packet.empty());
}

TEST(Reassembly, I_03_many_sources_are_bounded_too) {
    Reassembler reassembler;
    for (unsigned i = 0; i < 3000; ++i) {
        const std::string source =
            "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250);
        EXPECT_EQ(take(reassembler, piece(0, 32768, true, source)).dropped, DropReason::none);
        EXPECT_LE(reassembler.octets(), reassembly_octets_max);
        EXPECT_LE(reassembler.sets(), reassembly_sets_max);
    }
}

TEST(Reassembly, I_03_too_many_pieces_are_refused) {
    Reassembler reassembler;
    for (std::size_t i = 0; i < reassembly_pieces_max; ++i) {
        EXPECT_EQ(take(reassembler, piece(static_cast<std::uint16_t>(i * 16), 8, true)).dropped,
                  DropReason::none);
    }
    const auto next = static_cast<std::uint16_t>(reassembly_pieces_max * 16);
    EXPECT_EQ(take(reassembler, piece(next, 8, true)).dropped, DropReason::reassembly_limit);
}

TEST(Reassembly, what_stays_incomplete_is_let_go) {
    Reassembler reassembler;
    EXPECT_EQ(take(reassembler, piece(0, 64, true)).dropped, DropReason::none);
    EXPECT_EQ(reassembler.expire(Instant{} + reassembly_age_max - std::chrono::seconds{1}), 0U);
    EXPECT_EQ(reassembler.expire(Instant{} + reassembly_age_max), 1U);
    EXPECT_EQ(reassembler.octets(), 0U);
    // The other half comes too late, even when nobody has called expire().
    EXPECT_EQ(take(reassembler, piece(0, 64, true)).dropped, DropReason::none);
    EXPECT_TRUE(
        take(reassembler, piece(64, 64, false), Instant{} + reassembly_age_max).packet.empty());
}

TEST(Reassembly, congestion_of_one_piece_is_the_packets) {
    for (const auto& [first, second, result] :
         {std::tuple{2, 3, 3}, {3, 1, 3}, {2, 2, 2}, {0, 0, 0}, {0, 3, -1}}) {
        Reassembler reassembler;
        Bytes a = piece(0, 64, true);
        Bytes b = piece(64, 64, false);
        set_traffic_class(a, static_cast<std::uint8_t>(first));
        set_traffic_class(b, static_cast<std::uint8_t>(second));
        EXPECT_EQ(take(reassembler, a).dropped, DropReason::none);
        const auto taken = take(reassembler, b);
        if (result < 0) {
            EXPECT_EQ(taken.dropped, DropReason::inbound_ecn);
        } else {
            ASSERT_FALSE(taken.packet.empty());
            EXPECT_EQ(taken.packet[1] & 3, result);
            EXPECT_EQ(test::header_checksum(taken.packet), 0);
        }
    }
}

}  // namespace
}  // namespace culvert::ipsec
