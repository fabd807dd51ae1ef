// When a worker uses both of its threads, and when it waits for packets to gather.

#include <atomic>
#include <chrono>

#include <gtest/gtest.h>

#include "plane/user/busyness.hpp"
#include "plane/user/moderation.hpp"

namespace culvert::plane {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds{1000}};

TEST(Busyness, is_much_in_a_short_time_and_neither_alone) {
    std::atomic<unsigned> workers = 0;
    Busyness one{workers};
    EXPECT_FALSE(one.is_busy(0, start));
    // As much, but slowly.
    for (int i = 1; i <= 100; ++i) {
        EXPECT_FALSE(one.is_busy(i * (busy_octets_min / 4), start + i * milliseconds{6}));
    }
    const std::uint64_t carried = 25 * busy_octets_min;
    const Instant later = start + seconds{1};
    EXPECT_FALSE(one.is_busy(carried, later));
    EXPECT_FALSE(one.is_busy(carried + busy_octets_min - 1, later + milliseconds{1}));
    EXPECT_EQ(workers, 0U);
    EXPECT_TRUE(one.is_busy(carried + busy_octets_min, later + milliseconds{2}));
    EXPECT_EQ(workers, 1U);
}

TEST(Busyness, ends_with_a_whole_second_of_little) {
    std::atomic<unsigned> workers = 0;
    Busyness one{workers};
    EXPECT_FALSE(one.is_busy(0, start));
    ASSERT_TRUE(one.is_busy(busy_octets_min, start + milliseconds{1}));
    // The tick comes at any time: the first one ends no second.
    EXPECT_FALSE(one.becomes_idle(busy_octets_min));
    EXPECT_FALSE(one.becomes_idle(busy_octets_min + idle_octets_max));
    EXPECT_TRUE(one.becomes_idle(busy_octets_min + 2 * idle_octets_max - 1));
    EXPECT_EQ(workers, 0U);
    EXPECT_FALSE(one.becomes_idle(busy_octets_min + 2 * idle_octets_max));
}

TEST(Busyness, gives_two_threads_while_there_are_cores_for_them) {
    std::atomic<unsigned> workers = 0;
    Busyness one{workers};
    Busyness other{workers};
    EXPECT_FALSE(one.is_busy(0, start));
    EXPECT_FALSE(other.is_busy(0, start));
    ASSERT_TRUE(one.is_busy(busy_octets_min, start));
    EXPECT_TRUE(one.room_for_two_threads(2));
    ASSERT_TRUE(other.is_busy(busy_octets_min, start));
    EXPECT_FALSE(one.room_for_two_threads(2));
    EXPECT_TRUE(one.room_for_two_threads(4));
}

// Wake-ups of this many packets each, so far apart; the time after them.
Instant wake(Moderation& moderation, unsigned times, std::uint64_t packets, microseconds apart,
             Instant now) {
    for (unsigned i = 0; i < times; ++i) { moderation.took(packets, now += apart); }
    return now;
}

TEST(Moderation, waits_when_single_packets_come_quickly) {
    Moderation moderation;
    Instant now = wake(moderation, 10 * moderation_wakeups, 1, milliseconds{1}, start);
    EXPECT_EQ(moderation.wait().count(), 0);
    now = wake(moderation, moderation_wakeups, 1, microseconds{20}, now);
    EXPECT_EQ(moderation.wait(), moderation_wait);
    // It pays: on it goes.
    wake(moderation, 10 * moderation_wakeups, 5, microseconds{60}, now);
    EXPECT_EQ(moderation.wait(), moderation_wait);
}

TEST(Moderation, leaves_off_where_nothing_gathers_and_tries_again_later) {
    Moderation moderation;
    // The first of them end a long window, those behind them a short one.
    Instant now = wake(moderation, 2 * moderation_wakeups, 1, microseconds{20}, start);
    ASSERT_EQ(moderation.wait(), moderation_wait);
    // Question and answer.
    now = wake(moderation, moderation_wakeups, 1, microseconds{60}, now);
    EXPECT_EQ(moderation.wait().count(), 0);
    now = wake(moderation, 10 * moderation_wakeups, 1, microseconds{20}, now);
    EXPECT_EQ(moderation.wait().count(), 0);
    now = wake(moderation, moderation_wakeups, 1, microseconds{20}, now + moderation_again_after);
    wake(moderation, moderation_wakeups, 1, microseconds{20}, now);
    EXPECT_EQ(moderation.wait(), moderation_wait);
}

TEST(Moderation, does_not_wait_for_what_comes_in_large_numbers) {
    Moderation moderation;
    wake(moderation, 10 * moderation_wakeups, moderation_packets_max, microseconds{20}, start);
    EXPECT_EQ(moderation.wait().count(), 0);
}

}  // namespace
}  // namespace culvert::plane
