// EAP as one of several authentication rounds (RFC 4739): engines with each other, the other rounds
// by pre-shared secrets.

#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

SharedSecret shared(std::string_view name, SecretKind kind, std::string_view value) {
    SharedSecret secret;
    secret.name = std::string{name};
    secret.kind = kind;
    secret.secret = Secret::copy_of(as_bytes(value));
    return secret;
}
SharedSecret password(std::string_view user, std::string_view value) {
    SharedSecret secret = shared("eap-" + std::string{user}, SecretKind::eap, value);
    secret.owners = {identity(user)};
    return secret;
}
// Of all further rounds.
SharedSecret other_secret(std::string_view value) {
    SharedSecret secret = shared("ike-rounds", SecretKind::psk, value);
    for (const char* owner :
         {"g1.example", "g2.example", "user@example", "third@example", "more0@example",
          "more1@example", "more2@example", "more3@example", "more4@example"}) {
        secret.owners.push_back(identity(owner));
    }
    return secret;
}
AuthConfig by_psk(std::string_view id) {
    return {.method = AuthMethodKind::psk, .id = id.empty() ? Identity{} : identity(id)};
}
// Of the client; for the gateway with any user.
AuthConfig by_eap(std::string_view user, eap::Type type = eap::Type::mschapv2) {
    AuthConfig round{.method = AuthMethodKind::eap, .id = {}};
    round.eap_methods = {type};
    if (!user.empty()) { round.eap_id = identity(user); }
    return round;
}
AuthConfig asks(AuthConfig round) {
    round.asks_eap_id = true;
    return round;
}

struct EapRounds : testing::Test {
    EapRounds() { reset(); }
    void reset() {
        first = gateway_config(1, 2);
        second = gateway_config(2, 1);
        for (Config* config : {&first, &second}) {
            config->secrets.push_back(other_secret("of the other rounds"));
            config->passwords.push_back(password("carol", "Ar3etTnp"));
            config->passwords.push_back(password("dave", "W7R0g3do"));
        }
    }
    Connection& one() { return first.connections.front(); }
    Connection& two() { return second.connections.front(); }
    // A secret, then EAP.
    void eap_second(eap::Type type = eap::Type::mschapv2) {
        one().local_more = {by_eap("carol", type)};
        two().remote_more = {asks(by_eap("", type))};
    }
    // EAP, then a secret.
    void eap_first() {
        const Identity id = one().local.id;
        one().local = by_eap("carol");
        one().local.id = id;
        one().local_more = {by_psk("user@example")};
        two().remote = asks(by_eap(""));
        two().remote_more = {by_psk("user@example")};
    }
    Status up() {
        pair.emplace(std::move(first), std::move(second));
        return pair->up(pair->one);
    }
    bool up_with_child() {
        const bool done = up().has_value();
        return done && keys_agree();
    }
    bool keys_agree() { return pair->keys_agree(); }
    void expect_nothing() { pair->expect_nothing(); }
    IkeSaStatus at_responder() { return pair->two.engine().status(pair->now).front(); }
    static std::size_t said(const Side& side, std::string_view words) {
        return static_cast<std::size_t>(std::ranges::count_if(
            side.all<Event>(),
            [&](const Event* event) { return event->text.find(words) != std::string::npos; }));
    }
    bool two_says(std::string_view words) {
        return pair->two.errors().find(words) != std::string::npos;
    }
    Config first;
    Config second;
    std::optional<EnginePair> pair;
};

TEST_F(EapRounds, ASecretThenEap) {
    eap_second();
    ASSERT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
    // RFC 4739 2: IDi, AUTH ... | IDi | identity | response | success | AUTH
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request"), 6U);
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request 2 [ IDi ]"), 1U);
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request 6 [ AUTH ]"), 1U);
    EXPECT_EQ(at_responder().remote_id, identity("g1.example"));
    EXPECT_EQ(at_responder().remote_eap_id, identity("carol"));
}

TEST_F(EapRounds, EapThenASecret) {
    eap_first();
    ASSERT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
    // RFC 4739 2: that another one follows is said beside AUTH, not where EAP begins.
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request 5 [ AUTH N(AUTH_FOLLOWS) ]"), 1U);
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request 6 [ IDi AUTH ]"), 1U);
    EXPECT_EQ(at_responder().remote_eap_id, identity("carol"));
}

