// Certificates that are wrong in one way each, shown to an engine: one line with the certificate,
// the reason and what to do.

#include <algorithm>

#include "certificate_pair.hpp"

namespace culvert::ike::v2 {
namespace {

struct Wrong {
    std::string name;   // of certificate and key
    std::string named;  // of whom the line speaks
    std::vector<std::string> between;
    std::string authority;
    std::string reason;
    std::string remedy;
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

struct WrongCertificates : CertificateAuth, testing::WithParamInterface<Wrong> {};

TEST_P(WrongCertificates, AreNamedWithReasonAndRemedyInOneLine) {
    NEED_LISTS();
    const Wrong& wrong = GetParam();
    known_one = {.authorities = {certificate("root")}, .certificates = {certificate("g1")}};
    first().local.certs = {x509::file(wrong.name + ".der")};
    for (const std::string& authority : wrong.between) {
        first().local.certs.push_back(certificate(authority).der());
    }
    // A key that we would not sign with: the certificate is refused before AUTH is looked at.
    auto key = crypto::PrivateKey::parse(x509::file(wrong.name + ".key"));
    first().local.key =
        key ? std::make_shared<const crypto::PrivateKey>(std::move(*key)) : private_key("g1");
    first().local.id = identity(wrong.name + ".wrong");
    second().remote.id = {};
    known_two.authorities = {certificate(wrong.authority)};
    EXPECT_FALSE(up());
    std::vector<std::string> lines;
    for (const Event* event : pair->two.all<Event>()) {
        if (event->kind == EventKind::refused) { lines.push_back(explain(*event->error)); }
    }
    ASSERT_EQ(lines.size(), 1U) << pair->two.errors();
    EXPECT_FALSE(lines.front().contains('\n'));
    for (const std::string& part :
         {wrong.named, wrong.reason, std::string{"To fix it: "}, wrong.remedy}) {
        EXPECT_TRUE(lines.front().contains(part)) << part << "\n" << lines.front();
    }
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

INSTANTIATE_TEST_SUITE_P(
    C07AndC10, WrongCertificates,
    testing::Values(
        Wrong{"wrong-old", "CN=wrong-old", {}, "root", "expired on", "issue a new certificate"},
        Wrong{"wrong-early",
              "CN=wrong-early",
              {},
              "root",
              "is not valid before",
              "correct the clock"},
        Wrong{"wrong-weak",
              "CN=wrong-weak",
              {},
              "root",
              "weak key (RSA 1024)",
              "RSA key of 2048 bits"},
        Wrong{"wrong-sha1", "CN=wrong-sha1", {}, "root", "weak hash", "SHA-256"},
        Wrong{"wrong-web", "CN=wrong-web", {}, "root", "another purpose", "serverAuth"},
        Wrong{"wrong-encipher",
              "CN=wrong-encipher",
              {},
              "root",
              "may not be used to sign",
              "digitalSignature"},
        Wrong{"wrong-self", "CN=wrong-self", {}, "root", "is self-signed", "x509ca"},
        Wrong{"wrong-alone", "CN=wrong-alone", {}, "root", "nor were sent", "let the peer send"},
        Wrong{"wrong-unknown",
              "CN=wrong-unknown",
              {},
              "root",
              "critical extension",
              "without that extension"},
        Wrong{"wrong-stranger", "CN=other", {"other"}, "root", "ends the chain", "x509ca"},
        Wrong{"wrong-curve", "CN=wrong-curve", {}, "root", "an EC key on another curve", "P-256"},
        Wrong{"wrong-exponent", "CN=wrong-exponent", {}, "root", "exponent", "make the key anew"}));

}  // namespace
}  // namespace culvert::ike::v2
