// AUTH by signature (RFC 7427, 8420, 4754, 7296 3.8), alone and between two engines.

#include "ike/v2/signature_auth.hpp"

#include "base/writer.hpp"
#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

// Made for these tests by openssl, and used nowhere else.
constexpr std::string_view ed25519_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEII1KrExdLdRUd+8AAr3FGNx6DhiH2uCR1Nj+0yU8Y16N\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view p256_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDp4VhEHagYpb0/F7\n"
    "FjJC05yYGeNCTRheNERdTot7E/yhRANCAARhnKhIbVKEx6xpp5on+ZCnbmVrmliD\n"
    "LAovtKw1mNOY1o/7wE84mG0a9OxOIEA9KwDHqkS89ssR9Rb5rRXXo2BU\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view brainpool256_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGIAgEAMBQGByqGSM49AgEGCSskAwMCCAEBBwRtMGsCAQEEIH9d60Nri07qV1PD\n"
    "SnG8OSvlC9puXQ38iJZEPEq30mRZoUQDQgAEO2uJMR0YtVsFVZZc15ttbcKXTfE0\n"
    "kQI5iVbK8Zsgt7wjSy2Mgsn2HY6gMkOfRwUhNGKPHxGGzO4TCCW24yuiRA==\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view brainpool384_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG6AgEAMBQGByqGSM49AgEGCSskAwMCCAEBCwSBnjCBmwIBAQQwNhDfJEu7UjK1\n"
    "zMNLmQ3KLnED/NFyGI+nWFvHSg7/WMd4/hE8p/xULsqahZaK4tnkoWQDYgAEDkRw\n"
    "X7QYG2xYwymLV7LmWGd/lPuBxRcI6wGPR4Vr4K7yhLBmeHk68MJjSIgSM/xtKUzK\n"
    "fE+J7XmAGWODJOykr7m0TYn/v8f3Qwxd2REfpUfvyV62JvTiucz/nFnmFZJv\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view rsa_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDT3eys11dgflJJ\n"
    "7NlTZq601XFQOUrMZsaI6iRRxDru8JsdcjJqkpSe7hV0DAb1O5Im48ibHVjFjM7b\n"
    "QFsjijnmyQwYJMl05D37OyNtS/g3cAps3+kt5xvkHHOjmNzMe80N8J+Tc2lH566v\n"
    "gJyTQd+O2zLsxssehbfCQWFaPtCRJPD8RFKebiZaikln8HOfQUr8Mn8PZcPp6rpJ\n"
    "EHSfbsf1BOqdz25R+gEUfXpPhA219gFt1wU22Nx18Ih2D9lott9wwnlwDgWOy71K\n"
    "2XReZYd2igfm2nVww4sve8JkoODLW2iSp9sPhz/+3Igy3FcBo2kJrVuxNeRmLmsK\n"
    "YwINzYg/AgMBAAECggEAFB6FfK5gYk3so4+F3cko+wwv3AXsx/dUkCjn9QnU7N7V\n"
    "ZBj1l7A+w87pI6GGwZ/8E4xa/vvs86mY9TIp1XipYfSinOJVbS/FgQePKDBoLF+L\n"
    "5eXnf0/skp9vDdCU2yhAgzvf84EotMbYDFuCwusk/yxqrBh+rnHVTvGlfIvtg3LZ\n"
    "32mbH7SGZ/U4cm1Om851Rkj3WpYWxfdK1ohIqK6QAO2ItOM5bqn8FrxpxDaVZrUT\n"
    "ZF9zJC3kruodNSgisMHN53h7PBSv7TKXE9YRb6eu1bHMBKCa6pHUi3GrafMS4Ilv\n"
    "S6gMlIUPjeBjk5+AacEo7xJkf01ioiJR0Q8L8ScNlQKBgQDuKhICqREfpTu/F8Qk\n"
    "CiLuDsNJvm73b0KnX4T1V1kfUCFvxz7k8f5k7mue6p6RYQIOKytGhU+kJGUNTFiL\n"
    "1V5+NZD+k+fVxDRCetAZ7pDSCE/oX+MAuR/Ub6L/puWurfhsFfidc5reRMFYvAqZ\n"
    "ccc0dVsHsClUdTs3vKRskpwvPQKBgQDju7JnRNQ1ZYA2yJ/wL+eW1bCgeCBZq7Tl\n"
    "MtdnIxh9SfBZcLK0xr1yCd89sz46e/hJK/if4OafD0Pcb0fgTnH/+mlKdnfWk1j2\n"
    "9ZYVXOy7TBnDHzMzrTjsmodsWp5OVBUldAL1w9ao5F/HagX1iQynashxWHGnGV3S\n"
    "pJBznpGNKwKBgBln1XoBLPlyN9hfoaWyix1X588jCFVOwg52qwk84x3q/1YcLAJi\n"
    "Kh/8KvDN2FJrxbtbMYeZSvCYjUsI3N01ypmt/ySZBH8SKfz5et95SmuNRXDlYaK/\n"
    "HL0dl4ar+A5VMo3dHiM1pMyXCwT7MipCL9zRs/8y9IW057c/YU7PqOeFAoGBAJgs\n"
    "A7ods+86M8JnrPfCCu4vPCb+Hh/NLMM6hdTVDrgpgAFD3SYO5ugc0J9Z9mr+C5pZ\n"
    "V3j9vxzqBl51vYGU6Xgyy8iGAO3Q59GdqPv9a/J7l3tajcwqI692UqeEpeORK9Ar\n"
    "BQ9UHUwdziJiJjk7qsj0AZw7jTYrLRZkAGJBwuChAoGBALO0IVnpsO52vXdfabir\n"
    "XfN+dEUIiNN2UdcvshfE25sMdyqfYvSvhJiCrx+UX2oy+G91S0zZkBrkVMXn934j\n"
    "9K9RfV87j+RKzClFIzKCFsDnhygbn6/qcuwxcfJDBWLBgguhj1k8dfGszpiAUcMa\n"
    "5ymlolAsJdNFhcQIiVSC+F9A\n"
    "-----END PRIVATE KEY-----\n";

