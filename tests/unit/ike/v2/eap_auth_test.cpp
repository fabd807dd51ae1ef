// EAP in IKE_AUTH (RFC 7296 2.16), RFC 5998: engines with each other. The responder proves itself
// with a pre-shared secret here.

#include "engine_pair.hpp"
#include "ike/wire/header.hpp"

namespace culvert::ike::v2 {
namespace {

SharedSecret password(std::string_view user, std::string_view value) {
    SharedSecret secret;
    secret.name = "eap-" + std::string{user};
    secret.kind = SecretKind::eap;
    secret.owners = {identity(user)};
    secret.secret = Secret::copy_of(as_bytes(value));
    return secret;
}

void by_eap(AuthConfig& side, std::vector<eap::Type> methods) {
    side.method = AuthMethodKind::eap;
    side.eap_methods = std::move(methods);
}

struct EapAuth : testing::Test {
    EapAuth() { reset(); }
    void reset() {
        first = gateway_config(1, 2);
        second = gateway_config(2, 1);
        by_eap(one().local, {eap::Type::mschapv2});
        one().local.eap_id = identity("carol");
        by_eap(two().remote, {eap::Type::mschapv2});
        two().remote.asks_eap_id = true;  // %any
        first.passwords.push_back(password("carol", "Ar3etTnp"));
        second.passwords.push_back(password("carol", "Ar3etTnp"));
    }
    Connection& one() { return first.connections.front(); }
    Connection& two() { return second.connections.front(); }
    Status up() {
        pair.emplace(std::move(first), std::move(second));
        return pair->up(pair->one);
    }
    IkeSaStatus at_responder() { return pair->two.engine().status(pair->now).front(); }
    bool keys_agree() { return pair->keys_agree(); }
    // Nothing was made by either.
    void expect_nothing() { pair->expect_nothing(); }
    static std::size_t said(const Side& side, std::string_view words) {
        return static_cast<std::size_t>(std::ranges::count_if(
            side.all<Event>(),
            [&](const Event* event) { return event->text.find(words) != std::string::npos; }));
    }
    Config first;
    Config second;
    std::optional<EnginePair> pair;
};

TEST_F(EapAuth, MschapV2BringsTheIkeSaAndItsChildUp) {
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_TRUE(keys_agree());
    // IDi ... | identity | MS-CHAP-V2 response | its success | AUTH
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request"), 5U);
    EXPECT_EQ(said(pair->one, "sending IKE_AUTH request 5 [ AUTH ]"), 1U);
    EXPECT_EQ(said(pair->two, "received EAP identity 'carol'"), 1U);
    EXPECT_EQ(said(pair->two, "EAP method EAP_MSCHAPV2 succeeded, MSK established"), 1U);
    EXPECT_EQ(at_responder().remote_id, identity("g1.example"));
    EXPECT_EQ(at_responder().remote_eap_id, identity("carol"));
    pair->feed(pair->one, Rekey{.ike = "gw"});
    EXPECT_EQ(at_responder().remote_eap_id, identity("carol"));  // and after a rekey
}

// RFC 7296 2.16: SK_pi and SK_pr stand in for the key that these do not make.
TEST_F(EapAuth, Md5AndGtcHaveAuthFromTheKeysOfTheIkeSa) {
    for (const eap::Type type : {eap::Type::md5, eap::Type::gtc}) {
        reset();
        one().local.eap_methods = two().remote.eap_methods = {type};
        ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
        EXPECT_TRUE(keys_agree());
        EXPECT_EQ(said(pair->two, "no MSK established"), 1U);
    }
}

// RFC 9370 2.2.2: once IKE_INTERMEDIATE is over, what comes once more comes under the new keys.
TEST_F(EapAuth, AnAnswerThatIsLostAfterIntermediateIsGivenAgain) {
    for (Connection* const connection : {&one(), &two()}) {
        connection->proposals =
            parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_ecp256").value();
    }
    pair.emplace(std::move(first), std::move(second));
    pair->one.take(pair->one.engine().handle(
        Initiate{.id = CommandId{700}, .connection = "gw", .child = "net"}, pair->now));
    unsigned answers = 0;
    while (!pair->one.out.empty() || !pair->two.out.empty()) {
        std::erase_if(pair->two.out, [&](const Datagram& datagram) {
            return wire::parse_header(datagram.bytes).value().exchange ==
                       wire::ExchangeType::ike_auth &&
                   ++answers == 2;
        });
        pair->step();
    }
    ASSERT_FALSE(pair->one.ended(700));
    pair->pass(std::chrono::seconds{5});
    ASSERT_TRUE(pair->one.ended(700)) << pair->two.errors();
    EXPECT_TRUE(*pair->one.ended(700)) << pair->one.errors() << pair->two.errors();
}

TEST_F(EapAuth, TheNtHashIsAsGoodAsThePassword) {
    SharedSecret hash = password("carol", "");
    hash.kind = SecretKind::nt_hash;
    // `printf Ar3etTnp | iconv -t UTF-16LE | openssl dgst -md4 -provider legacy`
    hash.secret = Secret::copy_of(from_hex("4a62a4cf02ca6d030c64bd01a599bd3a").value());
    second.passwords.clear();
    second.passwords.push_back(std::move(hash));
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(EapAuth, AWrongPasswordIsExplainedOnBothSides) {
    first.passwords.clear();
    first.passwords.push_back(password("carol", "Ar3etTnq"));
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_NE(explain(status.error()).find("691: wrong user or password"), std::string::npos)
        << explain(status.error());
    EXPECT_NE(pair->two.errors().find("\"carol\" to prove by EAP_MSCHAPV2"), std::string::npos)
        << pair->two.errors();
    expect_nothing();
    // EAP-Failure and the notify (RFC 7296 2.21.2).
    EXPECT_EQ(said(pair->two, "EAP/FAIL N(AUTH_FAILED)"), 1U);
}

TEST_F(EapAuth, AnUnknownUserIsNamedByTheResponderAlone) {
    one().local.eap_id = identity("mallory");
    first.passwords.push_back(password("mallory", "something"));
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_NE(explain(status.error()).find("691: wrong user or password"), std::string::npos);
    EXPECT_NE(pair->two.errors().find("\"mallory\", for whom there is none"), std::string::npos)
        << pair->two.errors();
    expect_nothing();
}

TEST_F(EapAuth, MethodsThatDoNotMeetAreNamed) {
    one().local.eap_methods = {eap::Type::md5};
    ASSERT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("a Nak that asks for EAP_MD5"), std::string::npos);
    EXPECT_NE(pair->one.errors().find("the peer offered EAP_MSCHAPV2"), std::string::npos);
    expect_nothing();
}

TEST_F(EapAuth, DynamicTakesWhatThePeerWants) {
    one().local.eap_methods = {eap::Type::gtc};
    two().remote.eap_methods = eap::methods();
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

// The initiator must not show a password to who has not proved himself.
TEST_F(EapAuth, E07NoPasswordForAResponderWithTheWrongSecret) {
    by_eap(one().local, {eap::Type::gtc});
    by_eap(two().remote, {eap::Type::gtc});
    first.secrets.front().secret = Secret::copy_of(as_bytes("another one"));
    ASSERT_FALSE(up());
    EXPECT_EQ(said(pair->two, "received IKE_AUTH request"), 1U);
    EXPECT_NE(pair->one.errors().find("pre-shared secret"), std::string::npos);
    // And the responder learns that it is over.
    EXPECT_NE(pair->two.errors().find("to go on with EAP"), std::string::npos)
        << pair->two.errors();
    expect_nothing();
}

TEST_F(EapAuth, TheUserDecidesBetweenConnectionsAndMustFitOne) {
    Connection other = two();
    other.name = "alices";
    other.children.front().name = "net";
    other.remote.eap_id = identity("alice");
    two().remote.eap_id = identity("bob");
    second.connections.push_back(std::move(other));
    first.passwords.push_back(password("alice", "4iChxLT3"));
    second.passwords.push_back(password("alice", "4iChxLT3"));
    one().local.eap_id = identity("alice");
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(at_responder().connection, "alices");
    EXPECT_EQ(at_responder().remote_eap_id, identity("alice"));
}

TEST_F(EapAuth, AUserWhoFitsNoConnectionStaysOut) {
    two().remote.eap_id = identity("bob");
    ASSERT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("an EAP identity that fits bob"), std::string::npos)
        << pair->two.errors();
    expect_nothing();
}

TEST_F(EapAuth, AConnectionWithoutEapSaysWhatItWants) {
    two().remote = {.id = identity("g1.example")};
    ASSERT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("a wish for EAP"), std::string::npos) << pair->two.errors();
    expect_nothing();
}

TEST_F(EapAuth, AuthWhereEapIsWantedIsRefused) {
    one().local = {.id = identity("g1.example")};
    ASSERT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("EAP_MSCHAPV2 (connections.gw.remote.auth)"),
              std::string::npos)
        << pair->two.errors();
    expect_nothing();
}

