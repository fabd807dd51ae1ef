// Announced authentication methods (RFC 9593): the octets, and what the announcement is good for.

#include "ike/v2/announced_methods.hpp"

#include "certificate_pair.hpp"

namespace culvert::ike::v2 {
namespace {

ConnectionRef connection_with(AuthMethodKind method, SignatureRules rules = {}) {
    auto out = std::make_shared<Connection>();
    out->remote.method = method;
    out->remote.auth_rules = std::move(rules);
    return out;
}

wire::Payloads announced_by(std::vector<ConnectionRef> connections) {
    wire::Payloads out;
    if (auto notify = announced_methods_notify(connections)) { out.emplace_back(*notify); }
    return out;
}

TEST(AnnouncedMethods, AreWrittenAsRfc9593Figures) {
    const ConnectionRef psk = connection_with(AuthMethodKind::psk);
    const ConnectionRef unproved = connection_with(AuthMethodKind::null);
    EXPECT_EQ(announced_methods_notify(std::vector{psk})->data, (Bytes{2, 2}));
    EXPECT_EQ(announced_methods_notify(std::vector{psk, unproved})->data, (Bytes{2, 2, 2, 13}));
    EXPECT_FALSE(announced_methods_notify(std::vector{connection_with(AuthMethodKind::eap)}));
    EXPECT_FALSE(
        announced_methods_notify(std::vector{psk, connection_with(AuthMethodKind::pubkey)}));
    const ConnectionRef eddsa =
        connection_with(AuthMethodKind::pubkey, {{.type = crypto::KeyType::ed25519}});
    // id-Ed25519 is 1.3.101.112 (RFC 8410 3).
    EXPECT_EQ(announced_methods_notify(std::vector{eddsa})->data,
              (Bytes{10, 14, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70}));
}

TEST(AnnouncedMethods, AreReadBack) {
    const auto all = announced_methods_in(
        announced_by({connection_with(AuthMethodKind::pubkey, {{.type = crypto::KeyType::rsa},
                                                               {.type = crypto::KeyType::ecdsa}}),
                      connection_with(AuthMethodKind::psk)}));
    EXPECT_EQ(all.size(), 10U);
    EXPECT_TRUE(takes_method(all, wire::AuthMethod::shared_key));
    EXPECT_FALSE(takes_method(all, wire::AuthMethod::null));
    const auto ecdsa = announced_methods_in(announced_by({connection_with(
        AuthMethodKind::pubkey,
        {{.type = crypto::KeyType::ecdsa, .hashes = {crypto::HashAlgorithm::sha2_384}}})}));
    EXPECT_EQ(words_of(ecdsa), "ECDSA_SHA2_384");
}

TEST(AnnouncedMethods, WhatIsBrokenAnnouncesNothing) {
    const auto of = [](Bytes data) {
        return announced_methods_in({wire::Notify{.type = wire::NotifyType::supported_auth_methods,
                                                  .data = std::move(data)}});
    };
    EXPECT_TRUE(of({}).empty());
    EXPECT_TRUE(of({0, 0}).empty());
    EXPECT_TRUE(of({1}).empty());
    EXPECT_TRUE(of({2, 2, 2}).empty());
    EXPECT_TRUE(of({9, 14, 0, 1}).empty());
    EXPECT_TRUE(of(Bytes(2000, 2)).empty());
    // An algorithm that is not known is one that we cannot sign by.
    const auto strange = of({6, 14, 0, 0x30, 1, 0});
    ASSERT_EQ(strange.size(), 1U);
    EXPECT_FALSE(strange.front().scheme);
}

struct Announced : CertificateAuth {};

TEST_F(Announced, TheCertificateIsOfAKindThatThePeerTakes) {
    known_one.certificates = {certificate("g1"), certificate("g1-rsa"), certificate("middle")};
    known_one.keys = {private_key("g1"), private_key("g1-rsa")};
    second().remote.auth_rules = {{.type = crypto::KeyType::rsa}};
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(Announced, WhoHasNothingThatFitsHearsWhatWouldDo) {
    second().remote.auth_rules = {{.type = crypto::KeyType::ed448}};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("AUTHENTICATION_FAILED; it takes ED448, it says"),
              std::string::npos)
        << pair->one.errors();
}

TEST_F(Announced, ASecretWherePeersHaveKeys) {
    first().local.method = AuthMethodKind::psk;
    second().remote.auth_rules = {{.type = crypto::KeyType::ecdsa}};
    SharedSecret secret{.name = "ike-gw"};
    secret.secret = Secret::copy_of(as_bytes("only for the tests"));
    one.secrets.push_back(std::move(secret));
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("let it take pre-shared key (its remote.auth)"),
              std::string::npos)
        << pair->one.errors();
}

}  // namespace
}  // namespace culvert::ike::v2