std::shared_ptr<const crypto::PrivateKey> key(std::string_view pem) {
    return std::make_shared<const crypto::PrivateKey>(
        crypto::PrivateKey::parse(as_bytes(pem)).value());
}
const SignatureHashes all{2, 3, 4, 5};
const Bytes octets = to_bytes(as_bytes("what is signed"));

TEST(SignatureAuth, EachKindOfKeyIsVerifiedByItself) {
    for (const auto pem : {ed25519_pem, p256_pem, brainpool256_pem, brainpool384_pem, rsa_pem}) {
        const auto signer = key(pem);
        const auto auth = sign_auth("gw", *signer, octets, all);
        ASSERT_TRUE(auth) << explain(auth.error());
        EXPECT_EQ(auth->method, wire::AuthMethod::digital_signature);
        EXPECT_TRUE(verify_auth("gw", signer->public_key(), *auth, octets));
        EXPECT_FALSE(verify_auth("gw", signer->public_key(), *auth, as_bytes("something else")));
        for (std::size_t i = 0; i < auth->data.size(); ++i) {
            wire::Authentication bent = *auth;
            bent.data.at(i) ^= 1;
            EXPECT_FALSE(verify_auth("gw", signer->public_key(), bent, octets)) << i;
            bent.data.resize(i);
            EXPECT_FALSE(verify_auth("gw", signer->public_key(), bent, octets)) << i;
        }
    }
}

