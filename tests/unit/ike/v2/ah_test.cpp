// AH as the protocol of a Child SA (RFC 4302, RFC 7296 3.3.1): agreed on, refused, and impossible
// behind a NAT.

#include <gtest/gtest.h>

#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

Config with_ah(unsigned self, unsigned other, std::string_view proposals) {
    Config config = gateway_config(self, other);
    config.connections[0].children[0].proposals =
        parse_proposals(ProtocolId::ah, proposals).value();
    return config;
}

TEST(Ah, IsInstalledAsAgreedOn) {
    EnginePair pair(with_ah(1, 2, "sha512-esn"), with_ah(2, 1, "sha256-noesn,sha512-esn"));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    for (const Side* side : {&pair.one, &pair.two}) {
        const auto installed = side->all<InstallChild>();
        ASSERT_EQ(installed.size(), 1U);
        const IpsecSuite& suite = installed[0]->sa.suite;
        EXPECT_EQ(suite.protocol, IpsecProtocol::ah);
        EXPECT_EQ(suite.encryption, crypto::EncryptionAlgorithm::none);
        EXPECT_EQ(suite.integrity, crypto::IntegrityAlgorithm::hmac_sha2_512_256);
        EXPECT_TRUE(suite.esn);
    }
}

TEST(Ah, RefusedByThePeerNamesTheKeywordOfAh) {
    EnginePair pair(with_ah(1, 2, "sha256"), gateway_config(2, 1));
    const Status status = pair.up(pair.one);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::no_proposal_chosen);
    EXPECT_NE(status.error().remedy.find("connections.gw.children.net.ah_proposals"),
              std::string::npos)
        << explain(status.error());
}

// RFC 3715 2.1 (a).
TEST(Ah, IsNotOfferedWhereANatIsAndSaysWhy) {
    Config config = with_ah(1, 2, "sha256");
    config.connections[0].encap = true;  // as a NAT would look
    EnginePair pair(std::move(config), with_ah(2, 1, "sha256"));
    const Status status = pair.up(pair.one);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::no_proposal_chosen);
    EXPECT_NE(status.error().received.find("NAT"), std::string::npos) << explain(status.error());
    EXPECT_TRUE(pair.one.all<InstallChild>().empty());
    EXPECT_TRUE(pair.two.all<InstallChild>().empty());
}

TEST(Ah, BesideEspIsLeftOutWhereANatIs) {
    const auto both = [](unsigned self, unsigned other) {
        Config config = gateway_config(self, other);
        config.connections[0].encap = true;
        Proposals& proposals = config.connections[0].children[0].proposals;
        proposals.insert(proposals.begin(), parse_proposals(ProtocolId::ah, "sha256").value()[0]);
        std::uint8_t number = 0;
        for (Proposal& proposal : proposals) { proposal.number = ++number; }
        return config;
    };
    EnginePair pair(both(1, 2), both(2, 1));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    ASSERT_EQ(pair.two.all<InstallChild>().size(), 1U);
    EXPECT_EQ(pair.two.all<InstallChild>()[0]->sa.suite.protocol, IpsecProtocol::esp);
}

}  // namespace
}  // namespace culvert::ike::v2
