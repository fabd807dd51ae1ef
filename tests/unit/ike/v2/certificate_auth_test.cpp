// AUTH by certificates between two engines: who is let in, and what the one that refuses says.

#include "ike/v2/certificate_auth.hpp"

#include <chrono>
#include <functional>

#include "certificate_pair.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {
namespace {

TEST_F(CertificateAuth, CT_AUTH_AChainWithOneInBetweenIsSentAndTrusted) {
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(CertificateAuth, WithoutTheOneInBetweenTheChainIsBroken) {
    known_one.certificates = {certificate("g1")};
    refused("has an issuer that we neither know nor were sent");
}

TEST_F(CertificateAuth, TheResponderMayKnowTheOneInBetween) {
    known_one.certificates = {certificate("g1")};
    known_two.certificates.push_back(certificate("middle"));
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(CertificateAuth, AnotherAuthorityIsNotTrusted) {
    known_two.authorities = {certificate("other")};
    refused("x509ca");
}

TEST_F(CertificateAuth, CacertsCountInsteadOfAllThatAreTrusted) {
    second().remote.cacerts = {certificate("other")};
    refused("remote.cacerts, which count instead");
}

TEST_F(CertificateAuth, CacertsMayNameTheAuthorityInBetween) {
    second().remote.cacerts = {certificate("middle")};
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(CertificateAuth, WhatIsLoadedAsAPeersCertificateIsTrustedAsItIs) {
    known_two.authorities.clear();
    known_two.certificates.push_back(certificate("g1"));
    first().send_cert = SendCertificate::never;
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(CertificateAuth, OnlyThePinnedOneCounts) {
    second().remote.pinned = {certificate("gw")};
    refused("connections.gw.remote.certs");
}

TEST_F(CertificateAuth, ExpiredOnesAreRefused) {
    later = std::chrono::hours{24 * 400};
    refused("expired on");
}

TEST_F(CertificateAuth, NotYetValidOnesAreRefused) {
    later = -std::chrono::hours{24 * 2};
    refused("is not valid before");
}

TEST_F(CertificateAuth, RevokedOnesAreRefused) {
    // "revoked" is what middle's list names; its key and name are put in g1's place.
    known_one.certificates = {certificate("revoked"), certificate("middle")};
    known_one.keys = {private_key("revoked")};
    first().local.id = {};
    second().remote.id = {};
    known_two.crls = {x509::Crl::parse(x509::file("middle.crl")).value()};
    refused("keyCompromise");
}

// One that was let in before comes again; its chain is known by now.
struct ComesAgain : CertificateAuth {
    bool comes() {
        pair->down(pair->one);
        pair->one.actions.clear();
        pair->two.actions.clear();
        return pair->up(pair->one).has_value();
    }
    // The responder's configuration becomes another one.
    void knows(const CredentialSet& known) {
        Config config = gateway_config(2, 1);
        config.secrets.clear();
        Connection& gw = config.connections.front();
        gw.local.method = AuthMethodKind::pubkey;
        gw.remote.method = AuthMethodKind::pubkey;
        gw.remote.id = second_id;
        bind(gw, known);
        config.credentials = std::make_shared<const CredentialSet>(known);
        pair->two.take(pair->two.engine().configure(
            std::make_shared<const Config>(std::move(config)), pair->now));
    }
    Identity second_id = identity("g1.example");
};

TEST_F(ComesAgain, AndIsLetIn) {
    ASSERT_TRUE(up()) << pair->two.errors();
    EXPECT_TRUE(comes()) << pair->two.errors();
}

TEST_F(ComesAgain, AndIsRefusedWhenItsCertificateHasExpired) {
    ASSERT_TRUE(up()) << pair->two.errors();
    later = std::chrono::hours{24 * 400};
    EXPECT_FALSE(comes());
    EXPECT_NE(pair->two.errors().find("expired on"), std::string::npos) << pair->two.errors();
}

TEST_F(ComesAgain, AndIsRefusedWhenItsAuthorityIsNoneAnyMore) {
    ASSERT_TRUE(up()) << pair->two.errors();
    known_two.authorities = {certificate("other")};
    knows(known_two);
    EXPECT_FALSE(comes());
    EXPECT_NE(pair->two.errors().find("x509ca"), std::string::npos) << pair->two.errors();
}

TEST_F(ComesAgain, AndIsRefusedWhenItWasRevoked) {
    known_one.certificates = {certificate("revoked"), certificate("middle")};
    known_one.keys = {private_key("revoked")};
    first().local.id = {};
    second().remote.id = second_id = {};
    ASSERT_TRUE(up()) << pair->two.errors();
    known_two.crls = {x509::Crl::parse(x509::file("middle.crl")).value()};
    knows(known_two);
    EXPECT_FALSE(comes());
    EXPECT_NE(pair->two.errors().find("keyCompromise"), std::string::npos) << pair->two.errors();
}

TEST_F(ComesAgain, AndAForgedProofIsNone) {
    ASSERT_TRUE(up()) << pair->two.errors();
    // Another one's key under the certificate that is known.
    Config forger = gateway_config(1, 2);
    forger.secrets.clear();
    Connection& gw = forger.connections.front();
    gw.local.method = AuthMethodKind::pubkey;
    gw.remote.method = AuthMethodKind::pubkey;
    bind(gw, known_one);
    gw.local.usable.front().key = private_key("revoked");
    forger.credentials = std::make_shared<const CredentialSet>(known_one);
    pair->one.take(
        pair->one.engine().configure(std::make_shared<const Config>(std::move(forger)), pair->now));
    EXPECT_FALSE(comes());
    EXPECT_NE(pair->two.errors().find("does not verify"), std::string::npos) << pair->two.errors();
}

TEST_F(CertificateAuth, AnIdentityThatIsNotInTheCertificateIsRefused) {
    known_one.certificates = {certificate("gw"), certificate("middle")};
    known_one.keys = {private_key("gw")};
    first().local.own = {certificate("gw")};
    // bind() would take the subject for it: somebody else's engine may not.
    for (auto* config : {&one, &two}) { config->credentials = nullptr; }
    bind(first(), known_one);
    first().local.id = identity("g1.example");
    first().local.certs = first().local.usable.front().chain;
    first().local.key = first().local.usable.front().key;
    first().local.usable.clear();
    first().local.own.clear();
    known_one.keys.clear();
    refused("claims, g1.example");
}

TEST_F(CertificateAuth, AStolenCertificateIsNoProofWithoutItsKey) {
    first().local.certs = {certificate("g1").der(), certificate("middle").der()};
    first().local.key = private_key("gw");
    known_one.keys.clear();
    refused("does not verify");
}

TEST_F(CertificateAuth, KeysOfTheWrongKindAreRefused) {
    second().remote.chain_rules = {{.type = crypto::KeyType::rsa, .bits_min = 3072}};
    refused("rsa-3072");
}

TEST_F(CertificateAuth, HashesOfTheChainAreHeldToTheRules) {
    second().remote.chain_rules = {{.hashes = {crypto::HashAlgorithm::sha2_384}}};
    refused("sha384");
}

TEST_F(CertificateAuth, HashesOfAuthAreHeldToTheRules) {
    second().remote.auth_rules = {{.hashes = {crypto::HashAlgorithm::sha2_384}}};
    refused("sha384");
}

TEST_F(CertificateAuth, WhatSignsKeepsToItsOwnRules) {
    second().remote.auth_rules = {{.hashes = {crypto::HashAlgorithm::sha2_384}}};
    first().local.auth_rules = second().remote.auth_rules;
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(CertificateAuth, PoliciesMustBeThere) {
    second().remote.policies = {"1.3.6.1.4.1.99.1"};
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(CertificateAuth, WithoutThePolicyItIsRefused) {
    second().remote.policies = {"1.3.6.1.4.1.99.2"};
    refused("1.3.6.1.4.1.99.2");
}

TEST_F(CertificateAuth, TheAuthorityMustBeTheNamedOne) {
    second().remote.ca_id = identity("C=CH, O=Culvert, CN=other");
    refused("CN=other");
}

TEST_F(CertificateAuth, AStrictPolicyWantsALinkToEveryList) {
    second().remote.revocation = x509::RevocationPolicy::strict;
    refused("cannot be told from a revoked one");
}

// what stands, and when it is rekeyed, hangs on no calendar; who comes anew is judged by it.
TEST_F(CertificateAuth, AClockThatJumpsDisturbsNothingThatStands) {
    first().rekey_time = std::chrono::hours{1};
    ASSERT_TRUE(up());
    const auto established = [&](Side& side) {
        const auto sas = side.engine().status(pair->now);
        return sas.size() == 1 && sas.front().state == IkeState::established &&
               sas.front().children.size() == 1;
    };
    const auto rekeyed_at = pair->one.engine().status(pair->now).front().rekey_at;
    for (const auto jump : {std::chrono::years{1}, std::chrono::years{-2}, std::chrono::years{1}}) {
        later += std::chrono::duration_cast<std::chrono::seconds>(jump);
        pair->pass(std::chrono::seconds{60});
        EXPECT_TRUE(established(pair->one));
        EXPECT_TRUE(established(pair->two));
        EXPECT_EQ(pair->one.engine().status(pair->now).front().rekey_at, rekeyed_at);
        pair->feed(pair->one, Rekey{.id = CommandId{90}, .ike = "gw", .child = "net"});
        EXPECT_TRUE(established(pair->one)) << "a rekey needs no calendar";
    }
    later -= std::chrono::duration_cast<std::chrono::seconds>(std::chrono::years{50});
    pair->down(pair->one);
    EXPECT_FALSE(pair->up(pair->one));
    EXPECT_NE((pair->one.errors() + pair->two.errors()).find("clock"), std::string::npos);
}

// The responder asks about the initiator's certificate, and IKE_AUTH waits.
struct AskedFor : CertificateAuth {
    void begin(x509::RevocationPolicy policy, const std::string& peer = "asked") {
        known_one.certificates = {certificate(peer), certificate("middle")};
        known_one.keys = {private_key(peer)};
        known_two.crls.push_back(x509::Crl::parse(x509::file("root.crl")).value());
        second().remote.revocation = policy;
        for (const auto& [config, known] :
             {std::pair{&one, &known_one}, std::pair{&two, &known_two}}) {
            bind(config->connections.front(), *known);
            config->credentials = std::make_shared<const CredentialSet>(*known);
        }
        pair.emplace(std::move(one), std::move(two));
        for (Side* side : {&pair->one, &pair->two}) {
            side->engine().use_calendar([](Instant) { return today(); });
            side->engine().use_fetches();
        }
        EXPECT_FALSE(pair->up(pair->one));
        EXPECT_FALSE(pair->one.ended(1)) << "nothing is decided yet";
    }
    std::vector<const FetchRevocation*> asked() { return pair->two.all<FetchRevocation>(); }
    void answer(std::size_t which, Result<Bytes> body) {
        ASSERT_LT(which, asked().size());
        pair->feed(pair->two, RevocationFetched{asked().at(which)->id, std::move(body)});
    }
    static Error nobody() { return {.received = "connection refused"}; }
};

TEST_F(AskedFor, AGoodAnswerLetsItIn) {
    NEED_CERTIFICATES();
    begin(x509::RevocationPolicy::strict);
    ASSERT_EQ(asked().size(), 1U);
    EXPECT_EQ(asked().front()->url, "http://ocsp.example/");
    EXPECT_EQ(asked().front()->request, x509::file("asked.question"));
    pair->pass(std::chrono::seconds{8});  // retransmissions of the initiator change nothing
    EXPECT_EQ(asked().size(), 1U);
    answer(0, x509::file("asked.ocsp"));
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_TRUE(*pair->one.ended(1)) << pair->two.errors();
    EXPECT_EQ(pair->two.all<InstallChild>().size(), 1U);
}

TEST_F(AskedFor, WithoutTheResponderTheListIsAsked) {
    NEED_CERTIFICATES();
    begin(x509::RevocationPolicy::strict);
    answer(0, std::unexpected(nobody()));
    ASSERT_EQ(asked().size(), 2U);
    EXPECT_EQ(asked().at(1)->url, "http://crl.example/middle.crl");
    answer(1, x509::file("middle.crl"));
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_TRUE(*pair->one.ended(1)) << pair->two.errors();
    // What is known is not asked again.
    pair->down(pair->one);
    EXPECT_TRUE(pair->up(pair->one));
    EXPECT_EQ(asked().size(), 2U);
}

TEST_F(AskedFor, WhenNobodyAnswersAStrictPolicyRefuses) {
    NEED_CERTIFICATES();
    begin(x509::RevocationPolicy::strict);
    answer(0, std::unexpected(nobody()));
    answer(1, Bytes{1, 2, 3});
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_FALSE(*pair->one.ended(1));
    EXPECT_NE(pair->two.errors().find("http://ocsp.example/: connection refused"),
              std::string::npos)
        << pair->two.errors();
}

TEST_F(AskedFor, WhenNobodyAnswersARelaxedPolicyTrusts) {
    NEED_CERTIFICATES();
    begin(x509::RevocationPolicy::relaxed);
    answer(0, std::unexpected(nobody()));
    answer(1, std::unexpected(nobody()));
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_TRUE(*pair->one.ended(1)) << pair->two.errors();
}

TEST_F(AskedFor, AnAnswerAfterTheEndIsOfNoUse) {
    NEED_CERTIFICATES();
    begin(x509::RevocationPolicy::strict);
    pair->pass(std::chrono::seconds{200});  // both have given up
    answer(0, x509::file("asked.ocsp"));
    pair->feed(pair->two, RevocationFetched{4711, x509::file("asked.ocsp")});  // never asked
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());
}

// RFC 5280 5.2.4: the list is current, and does not know yet what the one that completes it says.
struct Delta : AskedFor {
    void begin_fresh() {
        known_two.crls = {x509::Crl::parse(x509::file("middle.crl")).value()};
        begin(x509::RevocationPolicy::strict, "fresh");
        ASSERT_EQ(asked().size(), 1U);
        EXPECT_EQ(asked().front()->url, "http://crl.example/delta.crl");
    }
};

TEST_F(Delta, WhatTheDeltaListRevokesIsRevoked) {
    begin_fresh();
    answer(0, x509::file("delta.crl"));
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_FALSE(*pair->one.ended(1));
    EXPECT_NE(pair->two.errors().find("superseded"), std::string::npos) << pair->two.errors();
}

TEST_F(Delta, WithoutTheDeltaListTheListCounts) {
    begin_fresh();
    answer(0, std::unexpected(nobody()));
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_TRUE(*pair->one.ended(1)) << pair->two.errors();
}

TEST_F(CertificateAuth, NothingIsFetchedForOneThatIsNotTrusted) {
    known_one.certificates = {certificate("asked"), certificate("middle")};
    known_one.keys = {private_key("asked")};
    known_two.authorities = {certificate("other")};
    refused("x509ca");
    EXPECT_TRUE(pair->two.all<FetchRevocation>().empty());
}

TEST_F(CertificateAuth, CT_AUTH_TheInitiatorRefusesTheResponderToo) {
    known_one.authorities = {certificate("other")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("x509ca"), std::string::npos) << pair->one.errors();
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());  // it was told
}

TEST_F(CertificateAuth, WithoutACalendarNothingIsTrusted) {
    for (const auto& [config, known] : {std::pair{&one, &known_one}, std::pair{&two, &known_two}}) {
        bind(config->connections.front(), *known);
        config->credentials = std::make_shared<const CredentialSet>(*known);
    }
    EnginePair without{std::move(one), std::move(two)};
    EXPECT_FALSE(without.up(without.one));
}

TEST(Certifies, ByteForByteButForTheCaseOfNames) {
    NEED_CERTIFICATES();
    const auto gw = certificate("gw");
    for (const char* const good : {"gw.example", "GW.Example", "gw@example.org", "192.0.2.1",
                                   "2001:db8::1", "C=CH, O=Culvert, CN=gw"}) {
        EXPECT_TRUE(certifies(gw, identity(good))) << good;
    }
    for (const char* const bad : {"example", "*.example", "w.example", "gw@example.com",
                                  "192.0.2.2", "C=CH, O=Culvert, CN=*", "CN=gw", "%any"}) {
        EXPECT_FALSE(certifies(gw, identity(bad))) << bad;
    }
}

TEST(AskedAuthorities, AreReadWholeAndBounded) {
    wire::CertificateRequest request{.encoding = wire::CertEncoding::x509_signature,
                                     .data = Bytes(45, 7)};
    const auto asked = asked_authorities({request});
    EXPECT_TRUE(asked.certificates);
    EXPECT_EQ(asked.key_hashes.size(), 2U);
    request.data = Bytes(20 * 1000, 7);
    EXPECT_LE(asked_authorities({request}).key_hashes.size(), asked_authorities_max);
    request.encoding = wire::CertEncoding::pgp;
    EXPECT_FALSE(asked_authorities({request}).certificates);
}

}  // namespace
}  // namespace culvert::ike::v2
