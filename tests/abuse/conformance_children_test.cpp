// CREATE_CHILD_SA of the IKEv2 conformance lists (CT_CHILD): rekeys of both kinds, further Child
// SAs and perfect forward secrecy, as either end of the exchange. (Both ends at once, in every
// order: tests/sim, Walk.)

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using crypto::KeMethod;

wire::Notify rekey_of(std::uint32_t spi) {
    Writer octets;
    octets.u32(spi);
    return {.protocol = ProtocolId::esp, .spi = octets.take(), .type = NotifyType::rekey_sa};
}

constexpr std::uint32_t first_spi = 0xc0660001;  // of what IKE_AUTH makes

// The victim has a second child, and wants perfect forward secrecy for both.
struct Children : AbuseTest {
    Children() : AbuseTest(config()) {}
    static Config config() {
        Config config = victim_config();
        Connection& eve = config.connections.back();
        eve.children.front().proposals =
            parse_proposals(ProtocolId::esp, "aes256gcm16-x25519-ecp256").value();
        ChildConfig second = eve.children.front();
        second.name = "second";
        second.local_ts = {selector("10.2.1.0/24")};
        eve.children.push_back(std::move(second));
        return config;
    }
    crypto::KeyExchange key(KeMethod method) {
        return crypto::KeyExchange::create(method, eve.random()).value();
    }
    // The victim begins an exchange; its request, opened.
    wire::Payloads begin(Input command) {
        const auto said = eve.feed(std::move(command));
        EXPECT_EQ(said.size(), 1U);
        return said.empty() ? wire::Payloads{} : take(said.front());
    }
    wire::Payloads take(const Bytes& request) {
        request_ = request;
        EXPECT_EQ(wire::parse_header(request).value().exchange, ExchangeType::create_child_sa);
        return eve.open(request).value();
    }
    // What it says next.
    std::vector<Bytes> answer(const wire::Payloads& payloads) {
        return eve.answer(request_, payloads);
    }
    std::vector<Bytes> answer_ike() { return eve.answer_rekey_ike(request_); }
    static Rekey rekey(std::uint64_t command, const std::string& child) {
        return {.id = CommandId{command}, .ike = "eve", .child = child};
    }
    bool succeeded(std::uint64_t command) {
        const auto ended = pair.two.ended(command);
        return ended && ended->has_value();
    }
    bool failed(std::uint64_t command) {
        const auto ended = pair.two.ended(command);
        return ended && !ended->has_value();
    }

 private:
    Bytes request_;
};

// ---- the victim answers

TEST_F(Children, CT_CHILD_AFurtherOneWithAGroupThatIsNamed) {  // RFC 7296 1.3.1, 2.7
    ASSERT_TRUE(eve.up());
    // Offered are both groups; the KE payload is of the one that the victim likes less.
    const auto second = key(KeMethod::ecp256);
    wire::Payloads payloads = eve.create_child_payloads(0xc0660002, second);
    auto& offer = std::get<wire::SecurityAssociation>(payloads.front()).proposals.front();
    offer.transforms.push_back(
        {.type = TransformType::ke, .id = std::to_underlying(KeMethod::curve25519)});
    const auto refused = eve.ask(ExchangeType::create_child_sa, payloads);
    ASSERT_TRUE(has(refused, NotifyType::invalid_ke_payload));
    EXPECT_EQ(wire::find_notify(*refused, NotifyType::invalid_ke_payload)->data, (Bytes{0, 31}));
    EXPECT_EQ(eve_status()->children.size(), 1U);
    const auto first = key(KeMethod::curve25519);
    payloads[2] = wire::KeyExchange{.method = first.method(), .data = first.public_value()};
    const auto made = eve.ask(ExchangeType::create_child_sa, payloads);
    ASSERT_TRUE(made);
    ASSERT_NE(wire::find<wire::KeyExchange>(*made), nullptr);
    EXPECT_EQ(wire::find<wire::KeyExchange>(*made)->method, KeMethod::curve25519);
    ASSERT_EQ(eve_status()->children.size(), 2U);
    EXPECT_EQ(eve_status()->children.back().ke, KeMethod::curve25519);
}

