// Whose word about the standing of certificates counts, between two engines: what is fetched may
// come from anybody on the way.

#include <algorithm>

#include "certificate_pair.hpp"
#include "ike/v2/certificate_auth.hpp"
#include "ike/v2/revocation.hpp"

namespace culvert::ike::v2 {
namespace {

x509::Crl list_named(const std::string& name) {
    return x509::Crl::parse(x509::file(name + ".crl")).value();
}

struct FetchedLists : testing::Test {
    void SetUp() override { NEED_LISTS(); }

    // What comes back when the list of `authority` is asked for.
    void fetch(const std::string& authority, const std::string& file) {
        const RevocationSource source{.kind = FetchRevocation::Kind::crl,
                                      .url = "http://crl.example/list.crl",
                                      .request = certificate(authority).der()};
        Actions actions;
        book.ask({source}, IkeSpi{1}, actions);
        ASSERT_EQ(actions.size(), 1U);
        const auto id = std::get<FetchRevocation>(actions.front()).id;
        EXPECT_EQ(book.take({id, x509::file(file + ".crl")}, now), std::vector{IkeSpi{1}});
        why = book.why(source);
    }
    bool has(const std::string& file) const {
        return std::ranges::any_of(
            book.crls(), [&](const x509::Crl& one) { return one.der() == list_named(file).der(); });
    }

