#include "plane/user/xdp_rings.hpp"

#include <array>

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

// Rings in memory of ours, with the kernel's part played by hand.
struct Memory {
    std::uint32_t producer = 0;
    std::uint32_t consumer = 0;
    std::uint32_t flags = 0;
    std::array<std::uint64_t, 8> entries{};

    RingMemory<std::uint64_t> memory() {
        return {.producer = &producer,
                .consumer = &consumer,
                .flags = &flags,
                .entries = entries.data(),
                .size = static_cast<std::uint32_t>(entries.size())};
    }
};

TEST(ProducerRing, HasRoomForItsSizeAndNoMore) {
    Memory ring;
    ProducerRing<std::uint64_t> ours{ring.memory()};
    EXPECT_EQ(ours.room(), 8);
    for (std::uint64_t i = 0; i < 8; ++i) { ours.put(100 + i); }
    EXPECT_EQ(ours.room(), 0);
    EXPECT_EQ(ring.producer, 0);  // nothing is seen yet
    ours.publish();
    EXPECT_EQ(ring.producer, 8);
    EXPECT_EQ(ours.waiting(), 8);
    ring.consumer = 3;
    EXPECT_EQ(ours.room(), 3);
    EXPECT_EQ(ours.waiting(), 5);
    ours.put(7);
    ours.publish();
    EXPECT_EQ(ring.entries[0], 7);
    EXPECT_EQ(ring.entries[1], 101);
}

TEST(ConsumerRing, GivesWhatIsFilledInItsOrder) {
    Memory ring;
    ConsumerRing<std::uint64_t> ours{ring.memory()};
    EXPECT_EQ(ours.filled(), 0);
    ring.entries = {5, 6, 7};
    ring.producer = 3;
    EXPECT_EQ(ours.filled(), 3);
    EXPECT_EQ(ours.take(), 5);
    EXPECT_EQ(ours.take(), 6);
    EXPECT_EQ(ring.consumer, 0);
    ours.publish();
    EXPECT_EQ(ring.consumer, 2);
    EXPECT_EQ(ours.filled(), 1);
}

// The counters wrap after 2^32 entries: 2 hours of 600,000 packets a second.
TEST(Rings, GoOnWhereTheCountersWrap) {
    Memory ring;
    ring.producer = ring.consumer = 0xfffffffc;
    ProducerRing<std::uint64_t> in{ring.memory()};
    ConsumerRing<std::uint64_t> out{ring.memory()};
    std::uint64_t given = 0;
    std::uint64_t got = 0;
    for (int round = 0; round < 5; ++round) {
        while (in.room() > 0) { in.put(given++); }
        EXPECT_EQ(out.filled(), round == 0 ? 0U : 3U);
        in.publish();
        EXPECT_EQ(out.filled(), 8);
        for (int i = 0; i < 5; ++i) { ASSERT_EQ(out.take(), got++); }
        out.publish();
        EXPECT_EQ(in.room(), 5);
    }
    EXPECT_LT(ring.producer, 100);
}

TEST(ProducerRing, KnowsThatTheKernelSleeps) {
    Memory ring;
    const ProducerRing<std::uint64_t> ours{ring.memory()};
    EXPECT_FALSE(ours.wants_wakeup());
    ring.flags = XDP_RING_NEED_WAKEUP;
    EXPECT_TRUE(ours.wants_wakeup());
}

}  // namespace
}  // namespace culvert::plane