TEST_F(Children, CT_CHILD_WithoutPfsWhereItIsWantedThereIsNone) {  // RFC 7296 1.3.1
    ASSERT_TRUE(eve.up());
    EXPECT_TRUE(has(eve.ask(ExchangeType::create_child_sa, eve.create_child_payloads(0xc0660002)),
                    NotifyType::no_proposal_chosen));
    EXPECT_EQ(eve_status()->children.size(), 1U);
    EXPECT_TRUE(eve.alive());
}

TEST_F(Children, CT_CHILD_TheIkeSaIsRekeyedAndItsChildrenGoAlong) {  // RFC 7296 1.3.2, 2.8
    ASSERT_TRUE(eve.up());
    const auto before = eve_status().value();
    const IkeSpi old = eve.spi();
    const auto answer = eve.rekey_ike();
    ASSERT_TRUE(answer && wire::find<wire::SecurityAssociation>(*answer) != nullptr);
    ASSERT_NE(eve.spi(), old);
    EXPECT_EQ(wire::find<wire::SecurityAssociation>(*answer)->proposals.front().spi.size(), 8U);
    EXPECT_TRUE(eve.alive());  // under the new keys, from id 0
    eve.go_back();
    EXPECT_TRUE(eve.ask(ExchangeType::informational, {wire::Delete::ike_sa()}));
    ASSERT_EQ(ike_sas(), 2U);
    const auto after = eve_status().value();
    EXPECT_NE(after.unique_id, before.unique_id);
    ASSERT_EQ(after.children.size(), 1U);
    EXPECT_EQ(after.children.front().id, before.children.front().id);
    EXPECT_TRUE(pair.two.all<RemoveChild>().empty());
}

// ---- the victim asks

TEST_F(Children, CT_CHILD_AsksForAFurtherOne) {  // RFC 7296 1.3.1
    ASSERT_TRUE(eve.up());
    const auto asked = begin(Initiate{.id = CommandId{1}, .connection = "eve", .child = "second"});
    EXPECT_FALSE(has(asked, NotifyType::rekey_sa));
    EXPECT_EQ(wire::find<wire::KeyExchange>(asked)->method, KeMethod::curve25519);
    EXPECT_EQ(to_string(wire::find<wire::TsInitiator>(asked)->selectors), "10.2.1.0/24");
    EXPECT_TRUE(answer(eve.child_answer(asked, 0xc0660002)).empty());
    EXPECT_TRUE(succeeded(1)) << pair.two.errors();
    ASSERT_EQ(eve_status()->children.size(), 2U);
    EXPECT_EQ(eve_status()->children.back().outbound_spi, EspSpi{0xc0660002});
    EXPECT_EQ(eve_status()->children.back().ke, KeMethod::curve25519);
}

TEST_F(Children, CT_CHILD_TakesTheGroupThatIsNamed) {  // RFC 7296 1.3, 2.7
    ASSERT_TRUE(eve.up());
    begin(Initiate{.id = CommandId{1}, .connection = "eve", .child = "second"});
    const auto said =
        answer({wire::Notify{.type = NotifyType::invalid_ke_payload, .data = {0, 19}}});
    ASSERT_EQ(said.size(), 1U);
    const auto again = take(said.front());
    ASSERT_NE(wire::find<wire::KeyExchange>(again), nullptr);
    EXPECT_EQ(wire::find<wire::KeyExchange>(again)->method, KeMethod::ecp256);
    auto agreed = eve.child_answer(again, 0xc0660002);
    // Both groups are offered still: the answer is of the one whose KE payload came.
    auto& chosen = std::get<wire::SecurityAssociation>(agreed.front()).proposals.front();
    for (Transform& one : chosen.transforms) {
        if (one.type == TransformType::ke) { one.id = std::to_underlying(KeMethod::ecp256); }
    }
    EXPECT_TRUE(answer(agreed).empty());
    EXPECT_TRUE(succeeded(1)) << pair.two.errors();
    EXPECT_EQ(eve_status()->children.back().ke, KeMethod::ecp256);
}

