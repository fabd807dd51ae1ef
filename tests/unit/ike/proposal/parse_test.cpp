// swanctl's proposal words: what each list means, and what is refused in which words.

#include <algorithm>

#include <gtest/gtest.h>

#include "ike/proposal/proposal.hpp"
#include "ike/proposal/words.hpp"

namespace culvert::ike {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;

Proposals parse(ProtocolId protocol, std::string_view text) {
    auto proposals = parse_proposals(protocol, text);
    EXPECT_TRUE(proposals) << text << ": " << explain(proposals.error());
    return proposals ? *proposals : Proposals{};
}

Error refused(ProtocolId protocol, std::string_view text) {
    const auto proposals = parse_proposals(protocol, text);
    EXPECT_FALSE(proposals) << text;
    return proposals ? Error{} : proposals.error();
}

Transform encr(EncryptionAlgorithm id, std::optional<std::uint16_t> bits) {
    return {.type = TransformType::encr, .id = std::to_underlying(id), .key_bits = bits};
}
Transform integ(IntegrityAlgorithm id) {
    return {.type = TransformType::integ, .id = std::to_underlying(id)};
}
constexpr auto esn = [](std::uint16_t id) {
    return Transform{.type = TransformType::esn, .id = id};
};

// RFC 9370 2.2.1: transform types 6 to 12.
TEST(ParseProposals, AdditionalKeyExchangesAreTypesOfTheirOwn) {
    const std::string_view text =
        "aes256gcm16-prfsha384-curve25519-ke1_ecp384-ke1_none-ke7_modp3072";
    const Proposals proposals = parse(ProtocolId::ike, text);
    ASSERT_EQ(proposals.size(), 1U);
    const auto& transforms = proposals.front().transforms;
    ASSERT_EQ(transforms.size(), 6U);
    EXPECT_EQ(transforms.at(3), (Transform{.type = TransformType::addke1, .id = 20}));
    EXPECT_EQ(transforms.at(4), (Transform{.type = TransformType::addke1, .id = 0}));
    EXPECT_EQ(transforms.at(5), (Transform{.type = TransformType::addke7, .id = 15}));
    EXPECT_EQ(proposals.front().to_string(), text);
    EXPECT_EQ(refused(ProtocolId::ike, "aes128-sha256-x25519-ke1_mlkem768").code,
              ErrorCode::not_built);
    for (const auto* wrong : {"aes128-sha256-x25519-ke8_ecp256", "aes128-sha256-x25519-ke1_aes128",
                              "aes128-sha256-x25519-ke1_", "aes128-sha256-ke1_ecp256"}) {
        EXPECT_EQ(refused(ProtocolId::ike, wrong).code, ErrorCode::config) << wrong;
    }
    EXPECT_EQ(refused(ProtocolId::esp, "aes256gcm16-ke1_ecp256").code, ErrorCode::config);
    EXPECT_EQ(legacy_words("aes128-sha256-x25519-ke1_modp1024"),
              std::vector<std::string>{"modp1024"});
}

TEST(ParseProposals, EspSuitesMeanTheRegistrysTransforms) {
    using enum EncryptionAlgorithm;
    struct Case {
        std::string_view text;
        std::vector<Transform> wanted;
    };
    const std::vector<Case> cases{
        {"aes256gcm16", {encr(aes_gcm_16, 256), esn(0)}},
        {"aes128gcm8-esn", {encr(aes_gcm_8, 128), esn(1)}},
        {"aes192gcm96-esn-noesn", {encr(aes_gcm_12, 192), esn(1), esn(0)}},
        {"aes128ccm8", {encr(aes_ccm_8, 128), esn(0)}},
        {"aes256ccm96", {encr(aes_ccm_12, 256), esn(0)}},
        {"aes256ccm128", {encr(aes_ccm_16, 256), esn(0)}},
        {"aes256gmac", {encr(null_auth_aes_gmac, 256), esn(0)}},
        {"chacha20poly1305", {encr(chacha20_poly1305, std::nullopt), esn(0)}},
        {"aes256gcm16iiv", {encr(aes_gcm_16_iiv, 256), esn(0)}},
        {"aes128ctr-aesxcbc", {encr(aes_ctr, 128), integ(IntegrityAlgorithm::aes_xcbc_96), esn(0)}},
        {"null-aescmac",
         {encr(null, std::nullopt), integ(IntegrityAlgorithm::aes_cmac_96), esn(0)}},
        {"3des-sha1",
         {encr(des3_cbc, std::nullopt), integ(IntegrityAlgorithm::hmac_sha1_96), esn(0)}},
        {"aes128-sha256_96",
         {encr(aes_cbc, 128), integ(IntegrityAlgorithm::hmac_sha2_256_96), esn(0)}},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.text);
        const Proposals proposals = parse(ProtocolId::esp, one.text);
        ASSERT_EQ(proposals.size(), 1U);
        EXPECT_EQ(proposals.front().protocol, ProtocolId::esp);
        EXPECT_EQ(proposals.front().transforms, one.wanted);
    }
}

