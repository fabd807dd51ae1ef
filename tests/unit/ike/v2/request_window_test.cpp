#include "ike/v2/request_window.hpp"

#include <set>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

test::SeededRandom chance{1};
const Instant start{std::chrono::hours{1}};

RetransmitConfig config_of(unsigned tries, double base, milliseconds limit = milliseconds{0}) {
    return {.timeout = milliseconds{1000}, .base = base, .tries = tries, .limit = limit};
}

TEST(RequestWindow, CountsItsIdsFromZero) {  // RFC 7296 2.2
    RequestWindow window{config_of(5, 2.0), chance};
    EXPECT_EQ(window.next_id(), MessageId{0});
    window.send({{1, 2, 3}}, start);
    EXPECT_TRUE(window.waits_for(MessageId{0}));
    EXPECT_TRUE(window.answered(MessageId{0}));
    EXPECT_EQ(window.next_id(), MessageId{1});
}

TEST(RequestWindow, TakesOnlyTheAnswerItWaitsFor) {
    RequestWindow window{config_of(5, 2.0), chance};
    window.send({{1}}, start);
    EXPECT_FALSE(window.answered(MessageId{1}));
    EXPECT_FALSE(window.idle());
    EXPECT_TRUE(window.answered(MessageId{0}));
    EXPECT_FALSE(window.answered(MessageId{0}));  // a duplicate
}

TEST(RequestWindow, WaitsLongerEachTimeAndGivesUpOnce) {  // RFC 7296 2.1, 2.4
    RequestWindow window{config_of(2, 2.0), chance};
    window.send({{7}}, start);
    EXPECT_EQ(window.next_deadline(), start + seconds{1});
    EXPECT_TRUE(
        std::holds_alternative<RequestWindow::Wait>(window.tick(start + milliseconds{999})));
    EXPECT_TRUE(std::holds_alternative<RequestWindow::Retransmit>(window.tick(start + seconds{1})));
    EXPECT_EQ(window.next_deadline(), start + seconds{3});
    EXPECT_TRUE(std::holds_alternative<RequestWindow::Retransmit>(window.tick(start + seconds{3})));
    EXPECT_EQ(window.next_deadline(), start + seconds{7});
    EXPECT_TRUE(std::holds_alternative<RequestWindow::GiveUp>(window.tick(start + seconds{7})));
    EXPECT_TRUE(window.idle());
    EXPECT_FALSE(window.next_deadline().has_value());
    EXPECT_TRUE(std::holds_alternative<RequestWindow::Wait>(window.tick(start + seconds{60})));
}

TEST(RequestWindow, OnAnotherPathItMayHaveFewerTries) {  // RFC 4555 3.12
    RequestWindow window{config_of(5, 2.0), chance};
    window.send({{7}}, start);
    window.begin_again(start, 1);
    EXPECT_TRUE(std::holds_alternative<RequestWindow::Retransmit>(window.tick(start + seconds{1})));
    EXPECT_TRUE(window.exhausted(start + seconds{3}));
    window.begin_again(start + seconds{3});
    EXPECT_TRUE(std::holds_alternative<RequestWindow::Retransmit>(window.tick(start + seconds{4})));
    EXPECT_FALSE(window.exhausted(start + seconds{6}));
}

TEST(RequestWindow, NeverWaitsLongerThanTheLimit) {
    RequestWindow window{config_of(3, 10.0, milliseconds{2000}), chance};
    window.send({{7}}, start);
    ASSERT_TRUE(std::holds_alternative<RequestWindow::Retransmit>(window.tick(start + seconds{1})));
    EXPECT_EQ(window.next_deadline(), start + seconds{3});
}

// charon.retransmit_jitter.
TEST(RequestWindow, WaitsAreShorterByChanceAndNeverByMoreThanTheJitter) {
    RetransmitConfig config = config_of(200, 1.0);
    config.jitter_percent = 20;
    RequestWindow window{config, chance};
    window.send({{7}}, start);
    Instant now = start;
    std::set<Duration> waits;
    while (!window.exhausted(*window.next_deadline())) {
        const Duration wait = *window.next_deadline() - now;
        EXPECT_GE(wait, milliseconds{800});
        EXPECT_LE(wait, milliseconds{1000});
        waits.insert(wait);
        now = *window.next_deadline();
        (void)window.tick(now);
    }
    EXPECT_GT(waits.size(), 100U);
    EXPECT_LT(*waits.begin(), milliseconds{850});
    EXPECT_GT(*waits.rbegin(), milliseconds{950});
}

