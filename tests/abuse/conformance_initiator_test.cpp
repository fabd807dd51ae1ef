// The groups of the IKEv2 conformance lists that ask the victim to begin: the peer made by hand
// answers, rightly or not. (Children: conformance_children_test.cpp.)

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using Initiator = AbuseTest;
using std::chrono::seconds;

wire::Notify group(crypto::KeMethod method) {
    Writer data;
    data.u16(std::to_underlying(method));
    return {.type = NotifyType::invalid_ke_payload, .data = data.take()};
}

TEST_F(Initiator, CT_HDR_RequestsCarryTheFlagAndCountTheirIds) {  // RFC 7296 3.1, 2.2
    const Bytes first = call();
    const auto init = wire::parse_header(first).value();
    EXPECT_NE(init.initiator_spi, IkeSpi{});
    EXPECT_EQ(init.responder_spi, IkeSpi{});
    EXPECT_EQ(init.exchange, ExchangeType::ike_sa_init);
    EXPECT_EQ(init.message_id, MessageId{0});
    EXPECT_TRUE(init.flags.initiator);
    EXPECT_FALSE(init.flags.response);
    EXPECT_EQ(init.major_version, 2);
    EXPECT_EQ(init.minor_version, 0);
    const auto said = eve.answer_init(first);
    ASSERT_EQ(said.size(), 1U);
    const auto auth = wire::parse_header(said.front()).value();
    EXPECT_EQ(auth.initiator_spi, init.initiator_spi);
    EXPECT_EQ(auth.responder_spi, eve.responder_spi());
    EXPECT_EQ(auth.exchange, ExchangeType::ike_auth);
    EXPECT_EQ(auth.message_id, MessageId{1});
    EXPECT_TRUE(auth.flags.initiator);
    EXPECT_FALSE(auth.flags.response);
    eve.answer(said.front(), eve.auth_answer(eve.open(said.front()).value()));
    EXPECT_TRUE(call_succeeded()) << pair.two.errors();
    // Of the responder's own requests the ids begin at 0, and their answers carry its flag.
    const auto answers = eve.send(eve.sealed(eve.header(ExchangeType::informational), {}));
    ASSERT_EQ(answers.size(), 1U);
    const auto answer = wire::parse_header(answers.front()).value();
    EXPECT_EQ(answer.message_id, MessageId{0});
    EXPECT_TRUE(answer.flags.initiator);
    EXPECT_TRUE(answer.flags.response);
}

TEST_F(Initiator, CT_RTX_ARequestIsRepeatedUntilItIsAnsweredAndNoLonger) {  // RFC 7296 2.1
    const Bytes first = call();
    EXPECT_EQ(wait(seconds{12}), (std::vector{first, first}));
    const auto auth = eve.answer_init(first);
    ASSERT_EQ(auth.size(), 1U);
    EXPECT_EQ(wait(seconds{5}), auth);  // bit for bit the same
    eve.answer(auth.front(), eve.auth_answer(eve.open(auth.front()).value()));
    ASSERT_TRUE(call_succeeded()) << pair.two.errors();
    EXPECT_TRUE(wait(seconds{300}).empty());
    const auto rekey = eve.feed(Rekey{.id = CommandId{1}, .ike = "eve", .child = "net"});
    ASSERT_EQ(rekey.size(), 1U);
    EXPECT_EQ(wait(seconds{5}), rekey);
    const auto deletion =
        eve.answer(rekey.front(), eve.child_answer(eve.open(rekey.front()).value(), 0xc0660002));
    ASSERT_EQ(deletion.size(), 1U);  // of the old Child SA
    EXPECT_EQ(wait(seconds{5}), deletion);
    EXPECT_TRUE(eve.answer(deletion.front(), {}).empty());
    EXPECT_TRUE(wait(seconds{300}).empty());
    EXPECT_TRUE(eve.alive());
}

TEST_F(Initiator, CT_SYNC_ACallThatNobodyAnswersEnds) {  // RFC 7296 2.4
    const Bytes first = call();
    const auto again = wait(seconds{300});
    EXPECT_EQ(again.size(), RetransmitConfig{}.tries);
    for (const Bytes& one : again) { EXPECT_EQ(one, first); }
    EXPECT_TRUE(call_failed());
    EXPECT_FALSE(eve_status());
}