TEST(ParseProposals, AhHasIntegrityAndNothingElse) {
    const Proposals proposals =
        parse(ProtocolId::ah, "sha256-sha384-modp2048-esn, aes128gmac, sha1");
    ASSERT_EQ(proposals.size(), 3U);
    EXPECT_EQ(proposals[0].protocol, ProtocolId::ah);
    EXPECT_EQ(proposals[0].number, 1);
    EXPECT_EQ(proposals[2].number, 3);
    const std::vector<Transform> first{integ(IntegrityAlgorithm::hmac_sha2_256_128),
                                       integ(IntegrityAlgorithm::hmac_sha2_384_192),
                                       {.type = TransformType::ke, .id = 14},
                                       esn(1)};
    EXPECT_EQ(proposals[0].transforms, first);
    // RFC 4543: for AH it is an integrity algorithm, for ESP a cipher.
    const std::vector<Transform> gmac{integ(IntegrityAlgorithm::aes128_gmac), esn(0)};
    EXPECT_EQ(proposals[1].transforms, gmac);
    EXPECT_EQ(proposals[1].to_string(), "aes128gmac");
}

TEST(ParseProposals, AhWithoutIntegrityOrWithEncryptionIsRefused) {
    for (const std::string_view text : {"aes128-sha256", "aes256gcm16", "null-sha256"}) {
        SCOPED_TRACE(text);
        EXPECT_NE(refused(ProtocolId::ah, text).wanted.find("AH does not encrypt"),
                  std::string::npos);
    }
    EXPECT_EQ(refused(ProtocolId::ah, "modp2048").code, ErrorCode::config);
    EXPECT_EQ(refused(ProtocolId::ah, "prfsha256").code, ErrorCode::config);
}

TEST(ParseProposals, EncryptionWithoutIntegrityIsRefused) {
    for (const std::string_view text : {"aes128", "3des", "null", "aes128ctr-modp2048"}) {
        SCOPED_TRACE(text);
        const Error error = refused(ProtocolId::esp, text);
        EXPECT_NE(error.wanted.find("an integrity algorithm"), std::string::npos);
        EXPECT_NE(error.remedy.find("sha256"), std::string::npos);
    }
}

TEST(ParseProposals, WordsOfEspMeanNothingForAnIkeSa) {
    for (const std::string_view word : {"null", "aes128gmac", "aes128gcm16iiv", "esn"}) {
        SCOPED_TRACE(word);
        const std::string text = std::string{word} + "-sha256-modp2048";
        EXPECT_NE(refused(ProtocolId::ike, text).wanted.find("mean something for IKE"),
                  std::string::npos);
    }
}