// local.auth = rsa-sha256, as opposed to rsa/pss-sha256.
TEST(SignatureAuth, RsaIsPssUnlessPlainRsaIsNamed) {
    const auto signer = key(rsa_pem);
    const auto pss = sign_auth("gw", *signer, octets, {2, 3, 4});
    const auto plain =
        sign_auth("gw", *signer, octets, {2, 3, 4}, {{.type = crypto::KeyType::rsa}});
    ASSERT_TRUE(pss && plain);
    const auto has = [](const wire::Authentication& auth, bool with_pss) {
        const Bytes algorithm = crypto::algorithm_identifier(
            {.key = crypto::KeyType::rsa,
             .pss = with_pss,
             .hash = crypto::HashAlgorithm::sha2_256,
             .salt_size = with_pss ? crypto::hash_size(crypto::HashAlgorithm::sha2_256) : 0});
        return std::ranges::equal(algorithm, ByteView{auth.data}.subspan(1, algorithm.size()));
    };
    EXPECT_TRUE(has(*pss, true));
    EXPECT_TRUE(has(*plain, false));
    EXPECT_TRUE(verify_auth("gw", signer->public_key(), *plain, octets));
}

TEST(SignatureAuth, OlderPeersGetTheOlderMethods) {
    const auto ecdsa = sign_auth("gw", *key(p256_pem), octets, {});
    ASSERT_TRUE(ecdsa);
    EXPECT_EQ(ecdsa->method, wire::AuthMethod::ecdsa_256);
    EXPECT_EQ(ecdsa->data.size(), 64U);  // RFC 4754 7: r | s
    EXPECT_TRUE(verify_auth("gw", key(p256_pem)->public_key(), *ecdsa, octets));
    const auto rsa = sign_auth("gw", *key(rsa_pem), octets, {});
    ASSERT_TRUE(rsa);
    EXPECT_EQ(rsa->method, wire::AuthMethod::rsa_signature);
    EXPECT_TRUE(verify_auth("gw", key(rsa_pem)->public_key(), *rsa, octets));
    EXPECT_FALSE(sign_auth("gw", *key(ed25519_pem), octets, {}));
}

// RFC 4754 3: the methods are of P-256, P-384 and P-521 alone.
TEST(SignatureAuth, OtherCurvesOfTheSameSizeHaveNoOlderMethod) {
    for (const auto& [pem, hash, method] :
         {std::tuple{brainpool256_pem, crypto::HashAlgorithm::sha2_256,
                     wire::AuthMethod::ecdsa_256},
          std::tuple{brainpool384_pem, crypto::HashAlgorithm::sha2_384,
                     wire::AuthMethod::ecdsa_384}}) {
        const auto signer = key(pem);
        const auto auth = sign_auth("gw", *signer, octets, {});
        ASSERT_FALSE(auth);
        EXPECT_TRUE(auth.error().wanted.contains("brainpool")) << auth.error().wanted;
        EXPECT_TRUE(auth.error().received.contains("RFC 7427")) << auth.error().received;
        const auto raw =
            signer->sign({.key = crypto::KeyType::ecdsa, .hash = hash, .fixed_form = true}, octets);
        ASSERT_TRUE(raw);
        EXPECT_FALSE(
            verify_auth("gw", signer->public_key(), {.method = method, .data = *raw}, octets));
    }
}

// local.auth = rsa-sha384: the older method's SHA-1 is not that.
TEST(SignatureAuth, OlderPeersGetNothingThatTheRulesDoNotAllow) {
    for (const auto& [pem, type] :
         {std::pair{rsa_pem, crypto::KeyType::rsa}, std::pair{p256_pem, crypto::KeyType::ecdsa}}) {
        const SignatureRules rules{{.type = type, .hashes = {crypto::HashAlgorithm::sha2_384}}};
        const auto auth = sign_auth("gw", *key(pem), octets, {}, rules);
        ASSERT_FALSE(auth);
        EXPECT_TRUE(auth.error().received.contains("local.auth allows")) << auth.error().received;
        EXPECT_TRUE(sign_auth("gw", *key(pem), octets, {}, {{.type = type}}));
    }
    EXPECT_FALSE(sign_auth("gw", *key(rsa_pem), octets, {},
                           {{.type = crypto::KeyType::rsa, .pss_only = true}}));
}

