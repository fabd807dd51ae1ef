// What crosses the tunnel of DSCP, ECN, DF, TTL and flow label (RFC 4301 5.1.2, RFC 6040).

#include <array>

#include <gtest/gtest.h>

#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"
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

TEST(HeaderRules, a_fixed_dscp_is_that_of_all_that_leaves) {
    for (const bool v6 : {false, true}) {
        for (const DscpCopy copy : {DscpCopy::none, DscpCopy::out, DscpCopy::in, DscpCopy::both}) {
            ChildSa sa = test::child_sa();
            sa.header_rules.copy_dscp = copy;
            sa.header_rules.dscp = 0x2e;
            const auto pair = pair_of(sa);
            Bytes outer = protect(*pair.out, make({.source = v6 ? "fd01::1" : "10.1.0.1",
                                                   .destination = v6 ? "fd02::1" : "10.2.0.1",
                                                   .traffic_class = 0x28U << 2U | ect_0}));
            EXPECT_EQ(outer[1], 0x2eU << 2U | ect_0);  // ECN is no business of DSCP's
            set_traffic_class(outer, 0x10U << 2U | ect_0);
            const auto opened = open(*pair.in, outer);
            ASSERT_EQ(opened.dropped, DropReason::none);
            const bool in = copy == DscpCopy::in || copy == DscpCopy::both;
            EXPECT_EQ(test::info_of(opened.packet).traffic_class,
                      (in ? 0x10U : 0x28U) << 2U | ect_0);
        }
    }
}

TEST(HeaderRules, df_is_copied_set_or_cleared) {
    for (const DfRule rule : {DfRule::copy, DfRule::set, DfRule::clear}) {
        for (const bool df : {true, false}) {
            ChildSa sa = test::child_sa();
            sa.header_rules.df = rule;
            const auto pair = pair_of(sa);
            const Bytes outer = protect(*pair.out, make({.dont_fragment = df}));
            const bool set = rule == DfRule::set || (rule == DfRule::copy && df);
            EXPECT_EQ((outer[6] & 0x40U) != 0, set);
            // RFC 6864 4.1: identification means something only where fragments may come to be.
            EXPECT_EQ(get_u16(outer, 4), set ? 0 : 7);
        }
    }
}

TEST(HeaderRules, where_df_is_set_outside_alone_a_large_inner_packet_is_to_be_cut) {
    ChildSa sa = test::child_sa();
    sa.header_rules.df = DfRule::set;
    const auto pair = pair_of(sa);
    const auto to_be_cut = [&](bool df, std::size_t payload) {
        return to_be_cut_first(*pair.out,
                               test::info_of(make({.payload = payload, .dont_fragment = df})));
    };
    EXPECT_FALSE(to_be_cut(false, 1400));  // nothing is known of the path
    pair.out->set_path_mtu(1000);
    const std::size_t room = pair.out->inner_mtu(1000) - 28;  // behind IP and UDP
    EXPECT_FALSE(to_be_cut(false, room));
    EXPECT_TRUE(to_be_cut(false, room + 1));
    EXPECT_FALSE(to_be_cut(true, room + 1));  // its sender is told
}

// RFC 8200 5: a sender of IPv6 that is told of less than 1280 goes on sending 1280.
TEST(HeaderRules, an_ipv6_packet_of_1280_octets_is_carried_in_outer_fragments) {
    for (const bool over_v6 : {false, true}) {
        for (const IpsecProtocol protocol : {IpsecProtocol::esp, IpsecProtocol::ah}) {
            ChildSa sa = test::child_sa();
            if (protocol == IpsecProtocol::ah) {
                sa.suite = {.protocol = protocol,
                            .integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_128};
                sa.inbound = {.encryption = {}, .integrity = Secret(32)};
                sa.outbound = {.encryption = {}, .integrity = Secret(32)};
            }
            if (over_v6) {
                sa.local = {test::ip("2001:db8::1"), 0};
                sa.remote = {test::ip("2001:db8::2"), 0};
            }
            const auto pair = pair_of(sa);
            pair.out->set_path_mtu(1280);
            const auto carry = [&](std::size_t size) {
                const Bytes inner =
                    make({.source = "fd01::1", .destination = "fd02::1", .payload = size - 40 - 8});
                const PacketInfo info = test::info_of(inner);
                Bytes room(inner.size() + overhead_max);
                EncapJob job{.packet = inner, .info = &info, .out = room};
                CryptoContext crypto;
                encapsulate(*pair.out, job, crypto, Instant{});
                return job;
            };
            const EncapJob whole = carry(1280);
            EXPECT_EQ(whole.dropped, DropReason::none);
            EXPECT_FALSE(whole.outer.dont_fragment);
            EXPECT_TRUE(carry(pair.out->inner_mtu(1280)).outer.dont_fragment);
            EXPECT_EQ(carry(1281).dropped, DropReason::outbound_too_big);
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