TEST(ParseProposals, AnUnknownWordNamesTheNearest) {
    const Error error = refused(ProtocolId::esp, "aes256gcm1");
    EXPECT_NE(error.received.find("aes256gcm1"), std::string::npos);
    EXPECT_NE(error.remedy.find("aes256gcm16"), std::string::npos);
    EXPECT_EQ(refused(ProtocolId::esp, "camellia128-sha256").code, ErrorCode::not_built);
    EXPECT_EQ(refused(ProtocolId::esp, "").code, ErrorCode::config);
    EXPECT_EQ(refused(ProtocolId::esp, "aes256gcm16,").code, ErrorCode::config);
    EXPECT_EQ(refused(ProtocolId::esp, "aes128gcm16-aes128-sha256").code, ErrorCode::config);
}

TEST(BuiltPart, OneWordThatIsNotBuiltDoesNotCostTheRest) {
    const auto shown = [](std::string_view text) {
        const BuiltPart part = built_part(ProtocolId::ike, text);
        std::string out = part.text + " |";
        for (const std::string& one : part.left_out) { out += " " + one; }
        return out;
    };
    EXPECT_EQ(shown("aes256-sha256-modp2048"), "aes256-sha256-modp2048 |");
    EXPECT_EQ(shown("aes256-sha256-modp2048-modp2048s256"),
              "aes256-sha256-modp2048 | modp2048s256");
    EXPECT_EQ(shown("aes256-camellia256-sha256-md5-modp2048"),
              "aes256-sha256-modp2048 | camellia256 md5");
    EXPECT_EQ(shown("aes256-sha256-modp2048, blowfish256-sha256-modp2048"),
              "aes256-sha256-modp2048 | blowfish256-sha256-modp2048");
    EXPECT_EQ(shown("aes256-sha256-x25519-ke1_mlkem768, aes256-sha256-x25519"),
              "aes256-sha256-x25519 | aes256-sha256-x25519-ke1_mlkem768");
    // Another slot's method is none for this one.
    EXPECT_EQ(shown("aes256-sha256-x25519-ke1_mlkem768"), "aes256-sha256-x25519-ke1_mlkem768 |");
    EXPECT_EQ(shown("aes256-md5-modp2048"), "aes256-md5-modp2048 |");
    EXPECT_EQ(shown("nonsense-modp768"), "nonsense-modp768 |");
}

TEST(ParseProposals, LegacyWordsAreNamedForAWarning) {
    const std::vector<std::string> wanted{"3des", "sha1"};
    EXPECT_EQ(legacy_words("3des-sha1, aes128-sha256"), wanted);
    EXPECT_TRUE(legacy_words("aes256gcm16").empty());
}

// What is legacy comes only where it is named.
TEST(ParseProposals, DefaultsHaveNothingLegacy) {
    for (const auto protocol : {ProtocolId::ike, ProtocolId::esp, ProtocolId::ah}) {
        for (const Proposal& proposal : default_proposals(protocol)) {
            EXPECT_EQ(proposal.protocol, protocol);
            for (const Transform& transform : proposal.transforms) {
                const Word* word = word_of(transform);
                ASSERT_NE(word, nullptr) << spell(transform);
                EXPECT_NE(word->standing, Standing::legacy) << word->text;
            }
        }
    }
}

// Every word that is built parses where it belongs, and its transform is spelled with a word again.
TEST(ParseProposals, EveryWordIsSpelledBack) {
    for (const Word& word : all_words()) {
        SCOPED_TRACE(word.text);
        EXPECT_EQ(word_of(word.transform())->transform(), word.transform());
        if (word.standing == Standing::not_built || word.type == TransformType::prf) { continue; }
        const bool ah = word.type == TransformType::integ;
        std::string text{word.text};
        const bool alone = ah || (word.type == TransformType::encr &&
                                  crypto::is_aead(EncryptionAlgorithm{word.id}));
        if (!alone) {
            text = (word.type == TransformType::encr ? "sha256-" : "aes128-sha256-") + text;
        }
        const Proposals proposals = parse(ah ? ProtocolId::ah : ProtocolId::esp, text);
        ASSERT_EQ(proposals.size(), 1U);
        EXPECT_NE(std::ranges::find(proposals.front().transforms, word.transform()),
                  proposals.front().transforms.end());
    }
}

}  // namespace
}  // namespace culvert::ike
