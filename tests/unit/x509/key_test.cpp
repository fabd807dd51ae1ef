// Private keys in every wrapping; what they sign, the certificate's key verifies;
// AlgorithmIdentifiers against those that openssl writes into certificates.

#include <gtest/gtest.h>

#include "certificate_files.hpp"
#include "crypto/private_key.hpp"

namespace culvert::crypto {
namespace {

using x509::certificate;
using x509::CertificateFiles;
using x509::file;

PrivateKey key(const std::string& name) {
    auto parsed = PrivateKey::parse(file(name));
    EXPECT_TRUE(parsed) << name << ": " << explain(parsed.error());
    return std::move(*parsed);
}

TEST(PrivateKey, OpensInEveryWrapping) {
    NEED_CERTIFICATES();
    const PublicKey gw = certificate("gw").public_key();
    for (const std::string name : {"gw.key", "gw-sec1.key", "gw.der"}) {
        EXPECT_EQ(key(name).public_key(), gw) << name;
    }
    EXPECT_EQ(key("rsa-pkcs1.key").public_key(), certificate("rsa").public_key());
    const Secret sesame = Secret::copy_of(as_bytes("sesame"));
    const auto opened = PrivateKey::parse(file("rsa-encrypted.key"), &sesame);
    ASSERT_TRUE(opened) << explain(opened.error());
    EXPECT_EQ(opened->public_key(), certificate("rsa").public_key());
}

TEST(PrivateKey, SaysWhyItDoesNotOpen) {
    NEED_CERTIFICATES();
    const auto closed = PrivateKey::parse(file("rsa-encrypted.key"));
    ASSERT_FALSE(closed);
    EXPECT_NE(closed.error().received.find("no passphrase"), std::string::npos);
    const Secret wrong = Secret::copy_of(as_bytes("open"));
    const auto refused = PrivateKey::parse(file("rsa-encrypted.key"), &wrong);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().received.find("does not open"), std::string::npos);
    const auto none = PrivateKey::parse(file("gw.crt"));
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().received.find("holds none"), std::string::npos);
}

TEST(PrivateKey, WhatItSignsItsPublicKeyVerifies) {
    NEED_CERTIFICATES();
    const Bytes message = to_bytes(as_bytes("the octets that AUTH covers"));
    const Bytes other = to_bytes(as_bytes("the octets that AUTH covert"));
    const auto check = [&](const std::string& name, const SignatureScheme& scheme) {
        SCOPED_TRACE(to_string(scheme));
        const auto signature = key(name + ".key").sign(scheme, message);
        ASSERT_TRUE(signature) << explain(signature.error());
        const PublicKey verifier = certificate(name).public_key();
        EXPECT_TRUE(verifier.verify(scheme, message, *signature));
        EXPECT_FALSE(verifier.verify(scheme, other, *signature));
        EXPECT_FALSE(certificate("root").public_key().verify(scheme, message, *signature));
    };
    for (const auto hash :
         {HashAlgorithm::sha2_256, HashAlgorithm::sha2_384, HashAlgorithm::sha2_512}) {
        check("rsa", {.key = KeyType::rsa, .hash = hash});
        check("rsa",
              {.key = KeyType::rsa, .pss = true, .hash = hash, .salt_size = hash_size(hash)});
        check("gw", {.key = KeyType::ecdsa, .hash = hash});
        check("gw", {.key = KeyType::ecdsa, .hash = hash, .fixed_form = true});
    }
    check("ed25519", {.key = KeyType::ed25519});
    check("ed448", {.key = KeyType::ed448});
    EXPECT_FALSE(key("gw.key").sign({.key = KeyType::rsa}, message));
}

TEST(AlgorithmIdentifier, ComesBackAsItWas) {
    for (const auto hash : {HashAlgorithm::sha1, HashAlgorithm::sha2_256, HashAlgorithm::sha2_384,
                            HashAlgorithm::sha2_512}) {
        for (const SignatureScheme& scheme :
             {SignatureScheme{.key = KeyType::rsa, .hash = hash},
              SignatureScheme{
                  .key = KeyType::rsa, .pss = true, .hash = hash, .salt_size = hash_size(hash)},
              SignatureScheme{.key = KeyType::ecdsa, .hash = hash}}) {
            const auto again = parse_algorithm_identifier(algorithm_identifier(scheme));
            ASSERT_TRUE(again) << to_string(scheme);
            EXPECT_EQ(*again, scheme);
        }
    }
    for (const auto type : {KeyType::ed25519, KeyType::ed448}) {
        const auto again = parse_algorithm_identifier(algorithm_identifier({.key = type}));
        ASSERT_TRUE(again);
        EXPECT_EQ(again->key, type);
    }
}

// RFC 7427 A.1 to A.4, and RFC 8420 A: as printed there.
TEST(AlgorithmIdentifier, IsThatOfTheRfcs) {
    const auto hex = [](const SignatureScheme& scheme) {
        return to_hex(algorithm_identifier(scheme));
    };
    EXPECT_EQ(hex({.key = KeyType::rsa, .hash = HashAlgorithm::sha2_256}),
              "300d06092a864886f70d01010b0500");
    EXPECT_EQ(hex({.key = KeyType::ecdsa, .hash = HashAlgorithm::sha2_384}),
              "300a06082a8648ce3d040303");
    EXPECT_EQ(
        hex({.key = KeyType::rsa, .pss = true, .hash = HashAlgorithm::sha2_256, .salt_size = 32}),
        "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a86"
        "4886f70d010108300d06096086480165030402010500a203020120");
    EXPECT_EQ(hex({.key = KeyType::ed25519}), "300506032b6570");
}

TEST(AlgorithmIdentifier, WhatWeHaveNotIsRefused) {
    EXPECT_FALSE(parse_algorithm_identifier({}));
    // RSASSA-PSS with SHA-256, but MGF1 over SHA-1 (its default).
    EXPECT_FALSE(parse_algorithm_identifier(
        from_hex("302306092a864886f70d01010a3016a00f300d06096086480165030402010500a203020120")
            .value()));
    // MD5 with RSA.
    EXPECT_FALSE(parse_algorithm_identifier(from_hex("300d06092a864886f70d0101040500").value()));
}

}  // namespace
}  // namespace culvert::crypto
