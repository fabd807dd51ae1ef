// What crosses the tunnel of DSCP, ECN, DF, TTL and flow label (RFC 4301 5.1.2, RFC 6040).

#include <array>

#include <gtest/gtest.h>

#include "ipsec/header_fields.hpp"
#include "packets.hpp"

namespace culvert::ipsec {
namespace {

using test::make;
using test::open;
using test::pair_of;
using test::protect;

constexpr unsigned not_ect = 0;
constexpr unsigned ect_1 = 1;
constexpr unsigned ect_0 = 2;
constexpr unsigned ce = 3;
constexpr unsigned drop = 9;

// RFC 6040 figure 4, typed from the RFC: rows by the arriving inner header (Not-ECT, ECT(0),
// ECT(1), CE), columns by the arriving outer one (Not-ECT, ECT(0), ECT(1), CE). `alarm`: the (!)
// marks.
struct Row {
    unsigned inner;
    std::array<unsigned, 4> result;
    std::array<bool, 4> alarm;
};
constexpr std::array<unsigned, 4> columns{not_ect, ect_0, ect_1, ce};
constexpr std::array<Row, 4> figure_4{
    Row{not_ect, {not_ect, not_ect, not_ect, drop}, {false, true, true, true}},
    Row{ect_0, {ect_0, ect_0, ect_1, ce}, {false, false, false, false}},
    Row{ect_1, {ect_1, ect_1, ect_1, ce}, {false, true, false, false}},
    Row{ce, {ce, ce, ce, ce}, {false, false, true, false}},
};

// Abuse I-08, through the engine: the outer header is changed on its way.
TEST(HeaderRules, I_08_ecn_follows_figure_4_of_rfc_6040) {
    for (const bool v6 : {false, true}) {
        for (const Row& row : figure_4) {
            for (std::size_t column = 0; column < 4; ++column) {
                const auto pair = pair_of(test::child_sa());
                const Bytes inner =
                    make({.source = v6 ? "fd01::1" : "10.1.0.1",
                          .destination = v6 ? "fd02::1" : "10.2.0.1",
                          .traffic_class = static_cast<std::uint8_t>(0xa0U | row.inner)});
                Bytes outer = protect(*pair.out, inner);
                ASSERT_EQ(outer[1] & 3U, row.inner);
                set_traffic_class(outer,
                                  static_cast<std::uint8_t>((outer[1] & 0xfcU) | columns[column]));
                const auto opened = open(*pair.in, outer);
                EXPECT_EQ(opened.ecn_alarm, row.alarm[column])
                    << row.inner << " in " << columns[column];
                if (row.result[column] == drop) {
                    EXPECT_EQ(opened.dropped, DropReason::inbound_ecn);
                    continue;
                }
                ASSERT_EQ(opened.dropped, DropReason::none);
                const PacketInfo info = test::info_of(opened.packet);
                EXPECT_EQ(info.traffic_class, 0xa0U | row.result[column]);
                if (!v6) { EXPECT_EQ(test::header_checksum(opened.packet), 0); }
            }
        }
    }
}

TEST(HeaderRules, without_copy_ecn_the_outer_packet_is_not_ect_and_the_inner_one_kept) {
    ChildSa sa = test::child_sa();
    sa.header_rules.copy_ecn = false;
    const auto pair = pair_of(sa);
    Bytes outer = protect(*pair.out, make({.traffic_class = 0xa0U | ect_0}));
    EXPECT_EQ(outer[1], 0xa0);
    set_traffic_class(outer, 0xa0U | ce);
    const auto opened = open(*pair.in, outer);
    ASSERT_EQ(opened.dropped, DropReason::none);
    EXPECT_EQ(opened.packet[1], 0xa0U | ect_0);
}

TEST(HeaderRules, dscp_is_copied_as_the_rules_say) {
    struct Case {
        DscpCopy rule;
        std::uint8_t outer;  // of a packet with DSCP 0x28
        std::uint8_t inner;  // after the network has set 0x10 outside
    };
    for (const Case& one : {Case{DscpCopy::none, 0, 0x28}, Case{DscpCopy::out, 0x28, 0x28},
                            Case{DscpCopy::in, 0, 0x10}, Case{DscpCopy::both, 0x28, 0x10}}) {
        ChildSa sa = test::child_sa();
        sa.header_rules.copy_dscp = one.rule;
        const auto pair = pair_of(sa);
        Bytes outer = protect(*pair.out, make({.traffic_class = 0x28U << 2U}));
        EXPECT_EQ(outer[1] >> 2U, one.outer);
        set_traffic_class(outer, 0x10U << 2U);
        const auto opened = open(*pair.in, outer);
        ASSERT_EQ(opened.dropped, DropReason::none);
        EXPECT_EQ(opened.packet[1] >> 2U, one.inner);
        EXPECT_EQ(test::header_checksum(opened.packet), 0);
    }
}

TEST(HeaderRules, df_is_copied_or_cleared) {
    for (const bool copy : {true, false}) {
        for (const bool df : {true, false}) {
            ChildSa sa = test::child_sa();
            sa.header_rules.copy_df = copy;
            const auto pair = pair_of(sa);
            const Bytes outer = protect(*pair.out, make({.dont_fragment = df}));
            EXPECT_EQ((outer[6] & 0x40U) != 0, copy && df);
            // RFC 6864 4.1: identification means something only where fragments may come to be.
            EXPECT_EQ(get_u16(outer, 4), copy && df ? 0 : 7);
        }
    }
}

TEST(HeaderRules, ttl_is_made_anew_outside_and_kept_inside) {
    const auto pair = pair_of(test::child_sa());
    const Bytes outer = protect(*pair.out, make({.hop_limit = 3}));
    EXPECT_EQ(outer[8], 64);
    const auto opened = open(*pair.in, outer);
    ASSERT_EQ(opened.dropped, DropReason::none);
    EXPECT_EQ(opened.packet[8], 3);
}

TEST(HeaderRules, transport_mode_keeps_the_packets_own_fields) {
    const auto pair = pair_of(test::child_sa(IpsecMode::transport));
    const Bytes inner = make({.traffic_class = 0xb9, .hop_limit = 3, .dont_fragment = true});
    const Bytes outer = protect(*pair.out, inner);
    EXPECT_EQ(outer[1], 0xb9);
    EXPECT_EQ(outer[8], 3);
    EXPECT_EQ(outer[6], 0x40);
    EXPECT_EQ(test::header_checksum(outer), 0);
    const auto opened = open(*pair.in, outer);
    ASSERT_EQ(opened.dropped, DropReason::none);
    EXPECT_EQ(opened.packet, inner);
}

TEST(HeaderFields, a_checksum_brought_up_to_date_is_the_one_counted_anew) {
    Bytes header = make({});
    header.resize(20);
    for (unsigned value = 0; value < 256; ++value) {
        set_traffic_class(header, static_cast<std::uint8_t>(value));
        ASSERT_EQ(test::header_checksum(header), 0) << value;
    }
}

}  // namespace
}  // namespace culvert::ipsec