// RFC 5998 4: MS-CHAP-V2 does not prove the responder well enough to stand alone.
TEST_F(EapAuth, EapAloneNeedsAMutualMethod) {
    by_eap(one().remote, {eap::Type::mschapv2});
    by_eap(two().local, {eap::Type::mschapv2});
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_EQ(said(pair->one, "N(EAP_ONLY)"), 1U);
    EXPECT_NE(explain(status.error()).find("does nothing else to prove itself"), std::string::npos)
        << explain(status.error());
    expect_nothing();
}

TEST_F(EapAuth, EapAloneIsNotGivenUnasked) {
    by_eap(two().local, {eap::Type::mschapv2});
    ASSERT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("no EAP_ONLY_AUTHENTICATION"), std::string::npos)
        << pair->two.errors();
    expect_nothing();
}

// Addresses and `unique` go by the EAP identity: two users behind one IKE identity.
TEST_F(EapAuth, VirtualAddressesGoByUser) {
    two().pools = {"p"};
    two().children.front().remote_ts = {dynamic_selector()};
    second.pools.push_back(
        {.name = "p", .addresses = {ip("10.9.0.1"), ip("10.9.0.9")}, .attributes = {}});
    one().vips = {ip("0.0.0.0")};
    one().children.front().local_ts = {dynamic_selector()};
    auto leases = std::make_shared<LeaseBook>();
    pair.emplace(std::move(first), std::move(second));
    pair->two.engine().use_leases(leases);
    ASSERT_TRUE(pair->up(pair->one)) << pair->one.errors() << pair->two.errors();
    ASSERT_EQ(leases->leases().size(), 1U);
    EXPECT_EQ(leases->leases().front().identity, identity("carol"));
}

