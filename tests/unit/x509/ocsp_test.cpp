// OCSP against the openssl program: its question is ours, its answers are understood, and those
// that nobody may give are not believed.

#include "x509/ocsp.hpp"

#include <chrono>

#include "certificate_files.hpp"
#include "x509/chain.hpp"

namespace culvert::x509 {
namespace {

Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

OcspAnswer answer(const std::string& name) {
    auto parsed = OcspAnswer::parse(file(name + ".ocsp"));
    EXPECT_TRUE(parsed) << name << ": " << explain(parsed.error());
    return std::move(*parsed);
}

TEST(Ocsp, TheQuestionIsOpenssls) {
    NEED_CERTIFICATES();
    EXPECT_EQ(ocsp_request(certificate("gw"), certificate("middle")), file("gw.question"));
}

TEST(Ocsp, GoodAndRevokedAreToldApart) {
    NEED_CERTIFICATES();
    const auto good = answer("gw").status_of(certificate("gw"), certificate("middle"), {}, now());
    ASSERT_TRUE(good);
    EXPECT_FALSE(good->revoked);
    EXPECT_GT(good->until, now());
    const auto bad =
        answer("revoked").status_of(certificate("revoked"), certificate("middle"), {}, now());
    ASSERT_TRUE(bad);
    EXPECT_TRUE(bad->revoked);
    EXPECT_EQ(bad->reason, "keyCompromise");
}

TEST(Ocsp, AnAnswerCountsForItsCertificateIssuerAndTimeOnly) {
    NEED_CERTIFICATES();
    const auto gw = certificate("gw");
    const auto middle = certificate("middle");
    EXPECT_FALSE(answer("gw").status_of(certificate("revoked"), middle, {}, now()));
    EXPECT_FALSE(answer("gw").status_of(gw, certificate("root"), {}, now()));
    EXPECT_FALSE(answer("gw").status_of(gw, middle, {}, now() + std::chrono::days{8}));
    EXPECT_FALSE(answer("gw").status_of(gw, middle, {}, now() - std::chrono::days{1}));
}

TEST(Ocsp, OnlyTheIssuerAndWhomItAppointsMayAnswer) {
    NEED_CERTIFICATES();
    const auto gw = certificate("gw");
    const auto middle = certificate("middle");
    EXPECT_TRUE(answer("appointed").status_of(gw, middle, {}, now()));
    EXPECT_FALSE(answer("pretended").status_of(gw, middle, {}, now()));
    // Unless the operator says so.
    EXPECT_TRUE(answer("pretended").status_of(gw, middle, {certificate("pretender")}, now()));
}

TEST(Ocsp, BentAnswersAreNotBelieved) {
    NEED_CERTIFICATES();
    const Bytes right = file("gw.ocsp");
    unsigned believed = 0;
    for (std::size_t i = 0; i < right.size(); i += 3) {
        Bytes bent = right;
        bent.at(i) ^= 0x10;
        const auto parsed = OcspAnswer::parse(bent);
        if (!parsed) { continue; }
        const auto status = parsed->status_of(certificate("gw"), certificate("middle"), {}, now());
        // The certificates that travel with it are not what is signed.
        if (status) { ++believed; }
    }
    EXPECT_LT(believed, right.size() / 3 / 2);
    for (const std::size_t size : {std::size_t{0}, right.size() / 2, right.size() - 1}) {
        EXPECT_FALSE(OcspAnswer::parse(ByteView{right}.first(size)));
    }
}

TEST(Ocsp, TrustHoldsItAgainstTheChain) {
    NEED_CERTIFICATES();
    const Certificate leaf = certificate("gw");
    const auto root_list = Crl::parse(file("root.crl"));
    ASSERT_TRUE(root_list);
    TrustQuestion ask{.leaf = &leaf,
                      .intermediates = {certificate("middle")},
                      .anchors = {certificate("root")},
                      .crls = {*root_list},
                      .revocation = RevocationPolicy::strict,
                      .now = now()};
    EXPECT_FALSE(trust(ask));
    ask.answers = {answer("gw")};
    EXPECT_TRUE(trust(ask));
    const Certificate revoked = certificate("revoked");
    ask.leaf = &revoked;
    ask.revocation = RevocationPolicy::relaxed;
    EXPECT_TRUE(trust(ask));
    ask.answers = {answer("revoked")};
    const auto refused = trust(ask);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().received.find("keyCompromise"), std::string::npos);
}

}  // namespace
}  // namespace culvert::x509