TEST_F(Children, CT_CHILD_FollowsNoGroupThatIsNoneOfItsOwn) {  // K-08
    ASSERT_TRUE(eve.up());
    const auto other = [](Bytes named) {
        return wire::Payloads{
            wire::Notify{.type = NotifyType::invalid_ke_payload, .data = std::move(named)}};
    };
    std::uint64_t command = 1;
    // Not offered, what it sent, none.
    for (const Bytes& named : {Bytes{0, 14}, Bytes{0, 31}, Bytes{}, Bytes{0, 0, 19}}) {
        begin(rekey(++command, "net"));
        EXPECT_TRUE(answer(other(named)).empty());
        EXPECT_TRUE(failed(command));
    }
    // Back and forth.
    begin(rekey(++command, "net"));
    const auto said = answer(other({0, 19}));
    ASSERT_EQ(said.size(), 1U);
    take(said.front());
    EXPECT_TRUE(answer(other({0, 31})).empty());
    EXPECT_TRUE(failed(command));
    EXPECT_EQ(eve_status()->children.front().state, ChildState::installed);
    EXPECT_TRUE(eve.alive());
}

TEST_F(Children, CT_CHILD_RekeysAChildAndDeletesTheOldOne) {  // RFC 7296 1.3.3, 2.8
    ASSERT_TRUE(eve.up());
    const EspSpi old = eve_status()->children.front().inbound_spi;
    const auto asked = begin(rekey(1, "net"));
    const auto* notify = wire::find_notify(asked, NotifyType::rekey_sa);
    ASSERT_NE(notify, nullptr);
    // The SPI that the sender of the request expects in what arrives.
    EXPECT_EQ(*notify, rekey_of(old.value()));
    const auto said = answer(eve.child_answer(asked, 0xc0660002));
    EXPECT_TRUE(succeeded(1)) << pair.two.errors();
    ASSERT_EQ(said.size(), 1U);
    const auto deletion = eve.open(said.front()).value();
    ASSERT_NE(wire::find<wire::Delete>(deletion), nullptr);
    EXPECT_EQ(*wire::find<wire::Delete>(deletion), wire::Delete::esp({old}));
    EXPECT_TRUE(eve.answer(said.front(), {wire::Delete::esp({EspSpi{first_spi}})}).empty());
    ASSERT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(eve_status()->children.front().outbound_spi, EspSpi{0xc0660002});
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 1U);
}

