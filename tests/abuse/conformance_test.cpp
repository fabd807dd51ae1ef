// The groups of the IKEv2 conformance lists, a claim each: what is not in the abuse cases already.

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using Conformance = AbuseTest;

TEST_F(Conformance, CT_HDR_AnswersCarryTheRequestsIdsAndTheResponseFlag) {  // RFC 7296 3.1
    const auto answers = eve.say_init(eve.init_payloads());
    ASSERT_EQ(answers.size(), 1U);
    const auto init = wire::parse_header(answers.front()).value();
    EXPECT_EQ(init.initiator_spi, eve.spi());
    EXPECT_NE(init.responder_spi, IkeSpi{});
    EXPECT_EQ(init.message_id, MessageId{0});
    EXPECT_TRUE(init.flags.response);
    EXPECT_FALSE(init.flags.initiator);
    EXPECT_EQ(init.major_version, 2);
    EXPECT_EQ(init.minor_version, 0);
    ASSERT_TRUE(eve.take_init_answer(answers.front()));
    const auto second =
        eve.send(eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads()));
    ASSERT_EQ(second.size(), 1U);
    const auto auth = wire::parse_header(second.front()).value();
    EXPECT_EQ(auth.message_id, MessageId{1});
    EXPECT_EQ(auth.exchange, ExchangeType::ike_auth);
    EXPECT_EQ(auth.responder_spi, init.responder_spi);
}

TEST_F(Conformance, CT_RTX_ARetransmittedRequestGetsTheSameAnswer) {  // RFC 7296 2.1
    const auto init = eve.say_init(eve.init_payloads());
    ASSERT_EQ(init.size(), 1U);
    EXPECT_EQ(eve.send(eve.first_message()), init);
    ASSERT_TRUE(eve.take_init_answer(init.front()));
    const Bytes auth = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
    const auto answer = eve.send(auth);
    EXPECT_EQ(eve.send(auth), answer);
    eve.next_id = 2;
    const Bytes create = eve.sealed(eve.header(ExchangeType::create_child_sa),
                                    eve.create_child_payloads(0xc0660010));
    const auto created = eve.send(create);
    ASSERT_EQ(created.size(), 1U);
    EXPECT_EQ(eve.send(create), created);
    EXPECT_EQ(eve_status()->children.size(), 2U);
}

TEST_F(Conformance, CT_SYNC_ARequestBeyondTheWindowIsNotCarriedOut) {  // RFC 7296 2.3
    ASSERT_TRUE(eve.up());
    ++eve.next_id;
    eve.send(eve.sealed(eve.header(ExchangeType::create_child_sa),
                        eve.create_child_payloads(0xc0660011)));
    EXPECT_EQ(eve_status()->children.size(), 1U);
    --eve.next_id;
    EXPECT_TRUE(eve.alive());
}

TEST_F(Conformance, CT_VER_ReservedFieldsAreIgnored) {  // RFC 7296 2.5, 3.2
    Bytes request = eve.init_request();
    request[29] |= 0x7f;  // RESERVED of the SA payload's generic header
    request[19] |= 0xc7;  // X bits of the flags
    request[33] = 0xff;   // RESERVED of the proposal
    EXPECT_EQ(eve.send(request).size(), 1U);
}

TEST_F(Conformance, CT_VER_TheCriticalBitOfAKnownPayloadIsIgnored) {  // RFC 7296 3.2
    Bytes request = eve.init_request();
    request[29] |= 0x80;
    EXPECT_EQ(eve.send(request).size(), 1U);
}

TEST_F(Conformance, CT_COOKIE_WithInvalidKePayload) {  // RFC 7296 2.6.1
    for (unsigned i = 0; i < 3; ++i) {
        eve.begin_again();
        eve.send(eve.init_request());
    }
    eve.begin_again();
    eve.use(crypto::KeMethod::ecp384);
    const auto asked = eve.try_init(eve.init_payloads());
    ASSERT_TRUE(has(asked, NotifyType::cookie));
    const wire::Notify cookie = *wire::find_notify(*asked, NotifyType::cookie);
    wire::Payloads payloads = eve.init_payloads();
    payloads.insert(payloads.begin(), cookie);
    ASSERT_TRUE(has(eve.try_init(payloads), NotifyType::invalid_ke_payload));
    // The cookie goes along with the right group: no third round.
    eve.use(crypto::KeMethod::curve25519);
    payloads = eve.init_payloads();
    payloads.insert(payloads.begin(), cookie);
    EXPECT_NE(wire::find<wire::SecurityAssociation>(eve.try_init(payloads).value()), nullptr);
}

