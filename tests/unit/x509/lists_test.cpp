// Of which certificates a list says something, which of several lists decides, and what delta lists
// change (RFC 5280 5.2, 6.3.3). The openssl program made all of them.

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "certificate_files.hpp"
#include "x509/chain.hpp"
#include "x509/crl.hpp"
#include "x509/delta.hpp"

namespace culvert::x509 {
namespace {

Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

Crl list(const std::string& name) {
    auto parsed = Crl::parse(file(name + ".crl"));
    EXPECT_TRUE(parsed) << name;
    return std::move(*parsed);
}

struct Lists : testing::Test {
    void SetUp() override { NEED_LISTS(); }

    // What trust() says of a certificate, by these lists, under `strict`; empty: it is trusted.
    static std::string refusal(const std::string& name, const std::string& authority,
                               const std::vector<std::string>& lists,
                               RevocationPolicy policy = RevocationPolicy::strict) {
        std::string said;
        // Their order is of no account.
        for (const bool backwards : {false, true}) {
            const Certificate leaf = certificate(name);
            TrustQuestion ask{.leaf = &leaf,
                              .intermediates = {},
                              .anchors = {certificate(authority)},
                              .revocation = policy,
                              .now = now()};
            for (const std::string& one : lists) { ask.crls.push_back(list(one)); }
            if (backwards) { std::ranges::reverse(ask.crls); }
            const auto chain = trust(ask);
            const std::string now_said = chain ? "" : explain(chain.error());
            EXPECT_TRUE(!backwards || said == now_said) << said << "\n" << now_said;
            said = now_said;
        }
        return said;
    }
    static bool unknown(const std::string& said) { return said.contains("no current CRL"); }
    static bool revoked(const std::string& said) { return said.contains("was revoked on"); }
};

TEST_F(Lists, APartCoversWhatNamesItAndNothingElse) {
    EXPECT_EQ(refusal("p3", "parts", {"part3"}), "");
    EXPECT_TRUE(unknown(refusal("p12", "parts", {"part3"})));
    EXPECT_TRUE(unknown(refusal("whole", "parts", {"part3", "part12-good"})));
    EXPECT_TRUE(revoked(refusal("p12", "parts", {"part3", "part12"})));
    EXPECT_EQ(refusal("p12", "parts", {"part3", "part12-good"}), "");
    EXPECT_EQ(refusal("whole", "parts", {"everything"}), "");
    EXPECT_EQ(refusal("p12", "parts", {"everything"}), "");
    // RFC 5280 6.3.3, at its end: a point of the issuer's name is meant where none is named.
    EXPECT_EQ(refusal("whole", "parts", {"part-of-name"}), "");
}

TEST_F(Lists, OneOfUsersOrAuthoritiesCoversThose) {
    EXPECT_EQ(refusal("whole", "parts", {"users"}), "");
    EXPECT_TRUE(unknown(refusal("whole", "parts", {"authorities"})));
    const Certificate below = certificate("below-parts");
    EXPECT_TRUE(list("authorities").covers(below));
    EXPECT_FALSE(list("users").covers(below));
}

TEST_F(Lists, OneOfSomeReasonsSaysOnlyWhatIsBad) {
    EXPECT_TRUE(unknown(refusal("whole", "parts", {"some-reasons"})));
    EXPECT_TRUE(revoked(refusal("whole", "parts", {"some-reasons-bad"})));
    EXPECT_EQ(refusal("whole", "parts", {"some-reasons", "everything"}), "");
}

TEST_F(Lists, WhatCannotBeUnderstoodSaysNothing) {
    EXPECT_TRUE(unknown(refusal("whole", "parts", {"critical"})));
    EXPECT_FALSE(list("critical").is_usable());
    EXPECT_TRUE(unknown(refusal("whole", "parts", {"attributes"})));
    // A serial number among attribute certificates is another certificate's.
    EXPECT_EQ(refusal("p12", "parts", {"attributes-bad", "everything"}), "");
    EXPECT_EQ(refusal("whole", "parts", {"indirect"}), "") << "its entries say whose they are";
}

TEST_F(Lists, ABadWordCountsWhereverItStands) {
    for (const auto policy : {RevocationPolicy::relaxed, RevocationPolicy::strict}) {
        EXPECT_TRUE(revoked(refusal("p12", "parts", {"part12"}, policy)));
        EXPECT_TRUE(revoked(refusal("whole", "parts", {"some-reasons-bad"}, policy)));
        EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-delta-4"}, policy)));
    }
}

TEST_F(Lists, OfTwoKeysWithOneNameEachSpeaksForItsOwn) {
    EXPECT_EQ(refusal("r1", "roll1", {"roll1", "roll2"}), "");
    EXPECT_EQ(refusal("r2", "roll2", {"roll1", "roll2"}), "");
    EXPECT_TRUE(unknown(refusal("r1", "roll1", {"roll2"})));
    EXPECT_FALSE(list("roll2").replaces(list("roll1")));
    EXPECT_TRUE(list("roll2").replaces(list("roll2")));
}

// RFC 5280 6.3.3 (f).
TEST_F(Lists, ThatTheirIssuerMayNotSignSayNothing) {
    const std::string said = refusal("listed", "lister", {"of-lister"});
    EXPECT_TRUE(said.contains("cRLSign")) << said;
    EXPECT_FALSE(list("of-lister").is_signed_by(certificate("lister")));
    EXPECT_EQ(refusal("listed", "lister", {"of-lister-bad"}, RevocationPolicy::relaxed), "");
    EXPECT_TRUE(list("of-lister").is_signed_by(certificate("lister-free")));
    EXPECT_EQ(refusal("listed", "lister-free", {"of-lister"}), "");
    EXPECT_TRUE(revoked(refusal("listed", "lister-free", {"of-lister-bad"})));
}

TEST_F(Lists, APartTakesThePlaceOfNoOther) {
    EXPECT_FALSE(list("part3").replaces(list("part12")));
    EXPECT_FALSE(list("users").replaces(list("authorities")));
    EXPECT_FALSE(list("everything").replaces(list("part12")));
    EXPECT_FALSE(list("hold-delta-3").replaces(list("hold-1")));
    EXPECT_TRUE(list("part12-good").replaces(list("part12")));
    EXPECT_TRUE(list("hold-2").replaces(list("hold-1")));
    EXPECT_FALSE(list("hold-1").replaces(list("hold-2")));
}

TEST_F(Lists, TheNewestDecides) {
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-1"})));
    EXPECT_EQ(refusal("held", "holder", {"hold-1", "hold-2"}), "");
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-1", "hold-2-again"})));
}

TEST_F(Lists, ADeltaLiftsAHoldAndPutsAnother) {
    EXPECT_EQ(refusal("held", "holder", {"hold-1", "hold-delta-3"}), "");
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-1", "hold-delta-3", "hold-delta-4"})));
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-2", "hold-delta-4"})));
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-2-again", "hold-delta-3"})))
        << "only a hold can be lifted";
}

// RFC 5280 5.2.4 (b), (c), (d).
TEST_F(Lists, ADeltaMustFitItsBase) {
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-1", "hold-delta-5"}))) << "a later base's";
    EXPECT_TRUE(revoked(refusal("held", "holder", {"hold-1", "hold-delta-part"}))) << "its scope";
    EXPECT_TRUE(list("hold-delta-3").completes(list("hold-2")));
    EXPECT_FALSE(list("hold-delta-5").completes(list("hold-2")));
    EXPECT_FALSE(list("hold-delta-3").completes(list("roll1"))) << "another issuer's";
    EXPECT_FALSE(list("hold-delta-4").completes(list("hold-delta-3")));
}

TEST_F(Lists, AHoldIsNotForGood) {
    const Certificate held = certificate("held");
    const Certificate holder = certificate("holder");
    TrustQuestion ask{.leaf = &held,
                      .intermediates = {},
                      .anchors = {holder},
                      .crls = {list("hold-1")},
                      .now = now()};
    EXPECT_FALSE(revoked_for_good(ask, held, holder));
    ask.crls = {list("hold-2-again")};
    EXPECT_TRUE(revoked_for_good(ask, held, holder));
}

}  // namespace
}  // namespace culvert::x509