// RFC 7296 2.16: SK_pi and SK_pr stand in for the key that these do not make.
TEST_F(EapRounds, AMethodWithoutAKeyMayBeTheSecond) {
    for (const eap::Type type : {eap::Type::md5, eap::Type::gtc}) {
        reset();
        eap_second(type);
        EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
    }
}

TEST_F(EapRounds, TwoUsersInARow) {
    eap_first();
    one().local_more = {by_eap("dave", eap::Type::md5)};
    two().remote_more = {asks(by_eap("", eap::Type::md5))};
    ASSERT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(at_responder().remote_eap_id, identity("dave"));
}

TEST_F(EapRounds, BetweenTwoSecrets) {
    eap_second();
    one().local_more.push_back(by_psk("third@example"));
    two().remote_more.push_back(by_psk(""));
    EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
}

TEST_F(EapRounds, TheResponderHasSeveralRoundsAsWell) {
    for (const bool begins : {false, true}) {
        for (unsigned more = 1; more <= 3; ++more) {
            reset();
            begins ? eap_first() : eap_second();
            for (unsigned i = 0; i < more; ++i) {
                const std::string id = "more" + std::to_string(i) + "@example";
                two().local_more.push_back(by_psk(id));
                one().remote_more.push_back(by_psk(id));
            }
            EXPECT_TRUE(up_with_child())
                << begins << more << pair->one.errors() << pair->two.errors();
        }
    }
}

TEST_F(EapRounds, MoreRoundsOfTheResponderThanEapHasMessages) {
    one().local = by_eap("carol", eap::Type::md5);
    one().local.id = identity("g1.example");
    two().remote = by_eap("", eap::Type::md5);
    two().remote.eap_id = identity("carol");
    two().remote.asks_eap_id = true;
    for (unsigned i = 0; i < 5; ++i) {
        const std::string id = "more" + std::to_string(i) + "@example";
        two().local_more.push_back(by_psk(id));
        one().remote_more.push_back(by_psk(id));
    }
    EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
}

TEST_F(EapRounds, AWrongPasswordAfterAGoodRoundIsExplainedOnBothSides) {
    eap_second();
    first.passwords.front() = password("carol", "Ar3etTnq");
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_NE(explain(status.error()).find("691: wrong user or password"), std::string::npos)
        << explain(status.error());
    EXPECT_TRUE(two_says("\"carol\" to prove by EAP_MSCHAPV2")) << pair->two.errors();
    EXPECT_EQ(said(pair->two, "EAP/FAIL N(AUTH_FAILED)"), 1U);
    expect_nothing();
}

TEST_F(EapRounds, AGoodPasswordDoesNotMakeUpForAWrongSecret) {
    eap_first();
    first.secrets.back() = other_secret("another one");
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("user@example")) << pair->two.errors();
    // The round that failed is the one that is told of.
    const std::string ours = pair->one.errors();
    EXPECT_NE(ours.find("the peer to accept us as user@example"), std::string::npos) << ours;
    EXPECT_NE(ours.find("secrets.ike-rounds"), std::string::npos) << ours;
    expect_nothing();
}

// E-07: nobody sees a password who has not proved himself.
TEST_F(EapRounds, AWrongSecretInTheFirstRoundEndsItBeforeEap) {
    eap_second(eap::Type::gtc);
    first.secrets.front().secret = Secret::copy_of(as_bytes("another one"));
    EXPECT_FALSE(up());
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request"), 1U);
    expect_nothing();
}

TEST_F(EapRounds, AMissingRoundIsRefusedBeforeAndBehindEap) {
    eap_second();
    one().local_more.clear();
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("has no more")) << pair->two.errors();
    expect_nothing();
    reset();
    eap_first();
    one().local_more.clear();
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("has no more")) << pair->two.errors();
    expect_nothing();
}

TEST_F(EapRounds, OneTooManyIsRefusedBehindEap) {
    eap_first();
    Connection several = two();  // of somebody else
    several.name = "several";
    several.remote.id = identity("g3.example");
    second.connections.push_back(std::move(several));
    two().remote_more.clear();
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("a peer that has more")) << pair->two.errors();
    expect_nothing();
}

