// What a worker remembers of flows: only what was said of the very same flow in this generation.

#include "ipsec/flow_cache.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::ip;

PacketInfo flow(std::uint16_t source_port = 1000) {
    PacketInfo out;
    out.source = ip("10.1.0.1");
    out.destination = ip("10.2.0.1");
    out.protocol = protocol_udp;
    out.has_ports = true;
    out.source_port = source_port;
    out.destination_port = 53;
    return out;
}

FlowCache::Entry saying(std::uint32_t reqid) {
    return {.decision = {.action = PolicyAction::protect,
                         .reqid = ReqId{reqid},
                         .entry = SpdEntryId{reqid}}};
}

TEST(FlowCache, finds_what_was_put_and_nothing_for_a_flow_that_differs_in_anything) {
    FlowCache cache{1};  // all want the same slot
    EXPECT_EQ(cache.find(flow(), 1), nullptr);
    cache.put(flow(), 1, saying(5));
    const FlowCache::Entry* const found = cache.find(flow(), 1);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->decision.reqid, ReqId{5});
    EXPECT_EQ(*found->decision.entry, SpdEntryId{5});
    std::vector<PacketInfo> others(7, flow());
    others[0].source = ip("10.1.0.2");
    others[1].destination = ip("10.2.0.2");
    others[2].protocol = protocol_tcp;
    others[3].has_ports = false;
    others[4].source_port = 1001;
    others[5].destination_port = 54;
    others[6].family = IpFamily::v6;
    for (std::size_t i = 0; i < others.size(); ++i) {
        EXPECT_EQ(cache.find(others[i], 1), nullptr) << i;
    }
    // What is no part of a flow does not matter.
    PacketInfo same = flow();
    same.total_size = 99;
    same.hop_limit = 3;
    EXPECT_NE(cache.find(same, 1), nullptr);
}

TEST(FlowCache, another_generation_knows_nothing_and_never_again_what_was_before) {
    FlowCache cache;
    cache.put(flow(), 1, saying(1));
    EXPECT_EQ(cache.find(flow(), 2), nullptr);
    cache.put(flow(1001), 2, saying(2));
    EXPECT_EQ(cache.find(flow(), 2), nullptr);
    EXPECT_NE(cache.find(flow(1001), 2), nullptr);
    EXPECT_EQ(cache.find(flow(), 1), nullptr);
}

// Slots know their generation by fewer bits than it has: the entry of one that has the same bits
// would lead to an SA that is gone.
TEST(FlowCache, a_flow_of_an_old_generation_stays_forgotten_however_many_come_after_it) {
    // So many slots that those of the first generation are not wanted by what comes after it.
    FlowCache cache{std::size_t{1} << 19U};
    constexpr std::uint16_t count = 16;
    std::uint64_t generation = 1;
    for (std::uint16_t i = 0; i < count; ++i) { cache.put(flow(i), generation, saying(1)); }
    for (std::uint32_t i = 0; i < 70'000; ++i) {
        cache.put(flow(count), ++generation, saying(2));
        for (std::uint16_t old = 0; old < count; ++old) {
            ASSERT_EQ(cache.find(flow(old), generation), nullptr) << i;
        }
        ASSERT_NE(cache.find(flow(count), generation), nullptr) << i;
    }
}

TEST(FlowCache, many_flows_never_get_the_answer_of_another) {
    culvert::test::SeededRandom random{5};
    FlowCache cache{64};
    std::size_t known = 0;
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        const auto port = static_cast<std::uint16_t>(random.below(200));
        const std::uint64_t generation = 1 + i / 5000;
        if (const auto* entry = cache.find(flow(port), generation); entry != nullptr) {
            ASSERT_EQ(entry->decision.reqid,
                      ReqId{static_cast<std::uint32_t>(port + generation * 1000)})
                << i;
            ++known;
        } else {
            cache.put(flow(port), generation,
                      saying(static_cast<std::uint32_t>(port + generation * 1000)));
        }
    }
    EXPECT_GT(known, 5000U);
}

}  // namespace
}  // namespace culvert::ipsec
