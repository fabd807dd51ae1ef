// AEADs, raw and under an IKE message, against the RFCs' vectors and Wycheproof's.

#include "crypto/aead.hpp"

#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "crypto/ike_cipher.hpp"
#include "support/seeded_random.hpp"
#include "vectors/crypto/wycheproof.hpp"

namespace culvert::crypto {
namespace {

using test::hex;
using test::Json;
using enum EncryptionAlgorithm;

std::optional<EncryptionAlgorithm> algorithm_of(const std::string& name, std::size_t icv) {
    static const std::map<std::pair<std::string, std::size_t>, EncryptionAlgorithm> algorithms{
        {{"AES-GCM", 8}, aes_gcm_8},
        {{"AES-GCM", 12}, aes_gcm_12},
        {{"AES-GCM", 16}, aes_gcm_16},
        {{"AES-CCM", 8}, aes_ccm_8},
        {{"AES-CCM", 12}, aes_ccm_12},
        {{"AES-CCM", 16}, aes_ccm_16},
        {{"CHACHA20-POLY1305", 16}, chacha20_poly1305}};
    const auto found = algorithms.find({name, icv});
    if (found == algorithms.end()) { return std::nullopt; }
    return found->second;
}

struct AeadCase {
    EncryptionAlgorithm algorithm;
    Bytes key, nonce, associated, plaintext, sealed;
};

void expect_valid(const AeadCase& one) {
    const Aead aead{one.algorithm, static_cast<std::uint16_t>(one.key.size() * 8), one.key};
    EXPECT_EQ(to_hex(aead.seal(one.nonce, one.associated, one.plaintext)), to_hex(one.sealed));
    const auto opened = aead.open(one.nonce, one.associated, one.sealed);
    ASSERT_TRUE(opened) << explain(opened.error());
    EXPECT_EQ(to_hex(*opened), to_hex(one.plaintext));
}

void expect_invalid(const AeadCase& one) {
    const Aead aead{one.algorithm, static_cast<std::uint16_t>(one.key.size() * 8), one.key};
    const auto opened = aead.open(one.nonce, one.associated, one.sealed);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::integrity_check_failed);
}

TEST(AeadVectors, GcmCcmChaCha) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/aead.json");
    std::map<EncryptionAlgorithm, int> run;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto algorithm = algorithm_of(test.at("alg"), test.at("icv_len").get<std::size_t>());
        ASSERT_TRUE(algorithm);
        AeadCase one{.algorithm = *algorithm,
                     .key = hex(test, "key"),
                     .nonce = hex(test, "salt"),
                     .associated = hex(test, "aad"),
                     .plaintext = hex(test, "plaintext"),
                     .sealed = hex(test, "ciphertext_and_icv")};
        append(one.nonce, hex(test, "iv"));
        expect_valid(one);
        ++run[*algorithm];
        // Any bit of it matters.
        for (std::size_t at = 0; at < one.sealed.size(); ++at) {
            AeadCase wrong = one;
            wrong.sealed[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
            expect_invalid(wrong);
        }
        one.associated.push_back(0);
        expect_invalid(one);
    }
    for (const auto algorithm : {aes_gcm_8, aes_gcm_12, aes_gcm_16, aes_ccm_8, aes_ccm_12,
                                 aes_ccm_16, chacha20_poly1305}) {
        EXPECT_GT(run[algorithm], 0) << static_cast<int>(algorithm);
    }
}

