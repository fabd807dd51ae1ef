// What `culvert pki` makes: openssl must find the chain good.

#include "x509/issue.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "certificate_files.hpp"
#include "x509/chain.hpp"

namespace culvert::x509 {
namespace {

Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

Order order(const std::string& name) {
    return {.organization = "Culvert",
            .common_name = name,
            .names = {},
            .not_before = now() - std::chrono::hours{1},
            .not_after = now() + std::chrono::days{30},
            .serial = Bytes(16, 0xa5)};
}

Certificate parsed(const std::string& pem) { return Certificate::parse(as_bytes(pem)).value(); }

void put(const std::string& name, const std::string& text) {
    std::ofstream{CertificateFiles::place() / name} << text;
}

TEST(Issue, OpensslTrustsTheChainOfEachKindOfKey) {
    NEED_CERTIFICATES();
    for (const auto type : {crypto::KeyType::rsa, crypto::KeyType::ecdsa, crypto::KeyType::ed25519,
                            crypto::KeyType::ed448}) {
        SCOPED_TRACE(crypto::name(type));
        const Secret ca_key = make_key(type).value();
        Order ca = order("our authority");
        ca.authority = true;
        const auto ca_pem = issue(ca, ca_key, nullptr, ca_key);
        ASSERT_TRUE(ca_pem) << explain(ca_pem.error());
        const Certificate authority = parsed(*ca_pem);
        EXPECT_TRUE(authority.is_authority());
        const Secret key = make_key(type).value();
        Order leaf = order("gw.example");
        leaf.names = {{SubjectAltName::Kind::dns, to_bytes(as_bytes("gw.example"))},
                      {SubjectAltName::Kind::ip, Bytes{192, 0, 2, 1}}};
        const auto pem = issue(leaf, key, &authority, ca_key);
        ASSERT_TRUE(pem) << explain(pem.error());
        const Certificate one = parsed(*pem);
        EXPECT_EQ(one.alternative_names(), leaf.names);
        EXPECT_FALSE(one.is_authority());
        EXPECT_TRUE(trust(
            {.leaf = &one, .intermediates = {}, .anchors = {authority}, .crls = {}, .now = now()}));
        put("made-ca.crt", *ca_pem);
        put("made.crt", *pem);
        const std::string at = CertificateFiles::place().string();
        EXPECT_EQ(std::system(("openssl verify -x509_strict -auth_level 2 -CAfile " + at +
                               "/made-ca.crt " + at + "/made.crt >/dev/null")
                                  .c_str()),
                  0);
    }
}

TEST(Issue, AnotherAuthoritysKeyIsRefused) {
    NEED_CERTIFICATES();
    const Secret key = make_key(crypto::KeyType::ecdsa).value();
    const Certificate root = certificate("root");
    const auto made = issue(order("gw"), key, &root, key);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::bad_key_material);
}

TEST(Issue, ANameThatIsTooLongIsRefused) {
    const Secret key = make_key(crypto::KeyType::ecdsa).value();
    EXPECT_FALSE(issue(order(std::string(65, 'x')), key, nullptr, key));
    EXPECT_FALSE(issue(order("x"), Secret::copy_of(as_bytes("no key")), nullptr, key));
}

}  // namespace
}  // namespace culvert::x509
