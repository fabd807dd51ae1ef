// Signatures against Wycheproof: RSA with both paddings, ECDSA in both forms, EdDSA.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "crypto/public_key.hpp"
#include "vectors/crypto/wycheproof.hpp"

namespace culvert::crypto {
namespace {

using test::hex;
using test::Json;

std::optional<HashAlgorithm> hash_named(const std::string& name) {
    if (name == "SHA-1") { return HashAlgorithm::sha1; }
    if (name == "SHA-256") { return HashAlgorithm::sha2_256; }
    if (name == "SHA-384") { return HashAlgorithm::sha2_384; }
    if (name == "SHA-512") { return HashAlgorithm::sha2_512; }
    return std::nullopt;  // IKE has no more
}

// The scheme that a group states; nothing for those that IKE does not have.
std::optional<SignatureScheme> scheme_of(const Json& group, const PublicKey& key) {
    SignatureScheme scheme{.key = key.type()};
    if (key.type() == KeyType::ed25519 || key.type() == KeyType::ed448) { return scheme; }
    const auto hash = hash_named(group.at("sha").get<std::string>());
    if (!hash) { return std::nullopt; }
    scheme.hash = *hash;
    if (group.contains("sLen")) {
        if (group.at("mgfSha") != group.at("sha")) { return std::nullopt; }
        scheme.pss = true;
        scheme.salt_size = group.at("sLen").get<std::size_t>();
    }
    scheme.fixed_form = group.at("type") == "EcdsaP1363Verify";
    return scheme;
}

struct File {
    const char* name;
    int checked_min;
};
class Wycheproof : public testing::TestWithParam<File> {};

TEST_P(Wycheproof, SignaturesAreTakenAndRefused) {
    CULVERT_SHARED_JSON(file, std::string{"vectors/wycheproof/"} + GetParam().name + "_test.json");
    int checked = 0;
    for (const Json& group : file.at("testGroups")) {
        const auto key = PublicKey::parse(hex(group, "publicKeyDer"));
        ASSERT_TRUE(key) << explain(key.error());
        const auto pem =
            PublicKey::parse_file(as_bytes(group.at("publicKeyPem").get<std::string>()));
        ASSERT_TRUE(pem) << explain(pem.error());
        EXPECT_EQ(*pem, *key);
        const auto scheme = scheme_of(group, *key);
        if (!scheme) { continue; }
        for (const Json& test : group.at("tests")) {
            SCOPED_TRACE(test::name_of(test));
            const bool good = key->verify(*scheme, hex(test, "msg"), hex(test, "sig"));
            switch (test::verdict_of(test)) {
                case test::Verdict::valid: EXPECT_TRUE(good); break;
                case test::Verdict::invalid: EXPECT_FALSE(good); break;
                case test::Verdict::acceptable: break;
            }
            ++checked;
        }
    }
    EXPECT_GE(checked, GetParam().checked_min);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Wycheproof,
    testing::Values(
        File{"ecdsa_secp256r1_sha256", 400}, File{"ecdsa_secp256r1_sha512", 400},
        File{"ecdsa_secp384r1_sha384", 400}, File{"ecdsa_secp521r1_sha512", 400},
        File{"ecdsa_brainpoolP256r1_sha256", 400}, File{"ecdsa_brainpoolP384r1_sha384", 400},
        File{"ecdsa_brainpoolP512r1_sha512", 400}, File{"ecdsa_secp256r1_sha256_p1363", 200},
        File{"ecdsa_secp384r1_sha384_p1363", 200}, File{"ecdsa_secp521r1_sha512_p1363", 200},
        File{"ed25519", 100}, File{"ed448", 60}, File{"rsa_signature_2048_sha256", 200},
        File{"rsa_signature_3072_sha512", 200}, File{"rsa_signature_4096_sha256", 200},
        File{"rsa_pss_2048_sha256_mgf1_32", 80}, File{"rsa_pss_3072_sha256_mgf1_32", 80},
        File{"rsa_pss_4096_sha512_mgf1_64", 80}, File{"rsa_pss_misc", 20}),
    [](const auto& one) { return std::string{one.param.name}; });

}  // namespace
}  // namespace culvert::crypto