TEST_F(Conformance, CT_NEG_TheFirstOfOursThatTheyOfferIsChosen) {  // RFC 7296 2.7
    const auto answer = eve.try_init(eve.init_payloads());
    ASSERT_TRUE(answer);
    const auto* sa = wire::find<wire::SecurityAssociation>(*answer);
    ASSERT_NE(sa, nullptr);
    ASSERT_EQ(sa->proposals.size(), 1U);
    EXPECT_EQ(sa->proposals.front().to_string(), eve.proposals.front().to_string());
    // RFC 7296 3.3.1: the number of the proposal that was accepted.
    EXPECT_EQ(sa->proposals.front().number, eve.proposals.front().number);
}

TEST_F(Conformance, CT_NEG_TheGroupOfTheChoiceIsNamed) {  // RFC 7296 1.2, 2.7
    // All is offered, with a KE payload of the group that the victim likes least.
    eve.use(crypto::KeMethod::curve448);
    const auto named = eve.try_init(eve.init_payloads());
    ASSERT_TRUE(has(named, NotifyType::invalid_ke_payload));
    EXPECT_EQ(wire::find_notify(*named, NotifyType::invalid_ke_payload)->data, (Bytes{0, 31}));
    EXPECT_EQ(pair.two.engine().half_open(), 0U);  // RFC 7296 2.7: no state is kept for it
    eve.use(crypto::KeMethod::curve25519);
    EXPECT_TRUE(eve.up());
    EXPECT_EQ(eve_status()->suite->ke, crypto::KeMethod::curve25519);
    // And where that group alone is offered it is the choice.
    std::erase_if(eve.proposals, [](const Proposal& one) {
        return one.to_string().find("448") == std::string::npos;
    });
    ASSERT_EQ(eve.proposals.size(), 1U);
    eve.use(crypto::KeMethod::curve448);
    eve.begin_again();
    EXPECT_TRUE(eve.up());
}

TEST_F(Conformance, CT_NEG_AChildSaWithoutASuiteInCommonLeavesTheIkeSa) {  // RFC 7296 1.2
    ASSERT_TRUE(eve.init());
    wire::Payloads payloads = eve.auth_payloads();
    auto& offer = std::get<wire::SecurityAssociation>(payloads[2]).proposals.front();
    offer.transforms.front().id = 3;  // 3DES
    offer.transforms.front().key_bits.reset();
    const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
    EXPECT_TRUE(has(answer, NotifyType::no_proposal_chosen));
    EXPECT_NE(wire::find<wire::Authentication>(*answer), nullptr);
    EXPECT_TRUE(eve.alive());
    EXPECT_TRUE(eve_status()->children.empty());
}

TEST_F(Conformance, CT_TS_WhatIsOfferedIsNarrowedToWhatIsConfigured) {  // RFC 7296 2.9
    ASSERT_TRUE(eve.up());
    const auto narrowed = [&](std::initializer_list<std::string_view> tsi, std::string_view tsr) {
        wire::Payloads payloads = eve.create_child_payloads(0xc0660030);
        auto& all = std::get<wire::TsInitiator>(payloads[2]).selectors;
        all.clear();
        for (const std::string_view one : tsi) { all.push_back(selector(one).selector); }
        std::get<wire::TsResponder>(payloads[3]).selectors = {selector(tsr).selector};
        const auto answer = eve.ask(ExchangeType::create_child_sa, payloads).value();
        const auto* i = wire::find<wire::TsInitiator>(answer);
        const auto* r = wire::find<wire::TsResponder>(answer);
        return i == nullptr || r == nullptr
                   ? std::string{}
                   : to_string(i->selectors) + " === " + to_string(r->selectors);
    };
    EXPECT_EQ(narrowed({"10.66.0.0/16"}, "10.0.0.0/8"), "10.66.0.0/24 === 10.2.0.0/24");
    EXPECT_EQ(narrowed({"10.66.0.5[tcp/80]", "10.66.0.0/24"}, "10.2.0.9"),
              "10.66.0.0/24 === 10.2.0.9");
    EXPECT_EQ(narrowed({"10.66.0.5[tcp/80]"}, "10.2.0.0/24[tcp]"),
              "10.66.0.5[tcp/80] === 10.2.0.0/24[tcp]");
    EXPECT_EQ(narrowed({"10.66.0.128/25", "172.16.0.0/12"}, "10.2.0.0/24"),
              "10.66.0.128/25 === 10.2.0.0/24");
    EXPECT_EQ(narrowed({"10.66.1.0/24"}, "10.2.0.0/24"), "");
}

