// Answers of a peer made by hand that cannot be used: what ends, and what is told.

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using Answers = AbuseTest;
using std::chrono::seconds;

const wire::UnknownPayload unknown_critical{.type = PayloadType{200}, .critical = true, .body = {}};

bool is_delete(const std::optional<wire::Payloads>& payloads) {
    return payloads && wire::find<wire::Delete>(*payloads) != nullptr;
}

TEST_F(Answers, CT_VER_AnUnknownCriticalPayloadInIkeAuthEndsItAndIsNamed) {  // RFC 7296 2.5
    const Bytes auth = call_to_auth();
    wire::Payloads answer = eve.auth_answer(eve.open(auth).value());
    answer.emplace_back(unknown_critical);
    const auto said = eve.answer(auth, answer);
    ASSERT_TRUE(call_failed());
    EXPECT_TRUE(explain(call_ended()->error()).contains("payload type 200"));
    ASSERT_EQ(said.size(), 1U);
    EXPECT_TRUE(is_delete(eve.open(said.front()))) << "for the peer it is up";
    EXPECT_FALSE(eve_status());
}

TEST_F(Answers, CT_VER_AnUnknownCriticalPayloadInAnyProtectedAnswerEndsTheIkeSa) {
    ASSERT_TRUE(call_up());
    const auto asked = eve.feed(Rekey{.id = CommandId{5}, .ike = "eve", .child = "net"});
    ASSERT_EQ(asked.size(), 1U);
    wire::Payloads answer = eve.child_answer(eve.open(asked.front()).value(), 0xc0660021);
    answer.emplace_back(unknown_critical);
    const auto said = eve.answer(asked.front(), answer);
    ASSERT_TRUE(pair.two.ended(5) && !*pair.two.ended(5));
    EXPECT_TRUE(explain(pair.two.ended(5)->error()).contains("payload type 200"));
    ASSERT_EQ(said.size(), 1U);
    EXPECT_TRUE(is_delete(eve.open(said.front())));
    EXPECT_FALSE(eve_status());
}

// Anybody could have sent it: it ends nothing, and is what there is to tell in the end.
TEST_F(Answers, CT_VER_WhatIsWrongWithAnUnprotectedAnswerIsToldInTheEnd) {
    for (const bool complete : {true, false}) {
        pair.two.actions.clear();
        const Bytes first = call();
        if (complete) {
            EXPECT_TRUE(eve.answer_init(first, {unknown_critical}).empty());
        } else {
            wire::IkeHeader header = wire::parse_header(first).value();
            header.responder_spi = IkeSpi{4711};
            header.flags = {.response = true};
            EXPECT_TRUE(eve.send(wire::write(header, {wire::Nonce{.data = Bytes(32, 1)}})).empty());
        }
        EXPECT_EQ(eve_status()->state, IkeState::connecting);
        wait(seconds{200});
        ASSERT_TRUE(call_failed());
        const std::string told = explain(call_ended()->error());
        EXPECT_TRUE(told.contains("none that can be used")) << told;
        EXPECT_TRUE(told.contains(complete ? "payload type 200" : "SA, KE and Nr")) << told;
        EXPECT_FALSE(told.contains("UDP port")) << told;
    }
}

// The peer has agreed to a rekey in a way that we cannot: it is on an IKE SA that is none here.
TEST_F(Answers, CT_CHILD_ARekeyWhoseAnswerIsNoUseEndsTheIkeSaAtOnceAndItBeginsAnew) {
    ASSERT_TRUE(call_up());
    const auto asked = eve.feed(Rekey{.id = CommandId{5}, .ike = "eve"});
    ASSERT_EQ(asked.size(), 1U);
    const auto request = eve.open(asked.front()).value();
    wire::Payloads answer{*wire::find<wire::SecurityAssociation>(request),
                          wire::Nonce{.data = Bytes(32, 3)}};  // and no KE
    const auto said = eve.answer(asked.front(), answer);
    ASSERT_TRUE(pair.two.ended(5) && !*pair.two.ended(5));
    EXPECT_NE(pair.two.errors().find("one SA, Nr, KE each"), std::string::npos);
    ASSERT_EQ(said.size(), 1U);
    ASSERT_TRUE(is_delete(eve.open(said.front())));
    const auto next = eve.answer(said.front(), {});
    ASSERT_EQ(next.size(), 1U);
    const auto header = wire::parse_header(next.front()).value();
    EXPECT_EQ(header.exchange, ExchangeType::ike_sa_init);
    eve.begin_again();
    const auto auth = eve.answer_init(next.front());
    ASSERT_EQ(auth.size(), 1U);
    const auto shown = eve.open(auth.front());
    EXPECT_TRUE(has(shown, NotifyType::initial_contact)) << "so that the peer forgets the rest";
    eve.answer(auth.front(), eve.auth_answer(shown.value()));
    ASSERT_TRUE(eve_status());
    EXPECT_EQ(eve_status()->children.size(), 1U);
}

}  // namespace
}  // namespace culvert::ike::v2
