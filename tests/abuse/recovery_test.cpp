// What comes back by itself when a peer loses, refuses or undoes something: as the operator's of a
// gateway expect it (users.md 4 to 6).

#include "abuse/abuse_test.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

constexpr std::uint32_t first_spi = 0xc0660001;  // of what IKE_AUTH makes

struct Recovery : AbuseTest {
    using AbuseTest::AbuseTest;
    static Rekey rekey(std::uint64_t command, const std::string& child) {
        return {.id = CommandId{command}, .ike = "eve", .child = child};
    }
    static wire::Notify rekey_of(std::uint32_t spi) {
        Writer octets;
        octets.u32(spi);
        return {.protocol = ProtocolId::esp, .spi = octets.take(), .type = NotifyType::rekey_sa};
    }
    // The victim begins; its request.
    Bytes begin(Input command) {
        const auto said = eve.feed(std::move(command));
        EXPECT_EQ(said.size(), 1U);
        return said.empty() ? Bytes{} : said.front();
    }
    static ExchangeType exchange_of(const Bytes& request) {
        return wire::parse_header(request).value().exchange;
    }
    std::vector<EventKind> kinds(EventKind one, EventKind other) {
        std::vector<EventKind> out;
        for (const Event* event : pair.two.all<Event>()) {
            if (event->kind == one || event->kind == other) { out.push_back(event->kind); }
        }
        return out;
    }
};

TEST_F(Recovery, WhatThePeerHasLostIsMadeFromScratch) {  // RFC 7296 2.25
    ASSERT_TRUE(call_up());
    const Bytes request = begin(rekey(1, "net"));
    const auto said = eve.answer(request, {wire::Notify{.type = NotifyType::child_sa_not_found}});
    ASSERT_EQ(said.size(), 1U);
    ASSERT_EQ(exchange_of(said.front()), ExchangeType::create_child_sa);
    const auto asked = eve.open(said.front()).value();
    EXPECT_FALSE(has(asked, NotifyType::rekey_sa));
    EXPECT_TRUE(eve.answer(said.front(), eve.child_answer(asked, 0xc0660002)).empty());
    ASSERT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(eve_status()->children.front().outbound_spi, EspSpi{0xc0660002});
}

// Who did not begin the IKE SA gives the other end the time to do it first.
TEST_F(Recovery, TheEndThatDidNotBeginWaitsForTheOther) {
    ASSERT_TRUE(eve.up());
    const Bytes request = begin(rekey(1, "net"));
    EXPECT_TRUE(
        eve.answer(request, {wire::Notify{.type = NotifyType::child_sa_not_found}}).empty());
    EXPECT_TRUE(eve_status()->children.empty());
    const auto said = wait(made_again_after + seconds{1});
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(exchange_of(said.front()), ExchangeType::create_child_sa);
    EXPECT_FALSE(has(eve.open(said.front()), NotifyType::rekey_sa));
    eve.answer(said.front(), {wire::Notify{.type = NotifyType::no_proposal_chosen}});
}

TEST_F(Recovery, APeerThatMakesNoMoreSasIsReauthenticated) {  // RFC 7296 4
    ASSERT_TRUE(call_up());
    const wire::Payloads no{wire::Notify{.type = NotifyType::no_additional_sas}};
    for (const std::string child : {"net", ""}) {
        const Bytes request = begin(rekey(1, child));
        const auto said = eve.answer(request, no);
        ASSERT_EQ(said.size(), 1U) << child;
        ASSERT_EQ(exchange_of(said.front()), ExchangeType::ike_sa_init) << child;
        EXPECT_EQ(eve_status()->children.size(), 1U);  // it stands until the other does
        eve.refuse_init(said.front(), {.type = NotifyType::no_proposal_chosen});
        EXPECT_TRUE(eve_status());
    }
}

TEST_F(Recovery, WhatThePeerUndoesStands) {
    ASSERT_TRUE(eve.up());
    wire::Payloads mine = eve.create_child_payloads(0xc0660002);
    mine.insert(mine.begin(), rekey_of(first_spi));
    ASSERT_TRUE(eve.ask(ExchangeType::create_child_sa, mine));
    ASSERT_EQ(eve_status()->children.size(), 2U);
    EXPECT_EQ(eve_status()->children.front().state, ChildState::rekeyed);
    // It cannot use what it has made, and tries again.
    pair.two.actions.clear();
    eve.ask(ExchangeType::informational, {wire::Delete::esp({EspSpi{0xc0660002}})});
    ASSERT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(eve_status()->children.front().outbound_spi, EspSpi{first_spi});
    EXPECT_EQ(eve_status()->children.front().state, ChildState::installed);
    EXPECT_TRUE(kinds(EventKind::child_down, EventKind::child_up).empty());
    mine = eve.create_child_payloads(0xc0660003);
    mine.insert(mine.begin(), rekey_of(first_spi));
    const auto again = eve.ask(ExchangeType::create_child_sa, mine);
    ASSERT_TRUE(again);
    EXPECT_FALSE(has(again, NotifyType::child_sa_not_found));
    eve.ask(ExchangeType::informational, {wire::Delete::esp({EspSpi{first_spi}})});
    ASSERT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(eve_status()->children.front().outbound_spi, EspSpi{0xc0660003});
}

