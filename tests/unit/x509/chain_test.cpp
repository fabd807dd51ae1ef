// Chains that hold, and each reason why one does not: with one line that names the certificate, the
// reason and the remedy. Where the openssl program judges the same chain, it must agree.

#include "x509/chain.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <gtest/gtest.h>

#include "certificate_files.hpp"

namespace culvert::x509 {
namespace {

Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

Crl crl(const std::string& name) {
    auto parsed = Crl::parse(file(name + ".crl"));
    EXPECT_TRUE(parsed) << explain(parsed.error());
    return std::move(*parsed);
}

TrustQuestion question(const Certificate& leaf) {
    return {.leaf = &leaf,
            .intermediates = {certificate("middle")},
            .anchors = {certificate("root")},
            .now = now()};
}

bool openssl_agrees(const std::string& name, const std::string& anchor) {
    const auto at = [](const std::string& part) {
        return (CertificateFiles::place() / part).string();
    };
    return std::system(("openssl verify -auth_level 2 -CAfile " + at(anchor + ".crt") +
                        " -untrusted " + at("middle.crt") + " -untrusted " + at("notca.crt") +
                        " -untrusted " + at("between.crt") + " " + at(name + ".crt") +
                        " >/dev/null 2>&1")
                           .c_str()) == 0;
}

TEST(Chain, GoodOnesReachTheirAnchor) {
    NEED_CERTIFICATES();
    for (const std::string name : {"gw", "rsa", "ed25519", "ed448", "server"}) {
        SCOPED_TRACE(name);
        const Certificate leaf = certificate(name);
        const auto chain = trust(question(leaf));
        ASSERT_TRUE(chain) << explain(chain.error());
        EXPECT_EQ(chain->front(), leaf);
        EXPECT_EQ(chain->back(), certificate("root"));
        EXPECT_EQ(chain->size(), name == "gw" ? 3U : 2U);
        EXPECT_TRUE(openssl_agrees(name, "root"));
    }
}

TEST(Chain, AnIntermediateAuthorityOrTheCertificateItselfMayBeTheAnchor) {
    NEED_CERTIFICATES();
    const Certificate leaf = certificate("gw");
    TrustQuestion ask = question(leaf);
    ask.intermediates.clear();
    ask.anchors = {certificate("middle")};
    EXPECT_TRUE(trust(ask));
    ask.anchors = {leaf};
    EXPECT_TRUE(trust(ask));
    const Certificate self = certificate("self");
    ask.leaf = &self;
    ask.anchors = {self};
    EXPECT_TRUE(trust(ask));
}

struct Refused {
    const char* name;
    const char* anchor;
    const char* why;
    const char* remedy;
};
class Refusals : public testing::TestWithParam<Refused> {};

TEST_P(Refusals, NameTheCertificateTheReasonAndTheRemedy) {
    NEED_CERTIFICATES();
    const Refused& one = GetParam();
    const Certificate leaf = certificate(one.name);
    TrustQuestion ask = question(leaf);
    ask.anchors = {certificate(one.anchor)};
    ask.intermediates = {certificate("middle"), certificate("notca"), certificate("between")};
    const auto chain = trust(ask);
    ASSERT_FALSE(chain);
    const std::string said = explain(chain.error());
    EXPECT_EQ(chain.error().code, ErrorCode::authentication_failed);
    EXPECT_NE(said.find("CN=" + std::string{one.name}), std::string::npos) << said;
    EXPECT_NE(said.find(one.why), std::string::npos) << said;
    EXPECT_NE(chain.error().remedy.find(one.remedy), std::string::npos) << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refusals,
    testing::Values(Refused{"stranger", "root", "issuer that we neither know", "x509ca"},
                    Refused{"self", "root", "self-signed", "remote.certs"},
                    Refused{"weak", "root", "weak key (RSA 1024)", "2048"},
                    Refused{"web", "root", "another purpose", "serverAuth"},
                    Refused{"encipher", "root", "may not be used to sign", "digitalSignature"},
                    Refused{"outside", "narrow", "may not certify", "name constraints"}),
    [](const auto& one) { return std::string{one.param.name}; });

// Of these the one to blame is another than the leaf.
TEST(Chain, TheOneToBlameIsNamed) {
    NEED_CERTIFICATES();
    const Certificate below = certificate("below");
    TrustQuestion ask = question(below);
    ask.intermediates = {certificate("notca")};
    auto chain = trust(ask);
    ASSERT_FALSE(chain);
    EXPECT_NE(chain.error().received.find("CN=notca"), std::string::npos) << explain(chain.error());
    EXPECT_FALSE(openssl_agrees("below", "root"));
    const Certificate deep = certificate("deep");
    ask = question(deep);
    ask.intermediates = {certificate("between")};
    ask.anchors = {certificate("short")};
    chain = trust(ask);
    ASSERT_FALSE(chain);
    EXPECT_NE(explain(chain.error()).find("more certificates"), std::string::npos)
        << explain(chain.error());
    EXPECT_FALSE(openssl_agrees("deep", "short"));
}

TEST(Chain, NamesWithinTheConstraintsPass) {
    NEED_CERTIFICATES();
    const Certificate inside = certificate("inside");
    TrustQuestion ask = question(inside);
    ask.anchors = {certificate("narrow")};
    const auto chain = trust(ask);
    EXPECT_TRUE(chain) << explain(chain.error());
}

TEST(Chain, AWeakHashIsRefused) {
    NEED_CERTIFICATES();
    const Certificate leaf = certificate("sha1");
    const auto chain = trust(question(leaf));
    ASSERT_FALSE(chain);
    EXPECT_NE(explain(chain.error()).find("weak hash"), std::string::npos)
        << explain(chain.error());
    EXPECT_FALSE(openssl_agrees("sha1", "root"));
}

TEST(Chain, TimeIsTheOneThatIsHandedIn) {
    NEED_CERTIFICATES();
    const Certificate leaf = certificate("old");
    TrustQuestion ask = question(leaf);
    EXPECT_TRUE(trust(ask));
    ask.now = now() + std::chrono::days{3};
    auto chain = trust(ask);
    ASSERT_FALSE(chain);
    EXPECT_NE(chain.error().received.find("expired on " + to_string(leaf.not_after())),
              std::string::npos)
        << explain(chain.error());
    ask.now = now() - std::chrono::days{3};
    chain = trust(ask);
    ASSERT_FALSE(chain);
    EXPECT_NE(chain.error().received.find("is not valid before"), std::string::npos)
        << explain(chain.error());
    EXPECT_NE(chain.error().remedy.find("clock"), std::string::npos);
}

TEST(Chain, ABrokenSignatureIsRefused) {
    NEED_CERTIFICATES();
    Bytes der = certificate("rsa").der();
    der.back() ^= 1U;
    const auto leaf = Certificate::parse(der);
    ASSERT_TRUE(leaf);
    const auto chain = trust(question(*leaf));
    ASSERT_FALSE(chain);
    EXPECT_NE(chain.error().received.find("signature"), std::string::npos)
        << explain(chain.error());
}

TEST(Revocation, ARevokedCertificateIsRefusedUnderEveryPolicy) {
    NEED_CERTIFICATES();
    const Certificate leaf = certificate("revoked");
    TrustQuestion ask = question(leaf);
    EXPECT_TRUE(trust(ask)) << "nobody has told us yet";
    ask.crls = {crl("root"), crl("middle")};
    for (const auto policy :
         {RevocationPolicy::relaxed, RevocationPolicy::ifuri, RevocationPolicy::strict}) {
        ask.revocation = policy;
        const auto chain = trust(ask);
        ASSERT_FALSE(chain);
        EXPECT_NE(chain.error().received.find("was revoked on"), std::string::npos);
        EXPECT_NE(chain.error().received.find("keyCompromise"), std::string::npos);
    }
}

TEST(Revocation, StrictWantsCurrentWordAboutEveryCertificateOfTheChain) {
    NEED_CERTIFICATES();
    const Certificate leaf = certificate("gw");
    TrustQuestion ask = question(leaf);
    ask.revocation = RevocationPolicy::strict;
    EXPECT_FALSE(trust(ask));
    ask.crls = {crl("middle")};
    EXPECT_FALSE(trust(ask)) << "nothing is known about middle itself";
    ask.crls = {crl("middle"), crl("root")};
    EXPECT_TRUE(trust(ask));
    ask.now = now() + std::chrono::days{40};
    const auto chain = trust(ask);
    ASSERT_FALSE(chain) << "the lists are too old";
    EXPECT_NE(chain.error().received.find("no current CRL"), std::string::npos);
    // Signed by another key of the same name: worth nothing.
    ask.now = now();
    ask.crls = {crl("root"), crl("root")};
    EXPECT_FALSE(trust(ask));
}

// RFC 5280 6.1: that an authority is named as an anchor says nothing of what its own has revoked.
TEST(Revocation, AnAnchorBelowAnotherOneMayBeRevoked) {
    NEED_LISTS();
    const Certificate leaf = certificate("gw");
    TrustQuestion ask = question(leaf);
    ask.anchors = {certificate("middle"), certificate("root")};
    EXPECT_TRUE(trust(ask));
    ask.crls = {crl("middle"), crl("root-of-middle")};
    const auto chain = trust(ask);
    ASSERT_FALSE(chain);
    EXPECT_NE(chain.error().received.find("CN=middle\" (issued by"), std::string::npos)
        << explain(chain.error());
    EXPECT_NE(chain.error().received.find("was revoked on"), std::string::npos);
    ask.revocation = RevocationPolicy::strict;
    ask.crls = {crl("middle")};
    EXPECT_FALSE(trust(ask)) << "nothing is known about middle itself";
    ask.crls.push_back(crl("root"));
    EXPECT_TRUE(trust(ask));
    ask.anchors = {certificate("middle")};
    ask.crls = {crl("middle")};
    EXPECT_TRUE(trust(ask)) << "nobody above it is known";
}

TEST(Revocation, IfuriWantsWordWhereTheCertificateNamesASource) {
    NEED_CERTIFICATES();
    const Certificate with_source = certificate("gw");
    TrustQuestion ask = question(with_source);
    ask.revocation = RevocationPolicy::ifuri;
    EXPECT_FALSE(trust(ask));
    const Certificate without = certificate("rsa");
    ask.leaf = &without;
    EXPECT_TRUE(trust(ask));
}

TEST(Certificate, SaysWhatIsInIt) {
    NEED_CERTIFICATES();
    const Certificate gw = certificate("gw");
    EXPECT_EQ(gw.subject(), "C=CH, O=Culvert, CN=gw");
    EXPECT_EQ(gw.issuer(), "C=CH, O=Culvert, CN=middle");
    EXPECT_FALSE(gw.is_authority());
    EXPECT_TRUE(certificate("middle").is_authority());
    EXPECT_EQ(gw.crl_urls(), std::vector<std::string>{"http://crl.example/middle.crl"});
    EXPECT_EQ(gw.ocsp_urls(), std::vector<std::string>{"http://ocsp.example/"});
    const auto names = gw.alternative_names();
    ASSERT_EQ(names.size(), 4U);
    EXPECT_EQ(as_text(names[0].value), "gw.example");
    EXPECT_EQ(as_text(names[1].value), "gw@example.org");
    EXPECT_EQ(names[2].value, (Bytes{192, 0, 2, 1}));
    EXPECT_EQ(names[3].value.size(), 16U);
    const auto again = Certificate::parse(gw.der());
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, gw);
}

TEST(Certificate, OneThatCannotBeUsedLosesNoOther) {
    NEED_LISTS();
    const auto all = Certificate::parse_all(file("bundle.pem"));
    ASSERT_TRUE(all) << explain(all.error());
    EXPECT_EQ(all->certificates,
              (std::vector<Certificate>{certificate("root"), certificate("middle")}));
    ASSERT_EQ(all->unusable.size(), 2U);
    EXPECT_NE(all->unusable.front().received.find("CN=odd"), std::string::npos)
        << explain(all->unusable.front());
    EXPECT_FALSE(Certificate::parse_all(file("odd.crt")));
}

TEST(Certificate, KnowsItsIssuerByTheKey) {
    NEED_LISTS();
    EXPECT_TRUE(certificate("of-twin2").is_issued_by(certificate("twin2")));
    EXPECT_FALSE(certificate("of-twin2").is_issued_by(certificate("twin1")));
    EXPECT_TRUE(certificate("root").is_self_signed());
    EXPECT_TRUE(is_root(certificate("root")));
    EXPECT_FALSE(is_root(certificate("middle")));
    EXPECT_FALSE(certificate("twin1").is_self_signed());
}

TEST(Certificate, WhatIsNoneIsRefusedWithAWord) {
    EXPECT_FALSE(Certificate::parse({}));
    EXPECT_FALSE(Certificate::parse(as_bytes("hello")));
    EXPECT_FALSE(Certificate::parse(as_bytes("-----BEGIN CERTIFICATE-----\nAAAA\n")));
    const auto refused = Certificate::parse(as_bytes("hello"));
    EXPECT_NE(refused.error().remedy.find("openssl x509"), std::string::npos);
    EXPECT_FALSE(Crl::parse(as_bytes("hello")));
}

}  // namespace
}  // namespace culvert::x509
