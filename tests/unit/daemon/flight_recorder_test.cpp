#include "daemon/flight_recorder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

constexpr Instant begin{Duration{std::chrono::seconds{100}}};

ike::Event exchange(const Endpoint& remote, std::string text) {
    return {.kind = ike::EventKind::exchange, .remote = remote, .text = std::move(text)};
}

ike::Event refusal(const Endpoint& remote) {
    return {.kind = ike::EventKind::was_refused,
            .remote = remote,
            .error = Error{.code = ErrorCode::no_proposal_chosen, .wanted = "ours"},
            .text = "refused"};
}

TEST(FlightRecorder, TellsTheStoryOfAFailureOnce) {
    const Endpoint peer = *Endpoint::parse("192.0.2.2:500");
    const Endpoint other = *Endpoint::parse("192.0.2.3:500");
    FlightRecorder recorder;
    EXPECT_FALSE(recorder.add(exchange(peer, "sending IKE_SA_INIT request 0"), begin));
    EXPECT_FALSE(recorder.add(exchange(other, "another's"), begin));
    EXPECT_FALSE(
        recorder.add(exchange(peer, "received \x1b[2J"), begin + std::chrono::milliseconds{750}));
    const auto story = recorder.add(refusal(peer), begin + std::chrono::seconds{2});
    ASSERT_TRUE(story);
    EXPECT_EQ(story->lines,
              (std::vector<std::string>{"2.000 s before: sending IKE_SA_INIT request 0",
                                        "1.250 s before: received " + printable("\x1b[2J")}));
    // The engine's history finds it again.
    ike::Failure kept{
        .at = begin + std::chrono::seconds{2}, .remote = peer, .error = *refusal(peer).error};
    ASSERT_NE(recorder.story_of(kept), nullptr);
    EXPECT_EQ(recorder.story_of(kept)->lines, story->lines);
    kept.remote = other;
    EXPECT_EQ(recorder.story_of(kept), nullptr);
    const auto again = recorder.add(refusal(peer), begin + std::chrono::seconds{3});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->lines.empty());
}

// nor do they push those off who are no strangers.
TEST(FlightRecorder, A10StrangersPushOutStrangersAlone) {
    FlightRecorder recorder;
    const Endpoint peer = *Endpoint::parse("192.0.2.2:500");
    ike::Event known = exchange(peer, "IKE_AUTH response 1 sent");
    known.ike_unique_id = 7;
    known.connection = "home";
    recorder.add(known, begin);
    for (std::size_t i = 0; i < 3 * recorded_peers_max; ++i) {
        const Endpoint one{IpAddress::v4(0x0a100000U + static_cast<std::uint32_t>(i)), 500};
        recorder.add(exchange(one, "hello"), begin);
    }
    EXPECT_TRUE(recorder.has(peer.address));
    EXPECT_LE(recorder.peers(), recorded_strangers_max + 1);
    // The story of its failure outlives any number of theirs.
    recorder.add(refusal(peer), begin);
    for (std::size_t i = 0; i < 2 * stories_max; ++i) {
        recorder.add(refusal(*Endpoint::parse("10.0.0.1:500")), begin);
    }
    EXPECT_NE(recorder.story_of({.at = begin, .remote = peer, .error = *refusal(peer).error}),
              nullptr);
}

// strangers of any number cost a bounded memory, and forget the oldest first.
TEST(FlightRecorder, A10IsBoundedInPeersAndLines) {
    FlightRecorder recorder;
    const Endpoint first = *Endpoint::parse("10.0.0.1:500");
    for (std::size_t i = 0; i < 3 * recorded_lines_max; ++i) {
        recorder.add(exchange(first, std::string(10'000, 'x')), begin);
    }
    for (std::size_t i = 0; i < 2 * recorded_strangers_max; ++i) {
        const Endpoint one{IpAddress::v4(0x0a100000U + static_cast<std::uint32_t>(i)), 500};
        recorder.add(exchange(one, "hello"), begin);
        if (i < recorded_strangers_max) { recorder.add(exchange(first, "still here"), begin); }
    }
    EXPECT_EQ(recorder.peers(), recorded_strangers_max);
    const auto forgotten = recorder.add(refusal(first), begin);
    ASSERT_TRUE(forgotten);
    EXPECT_TRUE(forgotten->lines.empty());
    for (std::size_t i = 0; i < 3 * recorded_lines_max; ++i) {
        recorder.add(exchange(first, std::string(10'000, 'x')), begin);
    }
    const auto story = recorder.add(refusal(first), begin);
    ASSERT_TRUE(story);
    EXPECT_EQ(story->lines.size(), recorded_lines_max);
    EXPECT_LT(story->lines.front().size(), recorded_text_max + 100);
}

}  // namespace
}  // namespace culvert::daemon
