#include "plane/user/stray_queue.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

Arrival run_of(Bytes& octets) {
    Arrival out;
    out.octets = octets;
    out.stride = octets.size();
    return out;
}

std::vector<Bytes> taken_from(StrayQueue& queue) {
    std::vector<Bytes> out;
    queue.take([&](const Arrival& run) { out.push_back(to_bytes(run.octets)); }, [] {});
    return out;
}

TEST(StrayQueue, GivesCopiesInTheirOrderAndOnce) {
    StrayQueue queue;
    Bytes first{1, 2, 3};
    Bytes second{4};
    ASSERT_TRUE(queue.give(run_of(first)));
    ASSERT_TRUE(queue.give(run_of(second)));
    first.assign(3, 0);
    EXPECT_EQ(taken_from(queue), (std::vector<Bytes>{{1, 2, 3}, {4}}));
    EXPECT_TRUE(taken_from(queue).empty());
}

TEST(StrayQueue, TheyStayUntilAllHaveBeenTaken) {
    StrayQueue queue;
    Bytes octets{7};
    ASSERT_TRUE(queue.give(run_of(octets)));
    MutableByteView kept;
    bool done = false;
    queue.take([&](const Arrival& run) { kept = run.octets; },
               [&] {
                   done = true;
                   EXPECT_EQ(kept[0], 7);
               });
    EXPECT_TRUE(done);
}

TEST(StrayQueue, HasRoomForSoManyAndNoMore) {
    StrayQueue queue;
    Bytes octets{1};
    for (std::size_t i = 0; i < stray_runs_max; ++i) { ASSERT_TRUE(queue.give(run_of(octets))); }
    EXPECT_FALSE(queue.give(run_of(octets)));
    EXPECT_EQ(taken_from(queue).size(), stray_runs_max);
    EXPECT_TRUE(queue.give(run_of(octets)));
}

TEST(StrayQueue, HasRoomForSoManyOctetsAndNoMore) {
    StrayQueue queue;
    Bytes octets(packet_octets_max);
    std::size_t given = 0;
    while (queue.give(run_of(octets))) { given += octets.size(); }
    EXPECT_LE(given, stray_octets_max);
    EXPECT_GT(given + octets.size(), stray_octets_max);
}

}  // namespace
}  // namespace culvert::plane
