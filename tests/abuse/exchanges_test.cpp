// Abuse cases S-01 and S-15: every exchange in every state, and key exchanges out of turn.

#include <map>
#include <set>

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using Exchanges = AbuseTest;
using std::chrono::seconds;

constexpr auto create_child_sa = static_cast<unsigned>(ExchangeType::create_child_sa);
constexpr auto ike_auth = static_cast<unsigned>(ExchangeType::ike_auth);
constexpr auto informational = static_cast<unsigned>(ExchangeType::informational);

struct EveryExchange : AbuseTest {
    // The exchanges whose well-formed request is answered now, and what with.
    std::map<unsigned, wire::Payloads> answered_but(const std::set<unsigned>& left_out = {}) {
        std::map<unsigned, wire::Payloads> out;
        for (unsigned type = 0; type < 256; ++type) {
            if (left_out.contains(type)) { continue; }
            wire::Payloads payloads;
            if (type == create_child_sa) { payloads = eve.create_child_payloads(0xc0660077); }
            if (type == ike_auth) { payloads = eve.auth_payloads(); }
            const ExchangeType exchange{static_cast<std::uint8_t>(type)};
            for (const Bytes& answer : eve.send(eve.sealed(eve.header(exchange), payloads))) {
                const auto header = wire::parse_header(answer).value();
                if (!header.flags.response) { continue; }
                EXPECT_EQ(header.exchange, exchange);
                out[type] = eve.open(answer).value_or(wire::Payloads{});
                ++eve.next_id;
            }
        }
        return out;
    }
    // Whatever the peer says without keys: the requests and the responses of all exchanges.
    void say_all_in_the_clear() {
        for (unsigned type = 0; type < 256; ++type) {
            for (const bool response : {false, true}) {
                wire::IkeHeader header = eve.init_header();
                header.initiator_spi = victims_spi();
                header.responder_spi = IkeSpi{77};
                header.exchange = ExchangeType{static_cast<std::uint8_t>(type)};
                header.flags = {.response = response};
                EXPECT_TRUE(eve.send(wire::write(header, {})).empty()) << type;
            }
        }
    }
    IkeSpi victims_spi() { return IkeSpi{eve_status()->initiator_spi}; }
};

std::set<unsigned> types_of(const std::map<unsigned, wire::Payloads>& answers) {
    std::set<unsigned> out;
    for (const auto& [type, payloads] : answers) { out.insert(type); }
    return out;
}

TEST_F(EveryExchange, S01WhereNothingIsThereYet) {
    for (unsigned type = 0; type < 256; ++type) {
        // At most the INVALID_IKE_SPI of RFC 7296 2.21.4.
        const ExchangeType exchange{static_cast<std::uint8_t>(type)};
        if (exchange == ExchangeType::ike_sa_init) { continue; }
        wire::IkeHeader header = eve.init_header();
        header.exchange = exchange;
        for (const Bytes& answer : eve.send(wire::write(header, eve.init_payloads()))) {
            EXPECT_TRUE(
                has(wire::parse_message(answer).value().payloads, NotifyType::invalid_ike_spi));
        }
    }
}

TEST_F(EveryExchange, S01HalfOpenAndEstablished) {
    ASSERT_TRUE(eve.init());
    EXPECT_TRUE(answered_but({ike_auth}).empty());
    ASSERT_TRUE(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()));
    EXPECT_EQ(types_of(answered_but()), (std::set{create_child_sa, informational}));
    EXPECT_EQ(eve_status()->children.size(), 2U);
    EXPECT_TRUE(eve.alive());
}

TEST_F(EveryExchange, S01Rejected) {
    eve.secret = to_bytes(as_bytes("a wrong secret"));
    ASSERT_TRUE(eve.init());
    const Bytes request = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
    const auto answer = eve.send(request);
    ASSERT_EQ(answer.size(), 1U);
    ++eve.next_id;
    // Not even the right secret helps now; what was answered is answered once more, as it was.
    eve.secret = to_bytes(as_bytes("only for the tests"));
    EXPECT_TRUE(answered_but().empty());
    EXPECT_EQ(eve.send(request), answer);
}

