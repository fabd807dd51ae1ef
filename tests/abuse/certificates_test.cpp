// Certificates and signatures that were made to deceive, and rules that somebody hopes are not
// kept: abuse cases C-01 to C-11. (C-05 in part: tests/interop, c05_lists, asks hostile servers.
// C-08, C-09: chains_test.cpp.)

#include <chrono>

#include <gtest/gtest.h>

#include "certificate_files.hpp"
#include "ike/credentials.hpp"
#include "ike/v2/signature_auth.hpp"
#include "vectors/crypto/wycheproof.hpp"
#include "x509/chain.hpp"
#include "x509/limits.hpp"

namespace culvert::x509 {
namespace {

using crypto::HashAlgorithm;
using crypto::KeyType;
using crypto::PublicKey;
using crypto::SignatureScheme;

Time today() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }
const Bytes message = to_bytes(as_bytes("what is signed"));

Bytes element(std::uint8_t tag, ByteView content) {
    Bytes out{tag};
    if (content.size() < 128) {
        out.push_back(static_cast<std::uint8_t>(content.size()));
    } else {
        out.push_back(0x83);
        for (const unsigned shift : {16U, 8U, 0U}) {
            out.push_back(static_cast<std::uint8_t>(content.size() >> shift));
        }
    }
    append(out, content);
    return out;
}
Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& part : parts) { append(out, part); }
    return out;
}
Bytes integer(Bytes value) {
    if (!value.empty() && (value.front() & 0x80) != 0) { value.insert(value.begin(), 0); }
    return element(2, value);
}
// A SubjectPublicKeyInfo of any numbers.
Bytes rsa_key(const Bytes& modulus, const Bytes& exponent) {
    const Bytes algorithm = test::hex("300d06092a864886f70d0101010500");
    Bytes bits{0};
    append(bits, element(0x30, joined({integer(modulus), integer(exponent)})));
    return element(0x30, joined({algorithm, element(3, bits)}));
}
Bytes modulus_of(std::size_t bits, bool odd = true) {
    Bytes out(bits / 8, 0xa5);
    out.back() = odd ? 0xa5 : 0xa4;
    return out;
}

TEST(Certificates, C01ForgedPaddingsAndEdgesAreRefused) {
    int refused = 0;
    for (const char* const name : {"rsa_signature_2048_sha256", "rsa_signature_3072_sha512"}) {
        CULVERT_SHARED_JSON(file, std::string{"vectors/wycheproof/"} + name + "_test.json");
        test::for_each_test(file, [&](const test::Json& group, const test::Json& one) {
            if (test::verdict_of(one) == test::Verdict::valid) { return; }
            const auto key = PublicKey::parse(test::hex(group, "publicKeyDer")).value();
            const SignatureScheme scheme{.key = KeyType::rsa,
                                         .hash = group.at("sha") == "SHA-256"
                                                     ? HashAlgorithm::sha2_256
                                                     : HashAlgorithm::sha2_512};
            // What is merely "acceptable", such as a missing NULL, is refused as well.
            EXPECT_FALSE(key.verify(scheme, test::hex(one, "msg"), test::hex(one, "sig")));
            ++refused;
        });
    }
    EXPECT_GT(refused, 300);
}

TEST(Certificates, C01ZeroTheModulusAndTheOrderAreNoSignatures) {
    NEED_CERTIFICATES();
    const PublicKey rsa = certificate("rsa").public_key();
    const SignatureScheme scheme{.key = KeyType::rsa};
    const Bytes spki = rsa.spki();
    const Bytes modulus(spki.end() - 5 - 256, spki.end() - 5);  // before 02 03 01 00 01
    Bytes zero(256);
    Bytes one(256);
    one.back() = 1;
    for (const Bytes& signature : {Bytes{}, zero, one, modulus, Bytes(255, 1), Bytes(257, 1)}) {
        EXPECT_FALSE(rsa.verify(scheme, message, signature)) << signature.size();
    }
    const PublicKey ecdsa = certificate("gw").public_key();
    const Bytes order =
        test::hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const SignatureScheme fixed{.key = KeyType::ecdsa, .fixed_form = true};
    const SignatureScheme der{.key = KeyType::ecdsa};
    EXPECT_FALSE(ecdsa.verify(fixed, message, {}));
    EXPECT_FALSE(ecdsa.verify(der, message, {}));
    const Bytes nothing(32);
    Bytes unit(32);
    unit.back() = 1;
    for (const Bytes& r : {nothing, unit, order}) {
        for (const Bytes& s : {nothing, unit, order}) {
            EXPECT_FALSE(ecdsa.verify(fixed, message, joined({r, s})));
            EXPECT_FALSE(
                ecdsa.verify(der, message, element(0x30, joined({integer(r), integer(s)}))));
        }
    }
}