    RevocationBook book;
    Instant now{};
    std::string why;
};

TEST_F(FetchedLists, AForgedOneTakesNobodysPlace) {
    fetch("roll1", "roll1");
    EXPECT_EQ(why, "");
    fetch("roll1", "roll2");  // the right name, another key
    EXPECT_NE(why.find("not signed by \"CN=roll\""), std::string::npos) << why;
    EXPECT_TRUE(has("roll1"));
    EXPECT_FALSE(has("roll2"));
}

TEST_F(FetchedLists, TwoKeysOfOneNameHaveAListEach) {
    fetch("roll1", "roll1-bare");
    fetch("roll2", "roll2-bare");
    EXPECT_EQ(why, "");
    EXPECT_TRUE(has("roll1-bare"));
    EXPECT_TRUE(has("roll2-bare"));
}

TEST_F(FetchedLists, PartsStandBesideEachOther) {
    fetch("parts", "part12");
    fetch("parts", "part3");
    EXPECT_TRUE(has("part12"));
    EXPECT_TRUE(has("part3"));
    fetch("parts", "critical");
    EXPECT_NE(why.find("critical extension"), std::string::npos) << why;
}

TEST_F(FetchedLists, OneThatItsIssuerMayNotSignIsNoneAndSaysWhy) {
    fetch("lister", "of-lister");
    EXPECT_NE(why.find("cRLSign"), std::string::npos) << why;
    EXPECT_FALSE(has("of-lister"));
}

TEST_F(FetchedLists, AnOlderOneDoesNotComeBack) {
    fetch("holder", "hold-2");
    fetch("holder", "hold-1");
    EXPECT_NE(why.find("older"), std::string::npos) << why;
    EXPECT_TRUE(has("hold-2"));
    EXPECT_FALSE(has("hold-1"));
}

// The root and the one in between are both in x509ca.
struct BothTrusted : CertificateAuth {
    void SetUp() override {
        CertificateAuth::SetUp();
        NEED_LISTS();
        known_two.authorities = {certificate("middle"), certificate("root")};
    }
};

TEST_F(BothTrusted, ARevokedOneInBetweenIsRefused) {
    known_two.crls = {list_named("root-of-middle")};
    refused("was revoked on");
}

TEST_F(BothTrusted, ThatItIsNamedByTheConnectionChangesNothing) {
    known_two.crls = {list_named("root-of-middle")};
    second().remote.cacerts = {certificate("middle")};
    refused("was revoked on");
}

TEST_F(BothTrusted, AndAStrictPolicyWantsToKnow) {
    known_two.crls = {list_named("middle")};
    second().remote.revocation = x509::RevocationPolicy::strict;
    refused("cannot be told from a revoked one");
}

// An old list holds the certificate; by now a newer one is to be had.
struct Held : CertificateAuth {
    void begin() {
        NEED_LISTS();
        const auto holder = certificate("holder");
        known_one.certificates = {certificate("held")};
        known_one.keys = {private_key("held")};
        known_two.authorities.push_back(holder);
        known_two.infos = {{.name = "holder",
                            .certificate = holder,
                            .crl_urls = {"http://crl.example/holder.crl"},
                            .ocsp_urls = {}}};
        known_two.crls = {list_named("hold-1")};
        later = std::chrono::days{25};
        EXPECT_FALSE(up());
        asked = pair->two.all<FetchRevocation>();
        ASSERT_EQ(asked.size(), 1U) << pair->two.errors();
        EXPECT_EQ(asked.front()->url, "http://crl.example/holder.crl");
        EXPECT_EQ(asked.front()->request, holder.der());
    }
    void answer(Result<Bytes> body) {
        pair->feed(pair->two, RevocationFetched{asked.front()->id, std::move(body)});
        ASSERT_TRUE(pair->one.ended(1));
    }
    std::vector<const FetchRevocation*> asked;
};

TEST_F(Held, TheNewerListLetsItIn) {
    begin();
    answer(x509::file("hold-2.crl"));
    EXPECT_TRUE(*pair->one.ended(1)) << pair->two.errors();
}

TEST_F(Held, WithoutItTheHoldStands) {
    begin();
    answer(std::unexpected(Error{.received = "connection refused"}));
    EXPECT_FALSE(*pair->one.ended(1));
    EXPECT_NE(pair->two.errors().find("certificateHold"), std::string::npos);
}

// authorities.<name>.crl_uris or ocsp_uris: the certificates themselves name nobody to ask.
struct AskedOfTheAuthority : CertificateAuth {
    void begin(x509::RevocationPolicy policy, bool with_uri) {
        const auto middle = certificate("middle");
        known_two.certificates.push_back(middle);
        known_two.infos = {{.name = "middle", .certificate = middle}};
        if (with_uri) { known_two.infos.front().crl_urls = {"http://crl.example/middle.crl"}; }
        second().remote.revocation = policy;
        const Status done = up();
        const auto asked = pair->two.all<FetchRevocation>();
        ASSERT_EQ(asked.size(), with_uri ? 1U : 0U);
        if (!with_uri) {
            EXPECT_TRUE(done) << pair->two.errors();
            return;
        }
        const std::uint64_t id = asked.front()->id;
        pair->feed(pair->two, RevocationFetched{id, std::unexpected(Error{.received = "nobody"})});
        ASSERT_TRUE(pair->one.ended(1));
    }
};

TEST_F(AskedOfTheAuthority, IfUriRefusesWithoutAnAnswer) {
    begin(x509::RevocationPolicy::ifuri, true);
    EXPECT_FALSE(*pair->one.ended(1));
    EXPECT_NE(pair->two.errors().find("http://crl.example/middle.crl: nobody"), std::string::npos)
        << pair->two.errors();
}

TEST_F(AskedOfTheAuthority, IfUriAndNoSuchUriTrusts) {
    begin(x509::RevocationPolicy::ifuri, false);
}

TEST_F(AskedOfTheAuthority, RelaxedTrustsWithoutAnAnswer) {
    begin(x509::RevocationPolicy::relaxed, true);
    EXPECT_TRUE(*pair->one.ended(1)) << pair->two.errors();
}

TEST_F(CertificateAuth, APolicyThatTheAuthorityDoesNotHaveIsNotGiven) {
    NEED_LISTS();
    known_one.certificates = {certificate("taken"), certificate("usurper")};
    known_one.keys = {private_key("taken")};
    known_two.authorities = {certificate("law")};
    second().remote.policies = {"1.3.6.1.4.1.99.1"};
    refused("1.3.6.1.4.1.99.1");
}

TEST_F(CertificateAuth, OfTwoWithOneNameTheOneWhoseKeySignedIsSent) {
    NEED_LISTS();
    for (const std::string twin : {"twin1", "twin2"}) {
        Connection connection = first();
        bind(connection, {.authorities = {certificate("law")},
                          .certificates = {certificate("of-" + twin), certificate("twin1"),
                                           certificate("twin2")},
                          .keys = {private_key("of-" + twin)}});
        ASSERT_EQ(connection.local.usable.size(), 1U);
        EXPECT_EQ(connection.local.usable.front().chain,
                  (std::vector{certificate("of-" + twin).der(), certificate(twin).der()}));
    }
}

}  // namespace
}  // namespace culvert::ike::v2
