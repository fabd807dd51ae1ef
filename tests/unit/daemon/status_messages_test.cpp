// What culvert-status and get-counters answer, within what VICI can carry.

#include <gtest/gtest.h>

#include "daemon/counters_message.hpp"
#include "daemon/failure_messages.hpp"
#include "daemon/limits.hpp"
#include "daemon/sa_messages.hpp"
#include "vici/limits.hpp"

namespace culvert::daemon {
namespace {

// A stranger's IKE_SA_INIT with eight proposals of odd transforms makes words of 35 kB.
TEST(FailureMessages, StrangersWordsAreCutAndAllOfThemFitIntoOneAnswer) {
    const std::string long_word(35'000, 'x');
    ike::Failure failure;
    failure.error = {.code = ErrorCode::no_proposal_chosen,
                     .wanted = long_word,
                     .received = long_word,
                     .remedy = long_word};
    const std::vector<ike::Failure> all(failures_shown_max, failure);
    const std::vector<std::string> story(recorded_lines_max,
                                         std::string(recorded_text_max + 30, 'y'));
    const FailureList list =
        failure_list(all, [&](const ike::Failure&) { return &story; }, Instant{});
    EXPECT_GT(list.shown.entries.size(), 10U);
    EXPECT_EQ(list.shown.entries.size() + list.left_out, failures_shown_max);
    EXPECT_GT(list.left_out, 0U);
    const auto* const first = list.shown.section("1");
    ASSERT_NE(first, nullptr);
    EXPECT_LT(first->value_or("received", "").size(), 2000U);
    EXPECT_NE(first->value_or("received", "").find("octets more"), std::string::npos);
    const auto packet = vici::encode(
        {vici::PacketType::cmd_response, {}, vici::Message{}.set("failures", list.shown)});
    ASSERT_TRUE(packet);
    EXPECT_LT(packet->size(), failures_octets_max + 1024);
    EXPECT_GT(octets_of(list.shown) * 10, packet->size() * 9);  // the estimate is near
}

TEST(FailureMessages, WhatFitsIsWhole) {
    ike::Failure failure;
    failure.error = {.code = ErrorCode::timed_out, .wanted = "an answer", .received = "none"};
    const FailureList list = failure_list(
        {failure}, [](const ike::Failure&) -> const std::vector<std::string>* { return nullptr; },
        Instant{});
    EXPECT_EQ(list.left_out, 0U);
    EXPECT_EQ(list.shown.section("1")->value_or("wanted", ""), "an answer");
}

// Its counters are below what they were at the reset.
TEST(CountersMessage, AConnectionThatWentAndCameCountsFromTheBeginning) {
    const ike::Counters base{{"ike-init-in-req", 9}, {"child-rekey", 3}};
    const ike::Counters now{{"ike-init-in-req", 2}, {"child-rekey", 5}};
    const vici::Section out = counters_section(now, base);
    EXPECT_EQ(out.value_or("ike-init-in-req", ""), "2");
    EXPECT_EQ(out.value_or("child-rekey", ""), "2");
    EXPECT_EQ(out.value_or("invalid", ""), "0");
}

ike::IkeSaStatus with_children(std::size_t count, std::size_t selectors) {
    ike::IkeSaStatus out;
    out.connection = "home";
    out.local = out.remote = *Endpoint::parse("192.0.2.1:4500");
    for (std::size_t i = 0; i < count; ++i) {
        ike::ChildSaStatus child;
        child.name = "net";
        child.unique_id = static_cast<std::uint32_t>(i);
        child.local_ts.assign(
            selectors, *TrafficSelector::parse("2001:db8:ffff:ffff:ffff:ffff:ffff:fff1-"
                                               "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe[tcp/80]"));
        child.remote_ts = child.local_ts;
        out.children.push_back(std::move(child));
    }
    return out;
}

TEST(ListSa, WhatDoesNotFitIntoOnePacketComesInSeveral) {
    EXPECT_EQ(list_sa_in_parts(with_children(20, 1), {}).size(), 1U);
    const auto parts = list_sa_in_parts(with_children(20, 255), {});
    ASSERT_EQ(parts.size(), 3U);
    std::size_t children = 0;
    for (const vici::Message& one : parts) {
        EXPECT_TRUE(vici::encode({vici::PacketType::event, "list-sa", one}));
        children += one.section("home")->section("child-sas")->entries.size();
    }
    EXPECT_EQ(children, 20U);
}

TEST(ListSa, SaysAlsoDuringARekeyHowLongItHasBeenUp) {
    ike::IkeSaStatus sa = with_children(0, 0);
    sa.established_at = Instant{};
    sa.state = ike::IkeState::rekeying;
    const vici::Section out =
        ike_section(sa, {.now = Instant{} + std::chrono::seconds{5}, .counters = {}});
    EXPECT_EQ(out.find("established"), nullptr);  // strongSwan's way
    EXPECT_EQ(out.value_or("culvert-established", ""), "5");
}

}  // namespace
}  // namespace culvert::daemon