TEST(SignatureAuth, OnlyHashesThatThePeerTakesAreUsed) {
    EXPECT_FALSE(sign_auth("gw", *key(ed25519_pem), octets, {2, 3, 4}));
    EXPECT_FALSE(sign_auth("gw", *key(p256_pem), octets, {5}));
    EXPECT_FALSE(sign_auth("gw", *key(p256_pem), octets, {1}));  // SHA-1 alone
    EXPECT_TRUE(sign_auth("gw", *key(p256_pem), octets, {4}));
}

TEST(SignatureAuth, Sha1InADigitalSignatureIsRefused) {
    const crypto::SignatureScheme weak{.key = crypto::KeyType::rsa,
                                       .hash = crypto::HashAlgorithm::sha1};
    const Bytes algorithm = crypto::algorithm_identifier(weak);
    Writer data;
    data.u8(static_cast<std::uint8_t>(algorithm.size()));
    data.bytes(algorithm);
    data.bytes(key(rsa_pem)->sign(weak, octets).value());
    const auto done =
        verify_auth("gw", key(rsa_pem)->public_key(),
                    {.method = wire::AuthMethod::digital_signature, .data = data.take()}, octets);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::authentication_failed);
}

TEST(SignatureAuth, AnnouncedHashesAreReadAsTheyAreWritten) {
    EXPECT_EQ(signature_hashes_in({signature_hashes_notify()}), all);
    EXPECT_TRUE(signature_hashes_in({}).empty());
}

struct Signing : testing::Test {
    Signing() : first(gateway_config(1, 2)), second(gateway_config(2, 1)) {}
    // `config` signs with the key, `other` knows it.
    static void signs(Config& config, Config& other, std::string_view pem) {
        config.connections.front().local.method = AuthMethodKind::pubkey;
        config.connections.front().local.key = key(pem);
        other.connections.front().remote.method = AuthMethodKind::pubkey;
        other.connections.front().remote.pubkeys = {key(pem)->public_key()};
    }
    Status up() {
        pair.emplace(std::move(first), std::move(second));
        return pair->up(pair->one);
    }
    Config first;
    Config second;
    std::optional<EnginePair> pair;
};

TEST_F(Signing, BothEndsByKeysOfDifferentKinds) {
    signs(first, second, ed25519_pem);
    signs(second, first, rsa_pem);
    first.secrets.clear();
    second.secrets.clear();
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(Signing, OneEndByKeyTheOtherBySecret) {
    signs(second, first, p256_pem);
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(Signing, AnotherKeyIsRefusedAndExplained) {
    signs(first, second, ed25519_pem);
    second.connections.front().remote.pubkeys = {key(p256_pem)->public_key()};
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::authentication_failed);
    EXPECT_NE(pair->two.errors().find("connections.gw.remote"), std::string::npos);
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(Signing, ASecretIsNoSignature) {
    second.connections.front().remote.method = AuthMethodKind::pubkey;
    second.connections.front().remote.pubkeys = {key(p256_pem)->public_key()};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("by a signature"), std::string::npos) << pair->two.errors();
}

TEST_F(Signing, ASignatureIsNoSecret) {
    first.connections.front().local.method = AuthMethodKind::pubkey;
    first.connections.front().local.key = key(p256_pem);
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("SHARED_KEY"), std::string::npos) << pair->two.errors();
}

TEST_F(Signing, TheInitiatorRefusesAWrongKeyToo) {
    signs(second, first, ed25519_pem);
    first.connections.front().remote.pubkeys = {key(rsa_pem)->public_key()};
    EXPECT_FALSE(up());
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());  // it was told
}

}  // namespace
}  // namespace culvert::ike::v2