TEST(Certificates, C02RsaKeysThatProveNothingAreRefused) {
    const Bytes good_exponent{1, 0, 1};
    ASSERT_TRUE(PublicKey::parse(rsa_key(modulus_of(2048), good_exponent)));
    for (const Bytes& exponent :
         {Bytes{0}, Bytes{1}, Bytes{2}, Bytes{1, 0, 0}, modulus_of(65536)}) {
        const auto key = PublicKey::parse(rsa_key(modulus_of(2048), exponent));
        ASSERT_FALSE(key) << exponent.size();
        EXPECT_NE(explain(key.error()).find("exponent"), std::string::npos) << explain(key.error());
    }
    EXPECT_FALSE(PublicKey::parse(rsa_key(modulus_of(2048, false), good_exponent)));
    EXPECT_FALSE(PublicKey::parse(rsa_key(modulus_of(65536), good_exponent)));
    for (std::size_t bits = 8; bits <= 512; bits += 8) {
        const auto key = PublicKey::parse(rsa_key(modulus_of(bits), good_exponent));
        // If it is a key at all, it is one that no chain takes.
        EXPECT_TRUE(!key || key->strength() < strength_min) << bits;
    }
}

TEST(Certificates, C02CurvesThatIkeHasNotAreRefused) {
    // secp256k1, which IKE has not.
    const Bytes point =
        joined({test::hex("0004"),
                test::hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")});
    const Bytes id = test::hex("06072a8648ce3d0201");
    const auto key_on = [&](const Bytes& curve) {
        return PublicKey::parse(
            element(0x30, joined({element(0x30, joined({id, curve})), element(3, point)})));
    };
    EXPECT_TRUE(key_on(test::hex("06082a8648ce3d030107")));
    EXPECT_FALSE(key_on(test::hex("06052b8104000a")));

    // P-256 spelled out (RFC 5480 2.1.1 has named curves only).
    const Bytes p = test::hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    const Bytes a = test::hex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc");
    const Bytes b = test::hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
    const Bytes n = test::hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const Bytes prime_field = element(0x30, joined({test::hex("06072a8648ce3d0101"), integer(p)}));
    const Bytes coefficients = element(0x30, joined({element(4, a), element(4, b)}));
    const Bytes base{point.begin() + 1, point.end()};
    EXPECT_FALSE(key_on(element(0x30, joined({integer({1}), prime_field, coefficients,
                                              element(4, base), integer(n), integer({1})}))));
}

TEST(Certificates, C03AlgorithmIdentifiersAreTakenWholeOrNotAtAll) {
    using crypto::parse_algorithm_identifier;
    for (const bool pss : {false, true}) {
        const Bytes good = crypto::algorithm_identifier(
            {.key = KeyType::rsa, .pss = pss, .salt_size = pss ? 32U : 0U});
        ASSERT_TRUE(parse_algorithm_identifier(good));
        for (std::size_t size = 0; size < good.size(); ++size) {
            EXPECT_FALSE(parse_algorithm_identifier(ByteView{good}.first(size))) << size;
        }
        Bytes longer = good;
        longer.push_back(0);
        EXPECT_FALSE(parse_algorithm_identifier(longer));
    }
    const Bytes oid = test::hex("06092a864886f70d01010a");
    const Bytes sha256 = test::hex("300d06096086480165030402010500");
    const Bytes sha512 = test::hex("300d06096086480165030402030500");
    const Bytes mgf1 = test::hex("06092a864886f70d010108");
    const auto pss = [&](const Bytes& hash, const Bytes& mask, const Bytes& salt) {
        Bytes parameters = element(0xa0, hash);
        if (!mask.empty()) {
            append(parameters, element(0xa1, element(0x30, joined({mgf1, mask}))));
        }
        append(parameters, element(0xa2, element(2, salt)));
        return parse_algorithm_identifier(element(0x30, joined({oid, element(0x30, parameters)})));
    };
    EXPECT_TRUE(pss(sha256, sha256, {32}));
    EXPECT_FALSE(pss(sha256, sha256, test::hex("0080000000")));  // 2^31
    EXPECT_FALSE(pss(sha256, sha256, test::hex("ff")));          // -1
    EXPECT_FALSE(pss(sha256, sha512, {32}));
    EXPECT_FALSE(pss(sha256, {}, {32}));
}

TEST(Certificates, C03TheHashThatIsNamedIsTheOneThatCounts) {
    NEED_CERTIFICATES();
    const auto key = crypto::PrivateKey::parse(file("rsa.key")).value();
    const SignatureScheme made{.key = KeyType::rsa, .pss = true, .salt_size = 32};
    const Bytes signature = key.sign(made, message).value();
    ASSERT_TRUE(key.public_key().verify(made, message, signature));
    for (const HashAlgorithm other : {HashAlgorithm::sha1, HashAlgorithm::sha2_512}) {
        SignatureScheme told = made;
        told.hash = other;
        EXPECT_FALSE(key.public_key().verify(told, message, signature));
    }
    SignatureScheme told = made;
    told.salt_size = 20;
    EXPECT_FALSE(key.public_key().verify(told, message, signature));
}

TEST(Certificates, C04CutAndMalformedDerIsRefused) {
    NEED_CERTIFICATES();
    const Bytes whole = certificate("gw").der();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(Certificate::parse(ByteView{whole}.first(size))) << size;
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(Certificate::parse(longer));
    const ByteView inside = ByteView{whole}.subspan(4);
    for (const char* const head :
         {"3080", "3084ffffffff", "308480000000", "3088ffffffffffffffff"}) {
        Bytes bent = test::hex(head);
        append(bent, inside);
        EXPECT_FALSE(Certificate::parse(bent)) << head;
    }
    for (const int tag : {0x30, 0x31, 0xa0, 0x24}) {
        Bytes deep;
        for (int i = 0; i < 10'000; ++i) {
            append(deep, Bytes{static_cast<std::uint8_t>(tag), 0x80});
        }
        EXPECT_FALSE(Certificate::parse(deep));
        EXPECT_FALSE(Crl::parse(deep));
        EXPECT_FALSE(OcspAnswer::parse(deep));
    }
}

TEST(Certificates, C05OnlyHttpIsEverAsked) {
    NEED_CERTIFICATES();
    const Certificate hostile = certificate("urls");
    EXPECT_EQ(hostile.crl_urls(), std::vector<std::string>{"http://crl.example/ok.crl"});
    EXPECT_EQ(hostile.ocsp_urls(), std::vector<std::string>{"https://ocsp.example/"});
}

TEST(Certificates, C06ACertificateSpeaksForItsOwnNamesAlone) {
    NEED_CERTIFICATES();
    using ike::IdType;
    const auto fqdn = [](std::string_view name) {
        return ike::Identity{IdType::fqdn, to_bytes(as_bytes(name))};
    };
    const ike::Identity address{IdType::ipv4_addr, {192, 0, 2, 1}};
    EXPECT_FALSE(ike::certifies(certificate("g1"), fqdn("g2.example")));
    EXPECT_FALSE(ike::certifies(certificate("rsa"), fqdn("rsa")));  // in the CN alone
    EXPECT_FALSE(ike::certifies(certificate("wild"), fqdn("g1.example")));
    EXPECT_FALSE(ike::certifies(certificate("numbers"), address));
    EXPECT_TRUE(ike::certifies(certificate("gw"), address));
    EXPECT_FALSE(ike::certifies(certificate("gw"), fqdn("192.0.2.1")));
    EXPECT_FALSE(
        ike::certifies(certificate("gw"), fqdn(std::string_view{"gw.example\0.evil", 16})));
}

TrustQuestion question(const Certificate& leaf, const char* anchor = "root") {
    return {.leaf = &leaf,
            .intermediates = {certificate("middle"), certificate("notca"), certificate("between")},
            .anchors = {certificate(anchor)},
            .now = today()};
}

TEST(Certificates, C07TheRulesOfRfc5280Hold) {
    NEED_CERTIFICATES();
    struct Row {
        const char* leaf;
        const char* anchor;
        const char* why;
    };
    for (const Row& row :
         {Row{"outside", "narrow", "may not certify"}, Row{"deep", "short", "more certificates"},
          Row{"below", "root", "no authority"}, Row{"unknown", "root", "critical extension"},
          Row{"encipher", "root", "keyUsage"}, Row{"web", "root", "extendedKeyUsage"}}) {
        const Certificate leaf = certificate(row.leaf);
        const auto chain = trust(question(leaf, row.anchor));
        ASSERT_FALSE(chain) << row.leaf;
        EXPECT_NE(explain(chain.error()).find(row.why), std::string::npos)
            << explain(chain.error());
    }
}

TEST(Certificates, C10WhatPolicySaysOfTimeAndRevocation) {
    NEED_CERTIFICATES();
    const Certificate gw = certificate("gw");
    TrustQuestion ask = question(gw);
    ask.now = gw.not_after() + std::chrono::seconds{1};
    EXPECT_NE(trust(ask).error().received.find("expired"), std::string::npos);
    ask.now = gw.not_before() - std::chrono::seconds{1};
    EXPECT_NE(trust(ask).error().received.find("not valid before"), std::string::npos);
    ask.now = today();

    const Certificate revoked = certificate("revoked");
    const Crl list = Crl::parse(file("middle.crl")).value();
    const Crl above = Crl::parse(file("root.crl")).value();
    for (const auto policy :
         {RevocationPolicy::relaxed, RevocationPolicy::ifuri, RevocationPolicy::strict}) {
        TrustQuestion listed = question(revoked);
        listed.crls = {list, above};
        listed.revocation = policy;
        EXPECT_NE(trust(listed).error().received.find("was revoked"), std::string::npos);
        // The list is stale: a revocation stays one.
        listed.now = *list.next_update() + std::chrono::hours{1};
        EXPECT_NE(trust(listed).error().received.find("was revoked"), std::string::npos);
    }
    ask.crls = {list, above};
    ask.revocation = RevocationPolicy::strict;
    EXPECT_TRUE(trust(ask));
    ask.now = *list.next_update() + std::chrono::hours{1};
    EXPECT_NE(trust(ask).error().received.find("no current CRL"), std::string::npos);
    ask.revocation = RevocationPolicy::relaxed;
    EXPECT_TRUE(trust(ask));
    // A stranger's answer is none; the issuer's own is one.
    ask.now = today();
    ask.crls = {above};
    ask.revocation = RevocationPolicy::strict;
    ask.answers = {OcspAnswer::parse(file("pretended.ocsp")).value()};
    EXPECT_FALSE(trust(ask));
    ask.answers = {OcspAnswer::parse(file("gw.ocsp")).value()};
    EXPECT_TRUE(trust(ask));
}

// RFC 6960 2.2: "unknown" is no word of good standing, and none of a revocation.
TEST(Certificates, C10UnknownToTheResponderIsAsIfNobodyHadAnswered) {
    NEED_CERTIFICATES();
    const Certificate g1 = certificate("g1");
    TrustQuestion ask = question(g1);
    ask.crls = {Crl::parse(file("root.crl")).value()};
    ask.answers = {OcspAnswer::parse(file("unlisted.ocsp")).value()};
    ask.revocation = RevocationPolicy::strict;
    const auto refused = trust(ask);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().received.find("cannot be told from a revoked one"),
              std::string::npos);
    ask.revocation = RevocationPolicy::relaxed;
    EXPECT_TRUE(trust(ask));
    // Beside a current list it takes nothing away.
    ask.revocation = RevocationPolicy::strict;
    ask.crls.push_back(Crl::parse(file("middle.crl")).value());
    EXPECT_TRUE(trust(ask));
}

TEST(Certificates, C11AuthMustBeOfTheCertificatesKey) {
    NEED_CERTIFICATES();
    using namespace ike::v2;
    const SignatureHashes all{2, 3, 4, 5};
    const std::vector<std::string> kinds{"rsa", "gw", "ed25519", "ed448"};
    for (const std::string& signer : kinds) {
        const auto key = crypto::PrivateKey::parse(file(signer + ".key")).value();
        const auto auth = sign_auth("gw", key, message, all);
        ASSERT_TRUE(auth) << explain(auth.error());
        for (const std::string& shown : kinds) {
            const auto done =
                verify_auth("gw", certificate(shown).public_key(), *auth, message, {});
            EXPECT_EQ(done.has_value(), shown == signer) << signer << " for " << shown;
        }
    }
    // RFC 8420 2: EdDSA is for peers that told of the identity hash.
    const auto key = crypto::PrivateKey::parse(file("ed25519.key")).value();
    EXPECT_FALSE(sign_auth("gw", key, message, {2, 3, 4}));
    // And where RFC 7427 was not negotiated at all, there is no method for it.
    EXPECT_FALSE(sign_auth("gw", key, message, {}));
}

}  // namespace
}  // namespace culvert::x509