// Rekeyed twice before the Deletes come, the newest first: the oldest is not to come back.
TEST_F(Recovery, WhatIsRekeyedTwiceAndDeletedInAnyOrderStaysOne) {
    ASSERT_TRUE(eve.up());
    wire::Payloads mine = eve.create_child_payloads(0xc0660002);
    mine.insert(mine.begin(), rekey_of(first_spi));
    ASSERT_TRUE(eve.ask(ExchangeType::create_child_sa, mine));
    mine = eve.create_child_payloads(0xc0660003);
    mine.insert(mine.begin(), rekey_of(0xc0660002));
    ASSERT_TRUE(eve.ask(ExchangeType::create_child_sa, mine));
    ASSERT_EQ(eve_status()->children.size(), 3U);
    pair.two.actions.clear();
    eve.ask(ExchangeType::informational,
            {wire::Delete::esp({EspSpi{0xc0660002}, EspSpi{first_spi}})});
    ASSERT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(eve_status()->children.front().outbound_spi, EspSpi{0xc0660003});
    EXPECT_TRUE(kinds(EventKind::child_down, EventKind::child_up).empty());
}

// For scripts and routes it was down: so it has to be up again.
TEST_F(Recovery, TheOldOneDeletedBeforeItsRekeyIsAnswered) {
    ASSERT_TRUE(call_up());
    pair.two.actions.clear();
    const Bytes request = begin(rekey(1, "net"));
    const auto asked = eve.open(request).value();
    eve.ask(ExchangeType::informational, {wire::Delete::esp({EspSpi{first_spi}})});
    eve.answer(request, eve.child_answer(asked, 0xc0660002));
    EXPECT_EQ(kinds(EventKind::child_down, EventKind::child_up),
              (std::vector{EventKind::child_down, EventKind::child_up}));
    ASSERT_EQ(eve_status()->children.size(), 1U);
}

// RFC 7296 2.21.3: the peer has dropped the IKE SA when it hears that.
TEST_F(Recovery, NonsenseInsideIsTheEndForBoth) {
    ASSERT_TRUE(eve.up());
    wire::Payloads payloads = eve.create_child_payloads(0xc0660002);
    auto& offer = std::get<wire::SecurityAssociation>(payloads.front()).proposals.front();
    offer.spi = {0, 0, 0, 1};  // reserved
    EXPECT_TRUE(has(eve.ask(ExchangeType::create_child_sa, payloads), NotifyType::invalid_syntax));
    EXPECT_FALSE(eve_status());
}

// What was on its way when the IKE SA was rekeyed is about what went over to the new one.
TEST_F(Recovery, AnAnswerThatCallsOursNonsenseIsTheEndForBoth) {  // RFC 7296 2.21.3
    ASSERT_TRUE(call_up());
    const Bytes request = begin(rekey(1, "net"));
    eve.answer(request, {wire::Notify{.type = NotifyType::invalid_syntax}});
    EXPECT_FALSE(eve_status());
    EXPECT_FALSE(pair.two.ended(1).value());
}

TEST_F(Recovery, ADeleteThatCrossesARekeyOfTheIkeSa) {
    ASSERT_TRUE(eve.up());
    ASSERT_TRUE(eve.rekey_ike());
    eve.go_back();
    EXPECT_TRUE(eve.ask(ExchangeType::informational, {wire::Delete::esp({EspSpi{first_spi}})}));
    for (const IkeSaStatus& one : pair.two.engine().status(pair.now)) {
        if (one.connection == "eve") { EXPECT_TRUE(one.children.empty()); }
    }
    eve.ask(ExchangeType::informational, {wire::Delete::ike_sa()});
}

TEST_F(Recovery, AllThatThereMayBeCanBeRekeyed) {
    ASSERT_TRUE(eve.up());
    std::uint32_t spi = first_spi;
    while (eve_status()->children.size() < children_max) {
        pair.now += seconds{1};
        ASSERT_TRUE(eve.ask(ExchangeType::create_child_sa, eve.create_child_payloads(++spi)));
    }
    EXPECT_TRUE(has(eve.ask(ExchangeType::create_child_sa, eve.create_child_payloads(++spi)),
                    NotifyType::no_additional_sas));
    wire::Payloads mine = eve.create_child_payloads(++spi);
    mine.insert(mine.begin(), rekey_of(first_spi));
    EXPECT_FALSE(has(eve.ask(ExchangeType::create_child_sa, mine), NotifyType::no_additional_sas));
    eve.ask(ExchangeType::informational, {wire::Delete::ike_sa()});
}

}  // namespace
}  // namespace culvert::ike::v2