TEST_F(Initiator, CT_SYNC_APeerThatIsSilentIsGivenUp) {  // RFC 7296 2.4
    ASSERT_TRUE(call_up());
    ASSERT_EQ(eve.feed(Rekey{.id = CommandId{1}, .ike = "eve", .child = "net"}).size(), 1U);
    // Only what is authenticated shows that it lives.
    for (unsigned i = 0; i < 300 && eve_status(); ++i) {
        wait(seconds{1});
        eve.send(wire::write(eve.header(ExchangeType::informational), {}));
    }
    EXPECT_FALSE(eve_status());
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 1U);
    EXPECT_FALSE(pair.two.ended(1).value());
}

TEST_F(Initiator, CT_SYNC_RequestsOfBothEndsMayCross) {  // RFC 7296 2.3
    ASSERT_TRUE(call_up());
    const auto asked = eve.feed(Rekey{.id = CommandId{1}, .ike = "eve", .child = "net"});
    ASSERT_EQ(asked.size(), 1U);
    // A window of one: the next waits for the answer.
    EXPECT_TRUE(eve.feed(Rekey{.id = CommandId{2}, .ike = "eve"}).empty());
    EXPECT_TRUE(eve.alive());
    const auto created =
        eve.ask(ExchangeType::create_child_sa, eve.create_child_payloads(0xc0660020));
    ASSERT_TRUE(created);
    EXPECT_NE(wire::find<wire::SecurityAssociation>(*created), nullptr);
    const auto next =
        eve.answer(asked.front(), eve.child_answer(eve.open(asked.front()).value(), 0xc0660021));
    EXPECT_TRUE(pair.two.ended(1).value());
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(wire::parse_header(next.front()).value().message_id, MessageId{3});
    EXPECT_EQ(eve_status()->children.size(), 3U);  // the old one, its successor, the other
    EXPECT_TRUE(eve.alive());
}

TEST_F(Initiator, CT_VER_WhatIsReservedInAnAnswerIsIgnored) {  // RFC 7296 2.5
    const Bytes first = call();
    Bytes answer = eve.init_answer(first);
    Bytes later = answer;
    later[17] = 0x30;  // another major version
    EXPECT_TRUE(eve.send(later).empty());
    Bytes critical = eve.init_answer(
        first, {wire::UnknownPayload{.type = PayloadType{200}, .critical = true, .body = {}}});
    EXPECT_TRUE(eve.send(critical).empty());
    EXPECT_EQ(eve_status()->state, IkeState::connecting);
    answer = eve.init_answer(first, {wire::UnknownPayload{.type = PayloadType{200}, .body = {}}});
    answer[17] = 0x2f;   // a later minor version
    answer[19] |= 0xc7;  // X bits of the flags
    answer[29] |= 0xff;  // critical bit and RESERVED of a known payload
    eve.claim_first_message(answer);
    const auto said = eve.send(answer);
    ASSERT_EQ(said.size(), 1U);
    eve.answer(said.front(), eve.auth_answer(eve.open(said.front()).value()));
    EXPECT_TRUE(call_succeeded()) << pair.two.errors();
}

TEST_F(Initiator, CT_COOKIE_GoesFirstBeforeWhatWasSaidAlready) {  // RFC 7296 2.6
    const auto of = [](const Bytes& message) {
        return wire::parse_message(message).value().payloads;
    };
    const Bytes first = call();
    const wire::Notify cookie{.type = NotifyType::cookie, .data = Bytes(16, 7)};
    auto said = eve.refuse_init(first, cookie);
    ASSERT_EQ(said.size(), 1U);
    wire::Payloads wanted = of(first);
    wanted.insert(wanted.begin(), cookie);
    EXPECT_EQ(of(said.front()), wanted);
    EXPECT_EQ(wire::parse_header(said.front()).value().initiator_spi,
              wire::parse_header(first).value().initiator_spi);
    EXPECT_EQ(wire::parse_header(said.front()).value().message_id, MessageId{0});
    // RFC 7296 2.6.1: with another group the cookie goes along.
    said = eve.refuse_init(said.front(), group(crypto::KeMethod::ecp256));
    ASSERT_EQ(said.size(), 1U);
    const auto third = of(said.front());
    ASSERT_TRUE(std::holds_alternative<wire::Notify>(third.front()));
    EXPECT_EQ(std::get<wire::Notify>(third.front()), cookie);
    EXPECT_EQ(wire::find<wire::KeyExchange>(third)->method, crypto::KeMethod::ecp256);
    // And another cookie takes the place of the first.
    const wire::Notify other{.type = NotifyType::cookie, .data = Bytes(20, 9)};
    said = eve.refuse_init(said.front(), other);
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(std::get<wire::Notify>(of(said.front()).front()), other);
    EXPECT_EQ(of(said.front()).size(), third.size());
}

