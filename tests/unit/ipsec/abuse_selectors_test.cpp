// What a peer may put into traffic selectors (abuse T-02): each Child SA brings as many as there
// may be, which are of no use to any table, and finding the policy of a packet stays cheap.

#include <ctime>
#include <string>

#include <gtest/gtest.h>

#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::info_of;
using test::make;

constexpr std::uint32_t children = 100;
constexpr std::uint16_t selectors = 255;  // ike::v2::selectors_max, a side
constexpr std::uint16_t ports = 5;        // from one to the next, of which the last is left out
// Filed pair by pair the first two of them alone took so long, and all of them hours. As they are
// it is far less than a second; the rest is for a build that looks at every access.
constexpr std::clock_t time_max = 15 * CLOCKS_PER_SEC;

// Ranges of ports, of which none merges with another, and of addresses that overlap: prefixes
// cannot say them, and all begin alike.
TrafficSelectors bomb(std::string_view network, std::uint32_t child) {
    TrafficSelectors out;
    for (std::uint16_t i = 0; i < selectors; ++i) {
        const std::string base{network};
        TrafficSelector one =
            test::ts(base + std::to_string(child) + "." + std::to_string(i / 2) + "-" + base +
                     std::to_string(child) + "." + std::to_string(i / 2 + selectors / 2));
        one.protocol = protocol_udp;
        one.port_first = static_cast<std::uint16_t>(ports * i);
        one.port_last = static_cast<std::uint16_t>(ports * i + ports - 2);
        out.push_back(one);
    }
    return out;
}

TEST(Abuse, T_02_a_hundred_bombs_of_selectors_cost_little_and_say_what_they_said) {
    const std::clock_t start = std::clock();
    SpdBuilder builder;
    std::vector<SpdEntryId> ids;
    for (std::uint32_t child = 0; child < children; ++child) {
        ids.push_back(builder.add({.action = PolicyAction::protect,
                                   .reqid = ReqId{child + 1},
                                   .local = bomb("10.1.", child),
                                   .remote = bomb("10.2.", child),
                                   .priority = 10}));
        (void)builder.snapshot();  // as the plane does
    }
    const Spd full = builder.snapshot();
    culvert::test::SeededRandom random{2};
    unsigned matched = 0;
    for (unsigned i = 0; i < 3000; ++i) {
        // All of one and the same Child SA, or of several.
        const auto child = static_cast<std::uint32_t>(random.below(children));
        const auto other = random.chance(80) ? child : (child + 1) % children;
        const auto host = [&](std::string_view network, std::uint32_t of) {
            return std::string{network} + std::to_string(of) + "." +
                   std::to_string(random.below(256));
        };
        const std::string source = host("10.1.", child);
        const std::string destination = host("10.2.", other);
        const PacketInfo packet =
            info_of(make({.source = source,
                          .destination = destination,
                          .source_port = static_cast<std::uint16_t>(random.below(1300)),
                          .destination_port = static_cast<std::uint16_t>(random.below(1300))}));
        const bool covered =
            child == other && matches_outbound(packet, builder.entry(ids[child]).local,
                                               builder.entry(ids[child]).remote);
        const SpdDecision decision = full.lookup_outbound(packet);
        ASSERT_EQ(decision.reqid, covered ? ReqId{child + 1} : ReqId{}) << i;
        matched += covered ? 1 : 0;
        PacketInfo back = packet;
        std::swap(back.source, back.destination);
        std::swap(back.source_port, back.destination_port);
        ASSERT_EQ(full.check_inbound_clear(back),
                  covered ? DropReason::inbound_must_be_protected : DropReason::none);
    }
    EXPECT_GT(matched, 200U);
    for (const SpdEntryId id : ids) { builder.remove(id); }
    EXPECT_FALSE(builder.snapshot().lookup_outbound(info_of(make({}))).entry);
    EXPECT_LT(std::clock() - start, time_max);
}

// The same, with nothing in their addresses that tells them apart.
TEST(Abuse, T_02_bombs_of_one_network_are_compared_one_by_one_and_no_more) {
    const std::clock_t start = std::clock();
    SpdBuilder builder;
    for (std::uint32_t child = 0; child < children; ++child) {
        SpdEntry entry{.action = PolicyAction::protect,
                       .reqid = ReqId{child + 1},
                       .local = bomb("10.1.", 0),
                       .remote = bomb("10.2.", 0),
                       .priority = 10};
        for (TrafficSelector& one : entry.local) {
            one.port_first =
                static_cast<std::uint16_t>(one.port_first + selectors * ports * (child / 2));
            one.port_last =
                static_cast<std::uint16_t>(one.port_last + selectors * ports * (child / 2));
        }
        builder.add(entry);
    }
    const Spd full = builder.snapshot();
    const auto reqid_for = [&](std::uint16_t source_port) {
        return full
            .lookup_outbound(info_of(make({.source = "10.1.0.127",
                                           .destination = "10.2.0.127",
                                           .source_port = source_port,
                                           .destination_port = 0})))
            .reqid;
    };
    for (std::uint32_t child = 0; child < children; child += 2) {
        const auto port = static_cast<std::uint16_t>(selectors * ports * (child / 2));
        // Of two alike the earlier one.
        EXPECT_EQ(reqid_for(port), ReqId{child + 1});
        EXPECT_EQ(reqid_for(static_cast<std::uint16_t>(port + ports - 1)), ReqId{});
    }
    for (unsigned i = 0; i < 2000; ++i) { EXPECT_EQ(reqid_for(65535), ReqId{}); }
    EXPECT_LT(std::clock() - start, time_max);
}

}  // namespace
}  // namespace culvert::ipsec