TEST_F(EveryExchange, S01Rekeyed) {  // RFC 7296 2.25.2
    ASSERT_TRUE(eve.up());
    const IkeSpi old = eve.spi();
    ASSERT_NE(wire::find<wire::SecurityAssociation>(eve.rekey_ike().value()), nullptr);
    ASSERT_NE(eve.spi(), old);
    EXPECT_TRUE(eve.alive());
    eve.go_back();
    ASSERT_EQ(eve.spi(), old);
    const auto answers = answered_but();
    ASSERT_EQ(types_of(answers), (std::set{create_child_sa, informational}));
    EXPECT_TRUE(has(answers.at(create_child_sa), NotifyType::temporary_failure));
    EXPECT_TRUE(has(eve.rekey_ike(), NotifyType::temporary_failure));
    // Its Delete is what it is still there for.
    EXPECT_TRUE(eve.ask(ExchangeType::informational, {wire::Delete::ike_sa()}));
    EXPECT_EQ(ike_sas(), 2U);
    EXPECT_FALSE(eve.alive());
}

TEST_F(EveryExchange, S01Deleting) {  // RFC 7296 2.25.2
    ASSERT_TRUE(eve.up());
    const auto said = eve.feed(Terminate{.id = CommandId{71}, .ike = "eve"});
    ASSERT_EQ(said.size(), 1U);
    ASSERT_EQ(eve_status()->state, IkeState::deleting);
    const auto answers = answered_but();
    ASSERT_EQ(types_of(answers), (std::set{create_child_sa, informational}));
    EXPECT_TRUE(has(answers.at(create_child_sa), NotifyType::temporary_failure));
    EXPECT_EQ(eve_status()->state, IkeState::deleting);
    EXPECT_TRUE(eve.answer(said.front(), {}).empty());
    EXPECT_FALSE(eve_status());
}

TEST_F(EveryExchange, S01InitiatorThatWaitsForTheFirstAnswer) {
    const Bytes request = call();
    say_all_in_the_clear();
    EXPECT_EQ(eve_status()->state, IkeState::connecting);
    const auto said = eve.answer_init(request);
    ASSERT_EQ(said.size(), 1U);
    eve.answer(said.front(), eve.auth_answer(eve.open(said.front()).value()));
    EXPECT_TRUE(call_succeeded()) << pair.two.errors();
}

TEST_F(EveryExchange, S01InitiatorThatWaitsForIkeAuth) {
    const Bytes request = call_to_auth();
    const wire::Payloads right = eve.auth_answer(eve.open(request).value());
    EXPECT_TRUE(answered_but().empty());
    // The right answer as one to any other exchange, and to another request.
    for (unsigned type = 0; type < 256; ++type) {
        wire::IkeHeader header = wire::parse_header(request).value();
        header.flags = {.response = true};
        header.exchange = ExchangeType{static_cast<std::uint8_t>(type)};
        if (type == ike_auth) { header.message_id = MessageId{2}; }
        EXPECT_TRUE(eve.send(eve.sealed(header, right)).empty()) << type;
    }
    EXPECT_EQ(eve_status()->state, IkeState::connecting);
    EXPECT_FALSE(call_ended());
    eve.answer(request, right);
    EXPECT_TRUE(call_succeeded()) << pair.two.errors();
    EXPECT_TRUE(eve.alive());
}

// ---- S-15

TEST_F(Exchanges, S15WhatWasNotNegotiatedIsDropped) {  // RFC 9242, RFC 9370
    ASSERT_TRUE(eve.init());
    const auto ke = crypto::KeyExchange::create(crypto::KeMethod::curve25519, eve.random()).value();
    const Bytes intermediate = eve.intermediate_request(ke);
    for (unsigned i = 0; i < 20; ++i) { EXPECT_TRUE(eve.send(intermediate).empty()); }
    ASSERT_TRUE(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()));
    EXPECT_TRUE(eve.send(eve.sealed(eve.header(ExchangeType::ike_followup_ke), {})).empty());
    EXPECT_TRUE(eve.alive());
}