TEST(RequestWindow, SurvivesASillyBase) {
    RequestWindow window{config_of(1000, 1e6), chance};
    window.send({{7}}, start);
    Instant now = start;
    for (int i = 0; i < 1000; ++i) {
        now = window.next_deadline().value_or(now);
        ASSERT_TRUE(std::holds_alternative<RequestWindow::Retransmit>(window.tick(now))) << i;
    }
    EXPECT_TRUE(
        std::holds_alternative<RequestWindow::GiveUp>(window.tick(now + std::chrono::hours{2})));
}

TEST(RequestWindow, StartsAgainAtZeroForACookieOrAnotherGroup) {  // RFC 7296 2.6, 2.7
    RequestWindow window{config_of(5, 2.0), chance};
    window.send({{1}}, start);
    window.restart_ids();
    EXPECT_TRUE(window.idle());
    EXPECT_EQ(window.next_id(), MessageId{0});
}

TEST(RequestWindow, IdsAreUsedUpAndNeverComeAgain) {  // RFC 7296 2.2; abuse case S-02
    RequestWindow window{config_of(5, 2.0), chance, MessageId{message_ids_rekeyed_at - 1}};
    EXPECT_FALSE(window.nearly_used_up());
    window.send({{1}}, start);
    EXPECT_TRUE(window.nearly_used_up());
    EXPECT_FALSE(window.used_up());
    RequestWindow last{config_of(5, 2.0), chance, MessageId{0xffffffff}};
    EXPECT_FALSE(last.used_up());
    last.send({{1}}, start);
    EXPECT_TRUE(last.answered(MessageId{0xffffffff}));
    EXPECT_TRUE(last.used_up());
}

TEST(ResponseWindow, AfterTheLastIdNoneIsFresh) {  // RFC 7296 2.2; abuse case S-02
    ResponseWindow window;
    window.answered(MessageId{0xfffffffe}, {{7}});
    EXPECT_TRUE(window.nearly_used_up());
    EXPECT_EQ(window.judge(MessageId{0xffffffff}), ResponseWindow::Kind::fresh);
    window.answered(MessageId{0xffffffff}, {{8}});
    EXPECT_EQ(window.judge(MessageId{0xffffffff}), ResponseWindow::Kind::retransmitted);
    for (const std::uint32_t id : {0U, 1U, 0xfffffffeU}) {
        EXPECT_EQ(window.judge(MessageId{id}), ResponseWindow::Kind::out_of_window) << id;
    }
}

TEST(ResponseWindow, KnowsFreshOldAndImpossibleIds) {  // RFC 7296 2.1, 2.3; abuse case S-02
    ResponseWindow window;
    EXPECT_EQ(window.judge(MessageId{0}), ResponseWindow::Kind::fresh);
    EXPECT_EQ(window.judge(MessageId{1}), ResponseWindow::Kind::out_of_window);
    window.answered(MessageId{0}, {{9, 9}});
    EXPECT_EQ(window.judge(MessageId{0}), ResponseWindow::Kind::retransmitted);
    EXPECT_EQ(window.judge(MessageId{1}), ResponseWindow::Kind::fresh);
    EXPECT_EQ(window.judge(MessageId{2}), ResponseWindow::Kind::out_of_window);
    EXPECT_EQ(window.judge(MessageId{0xffffffff}), ResponseWindow::Kind::out_of_window);
    window.answered(MessageId{1}, {{8}});
    EXPECT_EQ(window.judge(MessageId{0}), ResponseWindow::Kind::out_of_window);
    EXPECT_EQ(window.last_response(), (MessageBytes{{8}}));
}

}  // namespace
}  // namespace culvert::ike::v2