TEST_F(Initiator, CT_NEG_TheGroupThatIsNamedIsTakenNext) {  // RFC 7296 1.2, 2.7
    const Bytes first = call();
    const auto said = eve.refuse_init(first, group(crypto::KeMethod::ecp256));
    ASSERT_EQ(said.size(), 1U);
    const auto before = wire::parse_message(first).value().payloads;
    const auto after = wire::parse_message(said.front()).value().payloads;
    EXPECT_EQ(wire::find<wire::KeyExchange>(after)->method, crypto::KeMethod::ecp256);
    // All that was offered is offered again: no downgrade.
    EXPECT_EQ(*wire::find<wire::SecurityAssociation>(after),
              *wire::find<wire::SecurityAssociation>(before));
    eve.proposals = parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-ecp256").value();
    const auto auth = eve.answer_init(said.front());
    ASSERT_EQ(auth.size(), 1U);
    eve.answer(auth.front(), eve.auth_answer(eve.open(auth.front()).value()));
    ASSERT_TRUE(call_succeeded()) << pair.two.errors();
    EXPECT_EQ(eve_status()->suite->ke, crypto::KeMethod::ecp256);
}

TEST_F(Initiator, CT_NEG_AnAnswerThatWasNotOfferedIsRefused) {  // RFC 7296 2.7, 3.3
    const Bytes first = call();
    auto message = wire::parse_message(eve.init_answer(first)).value();
    auto& chosen = std::get<wire::SecurityAssociation>(message.payloads.front()).proposals.front();
    chosen.transforms.front().key_bits = 128;
    EXPECT_TRUE(eve.send(wire::write(message.header, message.payloads)).empty());
    EXPECT_TRUE(call_failed());
    EXPECT_FALSE(eve_status());
}

TEST_F(Initiator, CT_NEG_NoProposalChosenEndsTheCall) {
    EXPECT_TRUE(eve.refuse_init(call(), {.type = NotifyType::no_proposal_chosen}).empty());
    EXPECT_TRUE(call_failed());
    EXPECT_NE(pair.two.errors().find("NO_PROPOSAL_CHOSEN"), std::string::npos);
}

// What the responder makes of TSi 10.2.0.0/24 and TSr 10.66.0.0/24.
struct AnsweredSelectors : AbuseTest {
    std::vector<Bytes> call_and_get(std::string_view tsi, std::string_view tsr) {
        const Bytes request = call_to_auth();
        wire::Payloads payloads = eve.auth_answer(eve.open(request).value());
        for (wire::Payload& payload : payloads) {
            if (auto* i = std::get_if<wire::TsInitiator>(&payload)) {
                i->selectors = {selector(tsi).selector};
            }
            if (auto* r = std::get_if<wire::TsResponder>(&payload)) {
                r->selectors = {selector(tsr).selector};
            }
        }
        return eve.answer(request, payloads);
    }
};

TEST_F(AnsweredSelectors, CT_TS_WhatWasNarrowedIsUsed) {  // RFC 7296 2.9
    EXPECT_TRUE(call_and_get("10.2.0.0/25", "10.66.0.7[tcp/80]").empty());
    ASSERT_TRUE(call_succeeded()) << pair.two.errors();
    EXPECT_EQ(to_string(eve_status()->children.front().local_ts), "10.2.0.0/25");
    EXPECT_EQ(to_string(eve_status()->children.front().remote_ts), "10.66.0.7[tcp/80]");
}

TEST_F(AnsweredSelectors, CT_TS_WhatWasWidenedIsRefusedAndGivenBack) {  // RFC 7296 2.9
    const auto said = call_and_get("10.2.0.0/24", "10.0.0.0/8");
    EXPECT_TRUE(call_failed());
    EXPECT_EQ(pair.two.all<InstallChild>().size(), 1U);  // the honest one's
    // The peer has it: it is told to forget it. The IKE SA stays.
    ASSERT_EQ(said.size(), 1U);
    EXPECT_NE(wire::find<wire::Delete>(eve.open(said.front()).value()), nullptr);
    eve.answer(said.front(), {});
    EXPECT_EQ(eve_status()->state, IkeState::established);
    EXPECT_TRUE(eve.alive());
}

TEST_F(Initiator, CT_ERR_AuthenticationFailedEndsTheCall) {  // RFC 7296 2.21.2
    const Bytes request = call_to_auth();
    EXPECT_TRUE(
        eve.answer(request, {wire::Notify{.type = NotifyType::authentication_failed}}).empty());
    EXPECT_TRUE(call_failed());
    EXPECT_FALSE(eve_status());
    EXPECT_FALSE(eve.alive());
}