// The victim wants two more key exchanges, of ECP-384 and then of X448.
struct KeyRounds : AbuseTest {
    void SetUp() override {
        AbuseTest::SetUp();
        Config config = victim_config();
        config.connections.back().proposals =
            parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_x448")
                .value();
        config.connections.back().children.front().proposals =
            parse_proposals(ProtocolId::esp, "aes256gcm16-x25519-ke1_ecp256").value();
        eve.proposals = config.connections.back().proposals;
        configure(std::move(config));
    }
    bool begin() {
        eve.begin_again();
        wire::Payloads payloads = eve.init_payloads();
        payloads.emplace_back(wire::Notify{.type = NotifyType::intermediate_exchange_supported});
        const auto answers = eve.say_init(payloads);
        return answers.size() == 1 && eve.take_init_answer(answers.front());
    }
    crypto::KeyExchange key(crypto::KeMethod method) {
        return crypto::KeyExchange::create(method, eve.random()).value();
    }
    // A round that the victim takes.
    bool round(crypto::KeMethod method) {
        const auto answer = eve.intermediate(key(method));
        return answer && wire::find<wire::KeyExchange>(*answer) != nullptr;
    }
    bool is_up() {
        const auto status = eve_status();
        return status && status->state == IkeState::established;
    }
    // It was refused: nothing brings this IKE SA up any more.
    void expect_the_end() {
        EXPECT_FALSE(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()));
        EXPECT_FALSE(is_up());
        pair.pass(seconds{35});
        EXPECT_EQ(pair.two.engine().half_open(), 0U);
    }
};

TEST_F(KeyRounds, S15InTheirOrderTheyAreTaken) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(round(crypto::KeMethod::ecp384));
    ASSERT_TRUE(round(crypto::KeMethod::curve448));
    const auto answer = eve.ask(ExchangeType::ike_auth, eve.auth_payloads());
    ASSERT_TRUE(answer);
    EXPECT_NE(wire::find<wire::Authentication>(*answer), nullptr);
    EXPECT_TRUE(is_up());
}

TEST_F(KeyRounds, S15OutOfOrderIsRefused) {
    ASSERT_TRUE(begin());
    EXPECT_TRUE(has(eve.intermediate(key(crypto::KeMethod::curve448)), NotifyType::invalid_syntax));
    expect_the_end();
}

TEST_F(KeyRounds, S15ARoundTwiceIsRefused) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(round(crypto::KeMethod::ecp384));
    EXPECT_TRUE(has(eve.intermediate(key(crypto::KeMethod::ecp384)), NotifyType::invalid_syntax));
    expect_the_end();
}

TEST_F(KeyRounds, S15ARoundAfterTheLastIsRefused) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(round(crypto::KeMethod::ecp384));
    ASSERT_TRUE(round(crypto::KeMethod::curve448));
    EXPECT_TRUE(has(eve.intermediate(key(crypto::KeMethod::curve448)), NotifyType::invalid_syntax));
    expect_the_end();
}

TEST_F(KeyRounds, S15IkeAuthBeforeTheLastRoundIsRefused) {  // RFC 9370 2.2.2
    for (const bool one_done : {false, true}) {
        ASSERT_TRUE(begin());
        if (one_done) { ASSERT_TRUE(round(crypto::KeMethod::ecp384)); }
        const auto answer = eve.ask(ExchangeType::ike_auth, eve.auth_payloads());
        ASSERT_TRUE(answer);
        EXPECT_NE(wire::find_error_notify(*answer), nullptr);
        EXPECT_EQ(wire::find<wire::Authentication>(*answer), nullptr);
        expect_the_end();
    }
}

