#include "plane/user/trap_queue.hpp"

#include <gtest/gtest.h>

#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

constexpr Instant start{std::chrono::hours{1}};

TEST(TrapQueue, AsksOnceASecondForEachReqid) {
    TrapQueue queue;
    EXPECT_TRUE(queue.keep(ReqId{1}, Bytes{1}, start).ask_for_sa);
    EXPECT_FALSE(queue.keep(ReqId{1}, Bytes{2}, start + std::chrono::milliseconds{999}).ask_for_sa);
    EXPECT_TRUE(queue.keep(ReqId{2}, Bytes{3}, start).ask_for_sa);
    EXPECT_TRUE(queue.keep(ReqId{1}, Bytes{4}, start + std::chrono::seconds{1}).ask_for_sa);
}

TEST(TrapQueue, GivesThePacketsBackInOrder) {
    TrapQueue queue;
    queue.keep(ReqId{1}, Bytes{1}, start);
    queue.keep(ReqId{2}, Bytes{9}, start);
    queue.keep(ReqId{1}, Bytes{2}, start);
    EXPECT_EQ(queue.waiting(), (std::vector{ReqId{1}, ReqId{2}}));
    EXPECT_EQ(queue.take(ReqId{1}), (std::deque<Bytes>{Bytes{1}, Bytes{2}}));
    EXPECT_TRUE(queue.take(ReqId{1}).empty());
    EXPECT_EQ(queue.waiting(), std::vector{ReqId{2}});
}

TEST(TrapQueue, IsBoundedForEachReqidAndInAll) {
    TrapQueue queue;
    for (std::size_t i = 0; i < trapped_packets_each_max; ++i) {
        EXPECT_TRUE(queue.keep(ReqId{1}, Bytes{1}, start).kept);
    }
    EXPECT_FALSE(queue.keep(ReqId{1}, Bytes{1}, start).kept);
    std::size_t kept = trapped_packets_each_max;
    for (std::uint32_t reqid = 2; reqid < 2 * trapped_packets_max; ++reqid) {
        kept += queue.keep(ReqId{reqid}, Bytes{1}, start).kept ? 1 : 0;
    }
    EXPECT_EQ(kept, trapped_packets_max);
    // Room comes back.
    queue.take(ReqId{1});
    EXPECT_TRUE(queue.keep(ReqId{1}, Bytes{1}, start).kept);
}

TEST(TrapQueue, LetsGoWhatWaitedTooLong) {
    TrapQueue queue;
    queue.keep(ReqId{1}, Bytes{1}, start);
    queue.keep(ReqId{1}, Bytes{2}, start + std::chrono::seconds{10});
    EXPECT_EQ(queue.expire(start + trapped_packet_age_max - std::chrono::seconds{1}), 0U);
    EXPECT_EQ(queue.expire(start + trapped_packet_age_max), 1U);
    EXPECT_EQ(queue.take(ReqId{1}), std::deque<Bytes>{Bytes{2}});
}

}  // namespace
}  // namespace culvert::plane