// Runs what has our nonce length and an ICV length that IKE or ESP have; the rest cannot be asked
// of these types. What is truncated is the ICV, so a longer tag's vector gives the shorter ones
// too.
void run_wycheproof_aead(std::string_view path, const std::string& name, int valid_min,
                         int invalid_min) {
    CULVERT_SHARED_JSON(file, path);
    int valid = 0;
    int invalid = 0;
    test::for_each_test(file, [&](const Json& group, const Json& test) {
        const auto icv = group.at("tagSize").get<std::size_t>() / 8;
        const auto algorithm = algorithm_of(name, icv);
        const Bytes key = hex(test, "key");
        if (!algorithm || !Aead::supports(*algorithm, static_cast<std::uint16_t>(key.size() * 8))) {
            return;
        }
        AeadCase one{.algorithm = *algorithm,
                     .key = key,
                     .nonce = hex(test, "iv"),
                     .associated = hex(test, "aad"),
                     .plaintext = hex(test, "msg"),
                     .sealed = hex(test, "ct")};
        const Aead aead{one.algorithm, static_cast<std::uint16_t>(key.size() * 8), key};
        if (one.nonce.size() != aead.nonce_size()) { return; }
        append(one.sealed, hex(test, "tag"));
        if (test::verdict_of(test) == test::Verdict::valid) {
            expect_valid(one);
            ++valid;
        } else {
            expect_invalid(one);
            ++invalid;
        }
    });
    EXPECT_GE(valid, valid_min);
    EXPECT_GE(invalid, invalid_min);
}

TEST(AeadWycheproof, AesGcm) {
    run_wycheproof_aead("vectors/wycheproof/aes_gcm_test.json", "AES-GCM", 116, 81);
}

// Of 552 only 18 have the 11-octet nonce of RFC 4309, and none of those is invalid: the tampered
// ones are in AeadVectors.
TEST(AeadWycheproof, AesCcm) {
    run_wycheproof_aead("vectors/wycheproof/aes_ccm_test.json", "AES-CCM", 18, 0);
}

TEST(AeadWycheproof, ChaCha20Poly1305) {
    run_wycheproof_aead("vectors/wycheproof/chacha20_poly1305_test.json", "CHACHA20-POLY1305", 256,
                        60);
}

// RFC 4543: GMAC is GCM with everything in the associated data.
TEST(AeadWycheproof, AesGmac) {
    CULVERT_SHARED_JSON(file, "vectors/wycheproof/aes_gmac_test.json");
    int valid = 0;
    int invalid = 0;
    test::for_each_test(file, [&](const Json&, const Json& test) {
        AeadCase one{.algorithm = null_auth_aes_gmac,
                     .key = hex(test, "key"),
                     .nonce = hex(test, "iv"),
                     .associated = hex(test, "msg"),
                     .plaintext = {},
                     .sealed = hex(test, "tag")};
        if (one.nonce.size() != 12) { return; }
        const bool good = test::verdict_of(test) == test::Verdict::valid;
        good ? expect_valid(one) : expect_invalid(one);
        ++(good ? valid : invalid);
    });
    EXPECT_EQ(valid, 45);
    EXPECT_EQ(invalid, 162);
}

// RFC 7634 Appendix B: a whole IKEv2 message, byte for byte, opened and made.
TEST(IkeCipherVectors, Rfc7634AppendixB) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/ikev2-sk.json");
    int run = 0;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const Bytes message = hex(test, "message");
        constexpr std::size_t headers_size = 28 + 4;  // IKE header, generic header of SK
        const ByteView headers = ByteView{message}.first(headers_size);
        const ByteView body = ByteView{message}.subspan(headers_size);
        Bytes key = hex(test, "key");
        append(key, hex(test, "salt"));
        IkeCipher cipher{chacha20_poly1305, 256, IntegrityAlgorithm::none, Secret::copy_of(key),
                         Secret{}};
        Bytes padded = hex(test, "sk_plaintext");
        ASSERT_EQ(padded.back(), 0);  // the Pad Length, which is ours to add
        const ByteView plaintext = ByteView{padded}.first(padded.size() - 1);
        EXPECT_EQ(cipher.sealed_size(plaintext.size()), body.size());

        const auto opened = cipher.open(headers, body);
        ASSERT_TRUE(opened) << explain(opened.error());
        EXPECT_EQ(to_hex(*opened), to_hex(plaintext));

        test::ScriptedRandom first_iv{hex(test, "iv")};
        const auto sealed = cipher.seal(headers, plaintext, first_iv);
        ASSERT_TRUE(sealed) << explain(sealed.error());
        EXPECT_EQ(to_hex(*sealed), to_hex(body));
        ++run;
    }
    EXPECT_GT(run, 0);
}

}  // namespace
}  // namespace culvert::crypto