TEST_F(Conformance, CT_TS_NothingInCommonLeavesTheIkeSa) {  // RFC 7296 2.9
    ASSERT_TRUE(eve.init());
    wire::Payloads payloads = eve.auth_payloads();
    std::get<wire::TsResponder>(payloads[4]).selectors = {selector("172.16.0.0/24").selector};
    const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
    EXPECT_TRUE(has(answer, NotifyType::ts_unacceptable));
    EXPECT_TRUE(eve.alive());
}

TEST_F(Conformance, CT_INFO_CT_ERR_UnknownNotifiesInRequestsAreIgnored) {  // RFC 7296 3.10.1
    ASSERT_TRUE(eve.up());
    for (const std::uint16_t type :
         std::initializer_list<std::uint16_t>{8191, 8192, 16383, 17284, 40959, 65535}) {
        wire::Payloads payloads;
        payloads.emplace_back(wire::Notify{.type = NotifyType{type}, .data = {1, 2}});
        const auto answer = eve.ask(ExchangeType::informational, payloads);
        EXPECT_TRUE(answer && answer->empty()) << type;
    }
    EXPECT_TRUE(eve.alive());
}

TEST_F(Conformance, CT_ID_IdrThatIsNotOursIsRefused) {  // RFC 7296 3.5
    ASSERT_TRUE(eve.init());
    wire::Payloads payloads = eve.auth_payloads();
    payloads.emplace_back(wire::IdResponder{.identity = identity("nob.example")});
    EXPECT_TRUE(has(eve.ask(ExchangeType::ike_auth, payloads), NotifyType::authentication_failed));
}

TEST_F(Conformance, CT_AUTH_OtherMethodsAndEmptyAuthAreRefused) {  // RFC 7296 2.15
    const auto refused = [&](wire::AuthMethod method, Bytes data) {
        eve.begin_again();
        EXPECT_TRUE(eve.init());
        wire::Payloads payloads = eve.auth_payloads();
        payloads[1] = wire::Authentication{.method = method, .data = std::move(data)};
        return has(eve.ask(ExchangeType::ike_auth, payloads), NotifyType::authentication_failed);
    };
    EXPECT_TRUE(refused(wire::AuthMethod::rsa_signature, Bytes(256, 1)));
    EXPECT_TRUE(refused(wire::AuthMethod::null, Bytes(48, 0)));
    pair.pass(std::chrono::seconds{40});
    EXPECT_TRUE(refused(wire::AuthMethod{0}, Bytes(48, 0)));
    EXPECT_TRUE(refused(wire::AuthMethod::shared_key, Bytes{0}));
    pair.pass(std::chrono::seconds{40});
    EXPECT_TRUE(refused(wire::AuthMethod::shared_key, Bytes(48, 0)));
}

TEST_F(Conformance, CT_CHILD_RekeyReplacesAndTheOldOneGoesWithItsDelete) {  // RFC 7296 2.8
    ASSERT_TRUE(eve.up());
    wire::Payloads payloads = eve.create_child_payloads(0xc0660012);
    payloads.insert(payloads.begin(), wire::Notify{.protocol = ProtocolId::esp,
                                                   .spi = {0xc0, 0x66, 0, 1},
                                                   .type = NotifyType::rekey_sa});
    ASSERT_NE(wire::find<wire::SecurityAssociation>(
                  eve.ask(ExchangeType::create_child_sa, payloads).value()),
              nullptr);
    wire::Payloads deletion;
    deletion.emplace_back(wire::Delete::esp({EspSpi{0xc0660001}}));
    const auto answer = eve.ask(ExchangeType::informational, deletion);
    ASSERT_TRUE(answer);
    ASSERT_NE(wire::find<wire::Delete>(*answer), nullptr);
    EXPECT_EQ(wire::find<wire::Delete>(*answer)->spis.size(), 1U);
    EXPECT_EQ(eve_status()->children.size(), 1U);
    // Again: it is gone, and nothing is answered for it.
    const auto again = eve.ask(ExchangeType::informational, deletion);
    EXPECT_EQ(wire::find<wire::Delete>(again.value()), nullptr);
}

TEST_F(Conformance, CT_INFO_AnEmptyRequestIsAnsweredEmpty) {  // RFC 7296 1.4
    ASSERT_TRUE(eve.up());
    const auto answer = eve.ask(ExchangeType::informational, {});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->empty());
}

TEST_F(Conformance, CT_INFO_ADeleteOfTheIkeSaIsAnsweredAndTakesItsChildrenAlong) {  // 1.4.1
    ASSERT_TRUE(eve.up());
    const auto answer = eve.ask(ExchangeType::informational, {wire::Delete::ike_sa()});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->empty());
    EXPECT_FALSE(eve_status());
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 1U);
}

}  // namespace
}  // namespace culvert::ike::v2