// A retransmitted request in the middle is answered again, and nothing counts twice.
TEST_F(EapAuth, SurvivesALostAnswer) {
    pair.emplace(std::move(first), std::move(second));
    pair->one.take(pair->one.engine().handle(
        Initiate{.id = CommandId{9}, .connection = "gw", .child = "net"}, pair->now));
    for (int i = 0; i < 4; ++i) { pair->step(); }
    pair->cut = true;
    pair->step();
    pair->cut = false;
    pair->pass(std::chrono::seconds{20});
    ASSERT_TRUE(pair->one.ended(9).has_value());
    EXPECT_TRUE(pair->one.ended(9)->has_value()) << pair->one.errors();
    EXPECT_TRUE(keys_agree());
}

// A peer that stops in the middle is forgotten in time.
TEST_F(EapAuth, S10AHalfDoneEapIsForgotten) {
    pair.emplace(std::move(first), std::move(second));
    pair->one.take(pair->one.engine().handle(
        Initiate{.id = CommandId{9}, .connection = "gw", .child = "net"}, pair->now));
    for (int i = 0; i < 4; ++i) { pair->step(); }
    EXPECT_EQ(pair->two.engine().half_open(), 1U);
    pair->cut = true;
    pair->pass(std::chrono::seconds{240});
    EXPECT_EQ(pair->two.engine().half_open(), 0U);
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());
}

}  // namespace
}  // namespace culvert::ike::v2
