// EAP-TLS in IKE_AUTH (RFC 5216, RFC 9190), also alone (RFC 5998), with certificates that openssl
// made.

#include <chrono>

#include "certificate_pair.hpp"
#include "ike/eap/tls.hpp"

namespace culvert::ike::v2 {
namespace {

struct EapTls : CertificateAuth {
    void SetUp() override {
        CertificateAuth::SetUp();
        if (IsSkipped()) { return; }
        by_tls(first().local);
        by_tls(second().remote);
    }
    static void by_tls(AuthConfig& side) {
        side.method = AuthMethodKind::eap;
        side.eap_methods = {eap::Type::tls};
    }
    bool was_said(const Side& side, std::string_view words) {
        return std::ranges::any_of(side.all<Event>(), [&](const Event* event) {
            return event->text.find(words) != std::string::npos;
        });
    }
};

TEST_F(EapTls, BothAreProvedByCertificates) {
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(pair->one.all<InstallChild>().size(), 1U);
    EXPECT_TRUE(was_said(pair->two, "EAP_TLS succeeded, MSK established"));
}

// RFC 5998 3: no certificate and no AUTH of the responder but in EAP.
TEST_F(EapTls, ProvesTheResponderWhereNothingElseDoes) {
    by_tls(first().remote);
    by_tls(second().local);
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(pair->one.all<InstallChild>().size(), 1U);
    EXPECT_TRUE(was_said(pair->one, "EAP_ONLY"));
    EXPECT_TRUE(was_said(pair->one, "received IKE_AUTH response 1 [ IDr EAP/REQ/TLS ]"));
}

TEST_F(EapTls, E06AClientOfAnotherAuthorityStaysOut) {
    known_two.authorities = {certificate("other")};
    first().remote.cacerts = {certificate("root")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("x509ca"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(EapTls, E06ACertificateForAnotherNameIsRefused) {
    second().remote.asks_eap_id = true;
    first().local.own = {certificate("g1")};
    first().local.eap_id = identity("g9.example");
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("which is for"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(EapTls, E06AnExpiredCertificateIsRefused) {
    later = std::chrono::hours{24 * 365 * 30};
    by_tls(first().remote);
    by_tls(second().local);
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("expired"), std::string::npos) << pair->one.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

// The server in EAP alone is nobody's but its authority's.
TEST_F(EapTls, E06AResponderOfAnotherAuthorityIsNotTrusted) {
    by_tls(first().remote);
    by_tls(second().local);
    known_one.authorities = {certificate("other")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("x509ca"), std::string::npos) << pair->one.errors();
    EXPECT_NE(pair->two.errors().find("EAP-TLS"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(EapTls, WithoutACertificateItSaysWhatIsMissing) {
    known_one.keys.clear();
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("a certificate with its key for EAP-TLS"), std::string::npos)
        << pair->one.errors();
}

TEST_F(EapTls, E06ACertificateForAnotherPurposeIsRefused) {
    known_one.certificates = {certificate("web")};
    known_one.keys = {private_key("web")};
    first().local.own = {certificate("web")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("To fix it"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(EapTls, E06ASelfSignedOneIsRefused) {
    known_one.certificates = {certificate("self")};
    known_one.keys = {private_key("self")};
    first().local.own = {certificate("self")};
    first().remote.cacerts = {certificate("root")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("To fix it"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

// A gateway with a certificate that is right, but another's: not even the user's name is shown.
TEST_F(EapTls, E07NothingIsShownToARogueGateway) {
    first().local.eap_methods = {eap::Type::mschapv2};
    second().remote.eap_methods = {eap::Type::mschapv2};
    known_two.certificates = {certificate("gw"), certificate("middle")};
    known_two.keys = {private_key("gw")};
    second().local.own = {certificate("gw")};
    EXPECT_FALSE(up());
    EXPECT_EQ(std::ranges::count_if(pair->two.all<Event>(),
                                    [](const Event* event) {
                                        return event->text.find("EAP/RES") != std::string::npos;
                                    }),
              0);
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
}

TEST(TlsFragments, P09AreHeldToWhatTheySay) {
    const auto hex = [](std::string_view text) { return from_hex(text).value(); };
    const auto takes = [&](std::initializer_list<std::string_view> parts) {
        eap::TlsFragments fragments;
        for (const std::string_view part : parts) {
            if (!fragments.take(hex(part))) { return std::string{"refused"}; }
        }
        const auto whole = fragments.complete();
        return whole ? to_hex(*whole) : std::string{"more"};
    };
    EXPECT_EQ(takes({"00aabb"}), "aabb");
    EXPECT_EQ(takes({"8000000002aabb"}), "aabb");
    EXPECT_EQ(takes({"c000000003aa", "40bb", "00cc"}), "aabbcc");
    EXPECT_EQ(takes({"c000000003aa", "c000000003bb", "00cc"}), "aabbcc");
    EXPECT_EQ(takes({"40aa"}), "more");
    EXPECT_EQ(takes({"00"}), "more");
    EXPECT_EQ(takes({""}), "refused");
    EXPECT_EQ(takes({"800000"}), "refused");
    EXPECT_EQ(takes({"40"}), "refused");              // without end
    EXPECT_EQ(takes({"8000000001aabb"}), "refused");  // more than it says
    EXPECT_EQ(takes({"8000000003aabb"}), "refused");  // less
    EXPECT_EQ(takes({"c000000003aa", "c000000004bb"}), "refused");
    EXPECT_EQ(takes({"c0ffffffffaa"}), "refused");  // more than anybody may send
}

TEST(TlsFragments, P09CutWhatIsSentAndWaitForEach) {
    eap::TlsFragments sender;
    eap::TlsFragments receiver;
    Bytes message(5000, 7);
    message[4999] = 8;
    sender.send(message);
    std::optional<Bytes> got;
    unsigned count = 0;
    while (sender.sending()) {
        ++count;
        ASSERT_TRUE(receiver.take(sender.next()));
        got = receiver.complete();
        if (sender.sending()) { ASSERT_TRUE(sender.take(receiver.next())); }
    }
    EXPECT_EQ(count, 5U);
    EXPECT_EQ(got, message);
    sender.send(message);
    (void)sender.next();
    EXPECT_FALSE(sender.take(from_hex("00aa").value()));  // not its turn
}

}  // namespace
}  // namespace culvert::ike::v2