// RFC 7296 3.10.1: INVALID_SPI is about a packet of ESP; whoever has keys may say it, and it is no
// more than a hint.
TEST_F(Initiator, CT_ERR_InvalidSpiEndsNothing) {
    ASSERT_TRUE(call_up());
    const EspSpi spi = eve_status()->children.front().outbound_spi;
    Writer data;
    data.u32(spi.value());
    const auto answer =
        eve.ask(ExchangeType::informational,
                {wire::Notify{.type = NotifyType::invalid_spi, .data = data.take()}});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->empty());
    EXPECT_EQ(eve_status()->children.front().outbound_spi, spi);
    EXPECT_TRUE(pair.two.all<RemoveChild>().empty());
}

TEST_F(Initiator, CT_ERR_AnAnswerWithoutItsNonceIsRefused) {  // RFC 7296 1.3.1
    ASSERT_TRUE(call_up());
    const auto said = eve.feed(Rekey{.id = CommandId{1}, .ike = "eve", .child = "net"});
    ASSERT_EQ(said.size(), 1U);
    wire::Payloads broken = eve.child_answer(eve.open(said.front()).value(), 0xc0660002);
    broken.erase(broken.begin() + 1);  // no nonce
    eve.answer(said.front(), broken);
    EXPECT_FALSE(pair.two.ended(1).value());
    EXPECT_EQ(pair.two.all<InstallChild>().size(), 2U);
    // What it had goes on.
    EXPECT_EQ(eve_status()->children.front().state, ChildState::installed);
}

TEST_F(Initiator, CT_AUTH_AResponderWithTheWrongSecretIsTold) {  // RFC 7296 2.21.2
    eve.secret = to_bytes(as_bytes("a wrong secret"));
    const Bytes request = call_to_auth();
    const auto said = eve.answer(request, eve.auth_answer(eve.open(request).value()));
    EXPECT_TRUE(call_failed());
    EXPECT_EQ(pair.two.all<InstallChild>().size(), 1U);
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(wire::parse_header(said.front()).value().exchange, ExchangeType::informational);
    EXPECT_TRUE(has(eve.open(said.front()), NotifyType::authentication_failed));
    EXPECT_FALSE(eve_status());
}

TEST_F(Initiator, CT_INFO_LivenessIsAskedForWithNothing) {  // RFC 7296 1.4, 2.4
    Config config = victim_config();
    config.connections.back().dpd_delay = seconds{10};
    configure(std::move(config));
    ASSERT_TRUE(call_up());
    for (unsigned i = 0; i < 5; ++i) {
        const auto said = wait(seconds{11});
        ASSERT_EQ(said.size(), 1U);
        EXPECT_EQ(wire::parse_header(said.front()).value().exchange, ExchangeType::informational);
        EXPECT_TRUE(eve.open(said.front()).value().empty());
        EXPECT_TRUE(eve.answer(said.front(), {}).empty());
    }
    EXPECT_EQ(eve_status()->state, IkeState::established);
}

TEST_F(Initiator, CT_INFO_DeletesNameWhatIsClosed) {  // RFC 7296 1.4.1
    ASSERT_TRUE(call_up());
    const EspSpi inbound = eve_status()->children.front().inbound_spi;
    auto said = eve.feed(Terminate{.id = CommandId{1}, .ike = "eve", .child = "net"});
    ASSERT_EQ(said.size(), 1U);
    auto request = eve.open(said.front()).value();
    ASSERT_NE(wire::find<wire::Delete>(request), nullptr);
    EXPECT_EQ(*wire::find<wire::Delete>(request), wire::Delete::esp({inbound}));
    EXPECT_TRUE(eve.answer(said.front(), {wire::Delete::esp({EspSpi{0xc0660001}})}).empty());
    EXPECT_TRUE(pair.two.ended(1).value());
    EXPECT_TRUE(eve_status()->children.empty());
    EXPECT_TRUE(eve.alive());
    said = eve.feed(Terminate{.id = CommandId{2}, .ike = "eve"});
    ASSERT_EQ(said.size(), 1U);
    request = eve.open(said.front()).value();
    ASSERT_NE(wire::find<wire::Delete>(request), nullptr);
    EXPECT_EQ(*wire::find<wire::Delete>(request), wire::Delete::ike_sa());
    EXPECT_FALSE(pair.two.ended(2));
    EXPECT_TRUE(eve.answer(said.front(), {}).empty());
    EXPECT_TRUE(pair.two.ended(2).value());
    EXPECT_FALSE(eve_status());
}

}  // namespace
}  // namespace culvert::ike::v2