TEST_F(Children, CT_CHILD_RekeysTheIkeSaAndDeletesTheOldOne) {  // RFC 7296 1.3.2, 2.18
    ASSERT_TRUE(eve.up());
    const auto before = eve_status().value();
    const auto asked = begin(rekey(1, ""));
    for (const Proposal& one : wire::find<wire::SecurityAssociation>(asked)->proposals) {
        EXPECT_EQ(one.protocol, ProtocolId::ike);
        EXPECT_EQ(one.spi.size(), 8U);
    }
    EXPECT_NE(wire::find<wire::KeyExchange>(asked), nullptr);
    EXPECT_EQ(wire::find<wire::TsInitiator>(asked), nullptr);
    const auto said = answer_ike();
    EXPECT_TRUE(succeeded(1)) << pair.two.errors();
    // Under the new keys ids begin at 0; and the victim is the original initiator now.
    const auto answers = eve.send(eve.sealed(eve.header(ExchangeType::informational), {}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_TRUE(wire::parse_header(answers.front()).value().flags.initiator);
    EXPECT_TRUE(eve.open(answers.front()));
    // The old one's Delete comes in the old one.
    eve.go_back();
    ASSERT_EQ(said.size(), 1U);
    const auto deletion = eve.open(said.front()).value();
    ASSERT_NE(wire::find<wire::Delete>(deletion), nullptr);
    EXPECT_EQ(*wire::find<wire::Delete>(deletion), wire::Delete::ike_sa());
    EXPECT_TRUE(eve.answer(said.front(), {}).empty());
    ASSERT_EQ(ike_sas(), 2U);
    const auto after = eve_status().value();
    EXPECT_TRUE(after.initiator);
    EXPECT_NE(after.unique_id, before.unique_id);
    ASSERT_EQ(after.children.size(), 1U);
    EXPECT_EQ(after.children.front().id, before.children.front().id);
}

TEST_F(Children, CT_CHILD_WhatThePeerRefusesLeavesWhatThereIs) {  // RFC 7296 1.3, 2.21.3
    ASSERT_TRUE(eve.up());
    std::uint64_t command = 10;
    for (const NotifyType why : {NotifyType::no_proposal_chosen, NotifyType::ts_unacceptable}) {
        ++command;
        begin(Initiate{.id = CommandId{command}, .connection = "eve", .child = "second"});
        EXPECT_TRUE(answer({wire::Notify{.type = why}}).empty());
        EXPECT_TRUE(failed(command));
        ++command;
        begin(rekey(command, "net"));
        EXPECT_TRUE(answer({wire::Notify{.type = why}}).empty());
        EXPECT_TRUE(failed(command));
        ASSERT_EQ(eve_status()->children.size(), 1U);
        EXPECT_EQ(eve_status()->children.front().state, ChildState::installed);
    }
    EXPECT_TRUE(pair.two.all<RemoveChild>().empty());
    EXPECT_TRUE(eve.alive());
}

// ---- both at once, where the nonces decide (RFC 7296 2.8.1)

TEST_F(Children, CT_CHILD_OfTwoRekeysTheLowestNonceLoses) {
    for (const bool ours_is_lowest : {true, false}) {
        SCOPED_TRACE(ours_is_lowest);
        eve.begin_again();
        ASSERT_TRUE(eve.up());
        const EspSpi old = eve_status()->children.front().inbound_spi;
        const auto asked = begin(rekey(ours_is_lowest ? 1 : 2, "net"));
        // This peer asks, too, before it answers.
        const auto ke = key(KeMethod::curve25519);
        wire::Payloads mine = eve.create_child_payloads(0xc0660003, ke);
        std::get<wire::Nonce>(mine[1]).data = Bytes(32, 0xff);
        mine.insert(mine.begin(), rekey_of(first_spi));
        const auto made = eve.ask(ExchangeType::create_child_sa, mine);
        ASSERT_TRUE(made && wire::find<wire::SecurityAssociation>(*made) != nullptr);
        Reader octets{wire::find<wire::SecurityAssociation>(*made)->proposals.front().spi};
        const EspSpi by_peer{octets.u32()};
        // The lowest of four: made by this peer's answer to the victim, or it is one of the
        // victim's own, whose answer to this peer has the other.
        wire::Payloads yes = eve.child_answer(asked, 0xc0660002);
        const Bytes lowest(32, 0);
        const Bytes highest(32, 0xff);
        std::get<wire::Nonce>(yes[1]).data = ours_is_lowest ? lowest : highest;
        const bool victims_loses = ours_is_lowest || std::ranges::lexicographical_compare(
                                                         wire::find<wire::Nonce>(asked)->data,
                                                         wire::find<wire::Nonce>(*made)->data);
        const auto said = answer(yes);
        ASSERT_EQ(said.size(), 1U);
        const auto closing = eve.open(said.front()).value();
        const auto* deletion = wire::find<wire::Delete>(closing);
        ASSERT_NE(deletion, nullptr);
        // Who made the redundant one closes that; the other closes the old one.
        EXPECT_EQ(deletion->esp_spis().size(), 1U);
        if (victims_loses) {
            EXPECT_NE(deletion->esp_spis().front(), old);
            EXPECT_NE(deletion->esp_spis().front(), by_peer);
        } else {
            EXPECT_EQ(deletion->esp_spis().front(), old);
        }
        eve.answer(said.front(), {});
        // This peer's part: the old one, or its own.
        eve.ask(ExchangeType::informational,
                {wire::Delete::esp({EspSpi{victims_loses ? first_spi : 0xc0660003}})});
        ASSERT_EQ(eve_status()->children.size(), 1U);
        EXPECT_EQ(eve_status()->children.front().outbound_spi,
                  EspSpi{victims_loses ? 0xc0660003 : 0xc0660002});
        EXPECT_EQ(eve_status()->children.front().state, ChildState::installed);
        eve.ask(ExchangeType::informational, {wire::Delete::ike_sa()});
    }
}

}  // namespace
}  // namespace culvert::ike::v2