TEST_F(EapRounds, AnotherMethodThanTheRoundsIsNamed) {
    eap_second();
    one().local_more = {by_psk("user@example")};
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("EAP_MSCHAPV2 (connections.gw.remote.auth)")) << pair->two.errors();
    expect_nothing();
    reset();
    eap_second();
    two().remote_more = {by_psk("")};
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("a wish for EAP")) << pair->two.errors();
    expect_nothing();
}

TEST_F(EapRounds, TheIdentityAndTheUserMustFitTheRound) {
    eap_second();
    two().remote_more.front().eap_id = identity("alice");
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("an EAP identity that fits alice")) << pair->two.errors();
    expect_nothing();
    reset();
    eap_second();
    two().remote_more.front().id = identity("other@example");
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("other@example")) << pair->two.errors();
    expect_nothing();
}

TEST_F(EapRounds, WhoSaysThatAnotherRoundFollowsGetsAConnectionWithOne) {
    eap_second();
    Connection plain = two();
    plain.name = "plain";
    plain.remote_more.clear();
    second.connections.insert(second.connections.begin(), std::move(plain));
    ASSERT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(at_responder().connection, "gw");
}

// A user goes to no connection whose further rounds he has not gone through.
TEST_F(EapRounds, TheUserDoesNotLeadPastARound) {
    eap_first();
    one().local_more.clear();
    two().remote.eap_id = identity("carol");
    Connection plain = two();
    plain.name = "plain";
    plain.remote_more.clear();
    plain.remote.eap_id = identity("dave");
    second.connections.insert(second.connections.begin(), std::move(plain));
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("fits dave")) << pair->two.errors();
    expect_nothing();
}

TEST_F(EapRounds, WhoWantsEapOfTheOtherDoesNotBegin) {
    one().remote_more = {by_eap("")};
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::config);
}

// A peer that gives up between its rounds is told apart from one that is silent.
TEST_F(EapRounds, TheGatewayLearnsThatItsClientGaveUp) {
    eap_second();
    two().local_more = {by_psk("more0@example")};
    EXPECT_FALSE(up());
    EXPECT_TRUE(two_says("to go on with its authentication rounds")) << pair->two.errors();
}

TEST_F(EapRounds, SurvivesLostAnswers) {
    for (int lost = 1; lost < 8; ++lost) {
        SCOPED_TRACE(lost);
        reset();
        eap_second();
        pair.emplace(std::move(first), std::move(second));
        pair->one.take(pair->one.engine().handle(
            Initiate{.id = CommandId{9}, .connection = "gw", .child = "net"}, pair->now));
        for (int i = 0; i < lost; ++i) { pair->step(); }
        pair->cut = true;
        pair->step();
        pair->cut = false;
        pair->pass(std::chrono::seconds{20});
        ASSERT_TRUE(pair->one.ended(9).has_value());
        EXPECT_TRUE(pair->one.ended(9)->has_value()) << pair->one.errors();
        EXPECT_TRUE(keys_agree());
    }
}

// Its keys are those of IKE_INTERMEDIATE; a lost answer is asked for once more.
TEST_F(EapRounds, EachAnswerMayBeLostBehindAnIntermediateExchange) {
    for (Config* config : {&first, &second}) {
        config->connections.front().proposals =
            parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_ecp256").value();
    }
    eap_second();
    pair.emplace(std::move(first), std::move(second));
    pair->one.take(pair->one.engine().handle(
        Initiate{.id = CommandId{70}, .connection = "gw", .child = "net"}, pair->now));
    for (int round = 0; round < 100 && !pair->one.ended(70); ++round) {
        pair->step();  // one's request
        ASSERT_FALSE(pair->two.out.empty()) << round;
        pair->two.out.clear();
        pair->now += std::chrono::seconds{5};
        pair->one.take(pair->one.engine().tick(pair->now));
        pair->step();  // once more
        pair->step();  // its answer
    }
    ASSERT_TRUE(pair->one.ended(70));
    EXPECT_TRUE(pair->one.ended(70).value()) << pair->one.errors();
}

}  // namespace
}  // namespace culvert::ike::v2
