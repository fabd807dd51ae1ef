// Choosing from an offer, checking an answer, and saying why nothing fits.

#include <gtest/gtest.h>

#include "ike/proposal/proposal.hpp"
#include "ike/wire/notify_type.hpp"

namespace culvert::ike {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;

Proposals parse(ProtocolId protocol, std::string_view text) {
    auto proposals = parse_proposals(protocol, text);
    EXPECT_TRUE(proposals) << text << ": " << explain(proposals.error());
    return proposals ? *proposals : Proposals{};
}

// As on the wire: with the peer's SPI.
Proposals offered(ProtocolId protocol, std::string_view text) {
    Proposals proposals = parse(protocol, text);
    for (Proposal& one : proposals) { one.spi = {0xc0, 0xff, 0xee, 0x01}; }
    return proposals;
}

Proposals joined(Proposals first, const Proposals& second) {
    for (const Proposal& one : second) { first.push_back(one); }
    std::uint8_t number = 0;
    for (Proposal& one : first) { one.number = ++number; }
    return first;
}

// RFC 9370 2.2.1: of each type one, absent is none, and no method twice.
TEST(ChooseProposal, AdditionalKeyExchangesAreChosenWithoutTakingOneTwice) {
    struct Case {
        std::string_view ours, theirs, chosen;  // behind the suite
    };
    for (const auto& [ours, theirs, wanted] :
         std::vector<Case>{{"-ke1_ecp384-ke2_x448", "-ke1_x448-ke1_ecp384-ke2_x448-ke2_ecp384",
                            "/KE1_ECP_384/KE2_CURVE_448"},
                           // The first wish of type 1 would leave nothing to type 2.
                           {"-ke1_ecp384-ke1_x448-ke2_ecp384", "-ke1_ecp384-ke1_x448-ke2_ecp384",
                            "/KE1_CURVE_448/KE2_ECP_384"},
                           {"", "-ke3_ecp384-ke3_none", ""},
                           {"-ke3_ecp384-ke3_none", "", ""},
                           {"-ke1_none-ke2_none", "-ke1_none-ke2_none", ""},
                           {"-ke1_ecp384", "", "no"},
                           {"", "-ke1_ecp384", "no"},
                           {"-ke1_ecp384-ke2_ecp384", "-ke1_ecp384-ke2_ecp384", "no"}}) {
        const std::string suite = "aes256gcm16-prfsha384-x25519";
        const auto chosen = choose(parse(ProtocolId::ike, suite + std::string{ours}),
                                   parse(ProtocolId::ike, suite + std::string{theirs}), "gw", true);
        EXPECT_EQ(chosen.has_value(), wanted != "no") << ours << " with " << theirs;
        if (!chosen) { continue; }
        EXPECT_EQ(to_string(chosen->ike.additional), wanted) << ours << " with " << theirs;
        EXPECT_TRUE(check_answer(parse(ProtocolId::ike, suite + std::string{theirs}),
                                 {chosen->proposal}, true));
    }
}

TEST(ChooseProposal, AnAnswerWithOneAdditionalKeyExchangeTwiceIsRefused) {
    const Proposals ours =
        parse(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke1_x448-ke2_ecp384");
    EXPECT_TRUE(check_answer(
        ours, parse(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_x448-ke2_ecp384"), true));
    EXPECT_FALSE(check_answer(
        ours, parse(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_ecp384"), true));
}

TEST(ChooseProposal, AhIsChosenWithItsIntegrityAlone) {
    const auto chosen = choose(parse(ProtocolId::ah, "sha512-sha256-esn"),
                               offered(ProtocolId::ah, "sha256-noesn-esn, sha1"), "gw", false);
    ASSERT_TRUE(chosen) << explain(chosen.error());
    EXPECT_EQ(chosen->ipsec, (IpsecSuite{.protocol = IpsecProtocol::ah,
                                         .integrity = IntegrityAlgorithm::hmac_sha2_256_128,
                                         .esn = true}));
    EXPECT_EQ(chosen->proposal.number, 1);
    EXPECT_EQ(chosen->proposal.protocol, ProtocolId::ah);
    EXPECT_EQ(chosen->proposal.transforms.size(), 2U);
}

TEST(ChooseProposal, GmacIsACipherInEspAndIntegrityInAh) {
    const auto esp = choose(parse(ProtocolId::esp, "aes256gmac"),
                            offered(ProtocolId::esp, "aes256gmac"), "gw", false);
    ASSERT_TRUE(esp) << explain(esp.error());
    EXPECT_EQ(esp->ipsec.encryption, EncryptionAlgorithm::null_auth_aes_gmac);
    EXPECT_EQ(esp->ipsec.key_bits, 256);
    EXPECT_EQ(esp->ipsec.integrity, IntegrityAlgorithm::none);
    const auto ah = choose(parse(ProtocolId::ah, "aes256gmac"),
                           offered(ProtocolId::ah, "aes256gmac"), "gw", false);
    ASSERT_TRUE(ah) << explain(ah.error());
    EXPECT_EQ(ah->ipsec.encryption, EncryptionAlgorithm::none);
    EXPECT_EQ(ah->ipsec.integrity, IntegrityAlgorithm::aes256_gmac);
}

TEST(ChooseProposal, OurOrderDecidesBetweenEspAndAh) {
    const Proposals both =
        joined(offered(ProtocolId::ah, "sha256"), offered(ProtocolId::esp, "aes256gcm16"));
    const auto esp_first =
        choose(joined(parse(ProtocolId::esp, "aes256gcm16"), parse(ProtocolId::ah, "sha256")), both,
               "gw", false);
    ASSERT_TRUE(esp_first);
    EXPECT_EQ(esp_first->ipsec.protocol, IpsecProtocol::esp);
    EXPECT_EQ(esp_first->proposal.number, 2);
    const auto ah_only = choose(parse(ProtocolId::ah, "sha256"), both, "gw", false);
    ASSERT_TRUE(ah_only);
    EXPECT_EQ(ah_only->ipsec.protocol, IpsecProtocol::ah);
}

TEST(ChooseProposal, AnotherProtocolIsSaid) {
    const auto chosen = choose(parse(ProtocolId::ah, "sha256"),
                               offered(ProtocolId::esp, "aes128-sha256"), "gw.children.net", false);
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().notify, wire::NotifyType::no_proposal_chosen);
    EXPECT_NE(chosen.error().remedy.find("the peer offers ESP where we have AH"), std::string::npos)
        << chosen.error().remedy;
}

TEST(ChooseProposal, AMismatchNamesTheSettingAndTheDifference) {
    const auto chosen = choose(parse(ProtocolId::ah, "sha256"), offered(ProtocolId::ah, "sha384"),
                               "gw.children.net", false);
    ASSERT_FALSE(chosen);
    const std::string& remedy = chosen.error().remedy;
    EXPECT_NE(remedy.find("add sha384 to connections.gw.children.net.ah_proposals"),
              std::string::npos)
        << remedy;
    EXPECT_NE(remedy.find("integrity: ours sha256, the peer's sha384"), std::string::npos)
        << remedy;
    EXPECT_EQ(chosen.error().wanted, "one of sha256");
    EXPECT_EQ(chosen.error().received, "sha384");
}

TEST(ChooseProposal, GivingInToAWeakAlgorithmIsCalledThat) {
    const auto chosen = choose(parse(ProtocolId::esp, "aes256gcm16"),
                               offered(ProtocolId::esp, "3des-sha1"), "gw", false);
    ASSERT_FALSE(chosen);
    EXPECT_NE(chosen.error().remedy.find("weak"), std::string::npos) << chosen.error().remedy;
}

TEST(ChooseProposal, SequenceNumbersMustFit) {
    const auto chosen = choose(parse(ProtocolId::esp, "aes256gcm16-esn"),
                               offered(ProtocolId::esp, "aes256gcm16-noesn"), "gw", false);
    ASSERT_FALSE(chosen);
    EXPECT_NE(chosen.error().remedy.find("extended sequence numbers"), std::string::npos)
        << chosen.error().remedy;
    // Absent, it means 32-bit numbers (RFC 7296 3.3.3), and stays absent.
    Proposals bare = offered(ProtocolId::esp, "aes256gcm16");
    std::erase_if(bare.front().transforms,
                  [](const Transform& t) { return t.type == TransformType::esn; });
    const auto plain = choose(parse(ProtocolId::esp, "aes256gcm16-esn-noesn"), bare, "gw", false);
    ASSERT_TRUE(plain) << explain(plain.error());
    EXPECT_FALSE(plain->ipsec.esn);
    EXPECT_EQ(plain->proposal.transforms.size(), 1U);
}

TEST(ChooseProposal, AKeyLengthThatIsNotOursIsAnotherTransform) {
    EXPECT_FALSE(choose(parse(ProtocolId::esp, "aes256ccm16"),
                        offered(ProtocolId::esp, "aes128ccm16"), "gw", false));
    EXPECT_FALSE(choose(parse(ProtocolId::esp, "aes256ccm16"),
                        offered(ProtocolId::esp, "aes256ccm12"), "gw", false));
}

// RFC 7296 3.3.6: a transform type that we do not understand makes a proposal unacceptable; so does
// encryption in AH.
TEST(ChooseProposal, EncryptionInAhIsNotUnderstood) {
    Proposals odd = offered(ProtocolId::ah, "sha256");
    odd.front().transforms.push_back({.type = TransformType::encr,
                                      .id = std::to_underlying(EncryptionAlgorithm::aes_cbc),
                                      .key_bits = 128});
    EXPECT_FALSE(choose(parse(ProtocolId::ah, "sha256"), odd, "gw", false));
}

TEST(ChooseProposal, AnSpiOfAnotherSizeIsRefused) {
    Proposals odd = offered(ProtocolId::ah, "sha256");
    odd.front().spi.push_back(0);
    const auto chosen = choose(parse(ProtocolId::ah, "sha256"), odd, "gw", false);
    ASSERT_FALSE(chosen);
    EXPECT_NE(chosen.error().remedy.find("5 octets"), std::string::npos) << chosen.error().remedy;
}

TEST(CheckAnswer, MustBeOneOfOurs) {
    const Proposals ours = parse(ProtocolId::ah, "sha256-sha384");
    Proposals answer = offered(ProtocolId::ah, "sha384");
    const auto good = check_answer(ours, answer, false);
    ASSERT_TRUE(good) << explain(good.error());
    EXPECT_EQ(good->ipsec.integrity, IntegrityAlgorithm::hmac_sha2_384_192);
    EXPECT_FALSE(check_answer(ours, offered(ProtocolId::ah, "sha512"), false));
    EXPECT_FALSE(check_answer(ours, offered(ProtocolId::ah, "sha256-sha384"), false));
    EXPECT_FALSE(check_answer(ours, offered(ProtocolId::ah, "sha256, sha384"), false));
    EXPECT_FALSE(check_answer(ours, offered(ProtocolId::esp, "null-sha256"), false));
}

}  // namespace
}  // namespace culvert::ike
