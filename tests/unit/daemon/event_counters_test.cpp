#include "daemon/event_counters.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;
using ike::Event;
using ike::EventKind;

Event up(Duration took) {
    Event event{.kind = EventKind::ike_up};
    ike::IkeSaStatus status;
    status.handshake = took;
    event.ike = std::make_shared<const ike::IkeSaStatus>(std::move(status));
    return event;
}
Event refusal(ErrorCode code, std::string child, std::uint32_t ike_id = 1,
              std::string exchange = "IKE_AUTH") {
    Event event{.kind = EventKind::was_refused, .ike_unique_id = ike_id};
    event.text = exchange + " with 192.0.2.2[500]: as the engine says it";
    event.child = std::move(child);
    event.error = Error{.code = code};
    return event;
}
std::string value(const vici::Section& in, std::string_view section, std::string_view key) {
    const vici::Section* const found = in.section(section);
    return found == nullptr ? "no section" : found->value_or(key, "none");
}

TEST(EventCounters, HandshakesByOutcomeAndHowLongTheyTook) {
    EventCounters counters;
    counters.on_event(up(4ms));
    counters.on_event(up(5ms));
    counters.on_event(up(7ms));
    counters.on_event(up(60s));
    counters.on_event(refusal(ErrorCode::no_proposal_chosen, ""));
    counters.on_event(refusal(ErrorCode::authentication_failed, ""));
    counters.on_event(refusal(ErrorCode::authentication_failed, ""));
    const vici::Section out = counters.to_section();
    EXPECT_EQ(value(out, "handshakes", "established"), "4");
    EXPECT_EQ(value(out, "handshakes", "no_proposal_chosen"), "1");
    EXPECT_EQ(value(out, "handshakes", "authentication_failed"), "2");
    EXPECT_EQ(value(out, "handshake-us", "5000"), "2");
    EXPECT_EQ(value(out, "handshake-us", "10000"), "3");
    EXPECT_EQ(value(out, "handshake-us", "30000000"), "3");
    EXPECT_EQ(value(out, "handshake-us", "inf"), "4");
    EXPECT_EQ(value(out, "handshake-us", "sum"), "60016000");
}

TEST(EventCounters, AChildThatIsRefusedIsNoHandshakeThatFailed) {
    EventCounters counters;
    counters.on_event(refusal(ErrorCode::ts_unacceptable, "net"));
    const vici::Section out = counters.to_section();
    EXPECT_EQ(value(out, "child-failures", "ts_unacceptable"), "1");
    EXPECT_EQ(value(out, "handshakes", "ts_unacceptable"), "none");
}

// A handshake is begun for a child, and its failure names it.
TEST(EventCounters, AHandshakeThatFailsForAChildIsAHandshake) {
    EventCounters counters;
    counters.on_event(refusal(ErrorCode::authentication_failed, "net"));
    counters.on_event(refusal(ErrorCode::no_proposal_chosen, "net", 2, "IKE_SA_INIT"));
    counters.on_event(refusal(ErrorCode::peer_unreachable, "net", 3, "IKE_SA_INIT"));
    counters.on_event(refusal(ErrorCode::no_proposal_chosen, "net", 4, "IKE_AUTH"));
    counters.on_event(refusal(ErrorCode::timed_out, "net", 4, "CREATE_CHILD_SA"));
    const vici::Section out = counters.to_section();
    EXPECT_EQ(value(out, "handshakes", "authentication_failed"), "1");
    EXPECT_EQ(value(out, "handshakes", "no_proposal_chosen"), "1");
    EXPECT_EQ(value(out, "handshakes", "peer_unreachable"), "1");
    EXPECT_EQ(value(out, "child-failures", "no_proposal_chosen"), "1");
    EXPECT_EQ(value(out, "child-failures", "timed_out"), "1");
}

TEST(EventCounters, APeerThatDiedIsCountedOnceAndIsNoHandshake) {
    EventCounters counters;
    counters.on_event({.kind = EventKind::retransmit, .ike_unique_id = 7});
    counters.on_event({.kind = EventKind::peer_dead, .ike_unique_id = 7});
    counters.on_event(refusal(ErrorCode::peer_unreachable, "", 7));
    counters.on_event(refusal(ErrorCode::peer_unreachable, "", 8));  // never answered at all
    const vici::Section out = counters.to_section();
    EXPECT_EQ(out.value_or("retransmissions", ""), "1");
    EXPECT_EQ(out.value_or("dead-peers", ""), "1");
    EXPECT_EQ(value(out, "handshakes", "peer_unreachable"), "1");
}

TEST(EventCounters, ZeroesAreThereFromTheStart) {
    const vici::Section out = EventCounters{}.to_section();
    EXPECT_EQ(value(out, "handshakes", "established"), "0");
    EXPECT_EQ(value(out, "handshake-us", "inf"), "0");
    EXPECT_EQ(out.value_or("dead-peers", ""), "0");
}

}  // namespace
}  // namespace culvert::daemon