TEST_F(KeyRounds, S15TheSameRequestOnceMoreIsTheSameRound) {
    ASSERT_TRUE(begin());
    const auto ke = key(crypto::KeMethod::ecp384);
    const Bytes request = eve.intermediate_request(ke);
    const auto answer = eve.send(request);
    ASSERT_EQ(answer.size(), 1U);
    for (unsigned i = 0; i < 5; ++i) { EXPECT_EQ(eve.send(request), answer); }
    // One with the keys from before it and the next id opens nothing.
    ++eve.next_id;
    EXPECT_TRUE(eve.send(eve.intermediate_request(key(crypto::KeMethod::curve448))).empty());
    EXPECT_FALSE(is_up());
}

TEST_F(KeyRounds, S15ExchangesWithoutAKeyAreCounted) {  // RFC 9242: what for is not known
    ASSERT_TRUE(begin());
    unsigned answered = 0;
    bool refused = false;
    while (answered < 1000 && !refused) {
        const auto answer = eve.ask(ExchangeType::ike_intermediate, {});
        ASSERT_TRUE(answer);
        refused = has(answer, NotifyType::invalid_syntax);
        answered += refused ? 0 : 1;
    }
    EXPECT_EQ(answered, intermediate_exchanges_max);
    expect_the_end();
}

TEST_F(KeyRounds, S15AFollowUpThatNobodyWaitsForFindsNoState) {  // RFC 9370 2.2.4
    ASSERT_TRUE(begin());
    ASSERT_TRUE(round(crypto::KeMethod::ecp384));
    ASSERT_TRUE(round(crypto::KeMethod::curve448));
    ASSERT_TRUE(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()));
    ASSERT_TRUE(is_up());
    const auto first = key(crypto::KeMethod::curve25519);
    const auto second = key(crypto::KeMethod::ecp256);
    wire::Payloads payloads = eve.create_child_payloads(0xc0660020, first);
    auto& offer = std::get<wire::SecurityAssociation>(payloads.front()).proposals.front();
    offer.transforms.push_back(
        {.type = additional_ke_type(0), .id = std::to_underlying(second.method())});
    const auto follow_up = [&](const Bytes& link) {
        return eve.ask(ExchangeType::ike_followup_ke,
                       {wire::KeyExchange{.method = second.method(), .data = second.public_value()},
                        wire::Notify{.type = NotifyType::additional_key_exchange, .data = link}});
    };
    const auto started = eve.ask(ExchangeType::create_child_sa, payloads);
    ASSERT_TRUE(started);
    const auto* notify = wire::find_notify(*started, NotifyType::additional_key_exchange);
    ASSERT_NE(notify, nullptr);
    // Another link, before and after the right one; and that once more.
    EXPECT_TRUE(has(follow_up(Bytes(8, 1)), NotifyType::state_not_found));
    EXPECT_EQ(eve_status()->children.size(), 1U);
    ASSERT_NE(wire::find<wire::KeyExchange>(follow_up(notify->data).value()), nullptr);
    EXPECT_EQ(eve_status()->children.size(), 2U);
    EXPECT_TRUE(has(follow_up(notify->data), NotifyType::state_not_found));
    EXPECT_EQ(eve_status()->children.size(), 2U);
    EXPECT_TRUE(eve.alive());
}

// The victim begins, and what it calls answers with another key exchange than was its turn.
TEST_F(KeyRounds, S15AnAnswerOfAnotherMethodEndsTheHandshake) {
    wire::Payloads more;
    more.emplace_back(wire::Notify{.type = NotifyType::intermediate_exchange_supported});
    const auto said = eve.answer_init(call(), more);
    ASSERT_EQ(said.size(), 1U);
    ASSERT_EQ(wire::parse_header(said.front()).value().exchange, ExchangeType::ike_intermediate);
    const auto other = key(crypto::KeMethod::curve448);
    eve.answer(said.front(),
               {wire::KeyExchange{.method = other.method(), .data = other.public_value()}});
    EXPECT_TRUE(call_failed());
    EXPECT_FALSE(eve_status());
}

}  // namespace
}  // namespace culvert::ike::v2
