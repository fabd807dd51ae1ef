// A Child SA for each processor (RFC 9611): how many there come to be, and which packets are for
// which.

#include <set>

#include <gtest/gtest.h>

#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

Config with_resources(unsigned self, unsigned other, unsigned count) {
    Config config = gateway_config(self, other);
    config.connections[0].children[0].per_cpu_sas = true;
    config.settings.resources = count;
    return config;
}

std::vector<ChildSaStatus> standing(const Side& side, Instant now) {
    std::vector<ChildSaStatus> out;
    for (const IkeSaStatus& ike : const_cast<Side&>(side).engine().status(now)) {
        for (const ChildSaStatus& child : ike.children) {
            if (child.state == ChildState::installed) { out.push_back(child); }
        }
    }
    return out;
}

// Each once, counted from 0, and with an SPI whose packets arrive there.
void expect_all(const Side& side, unsigned count, unsigned workers, Instant now) {
    std::set<unsigned> seen;
    for (const ChildSaStatus& child : standing(side, now)) {
        ASSERT_TRUE(child.resource);
        seen.insert(*child.resource);
        EXPECT_EQ((child.inbound_spi.value() & 0xffU) % workers, *child.resource % workers);
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_EQ(*seen.rbegin(), count - 1);
    EXPECT_EQ(standing(side, now).size(), count);
}

TEST(PerCpuSas, ThereIsOneForEachOfTheInitiatorsWorkers) {
    EnginePair pair(with_resources(1, 2, 3), with_resources(2, 1, 2));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    expect_all(pair.one, 3, 3, pair.now);
    expect_all(pair.two, 3, 2, pair.now);
    EXPECT_EQ(pair.one.errors() + pair.two.errors(), "");
    for (const InstallChild* installed : pair.one.all<InstallChild>()) {
        EXPECT_TRUE(installed->sa.resource);
    }
}

TEST(PerCpuSas, ThereIsOneWhereThePeerKnowsNothingOfIt) {
    EnginePair pair(with_resources(1, 2, 3), gateway_config(2, 1));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    ASSERT_EQ(standing(pair.one, pair.now).size(), 1U);
    EXPECT_FALSE(standing(pair.one, pair.now)[0].resource);
    EXPECT_FALSE(standing(pair.two, pair.now)[0].resource);
}

TEST(PerCpuSas, AnAskingPeerGetsNoMoreThanOneWhereItIsNotConfigured) {
    EnginePair pair(gateway_config(1, 2), with_resources(2, 1, 3));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    ASSERT_EQ(standing(pair.two, pair.now).size(), 1U);
    EXPECT_FALSE(standing(pair.two, pair.now)[0].resource);
}

TEST(PerCpuSas, AreBoundedByWhoAnswersAndThatIsNoFailure) {
    EnginePair pair(with_resources(1, 2, 40), with_resources(2, 1, 2));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    expect_all(pair.one, 16, 40, pair.now);
    expect_all(pair.two, 16, 2, pair.now);
    EXPECT_EQ(pair.one.errors(), "");
    EXPECT_NE(pair.two.errors().find("SA_RESOURCE_INFO"), std::string::npos);
}

TEST(PerCpuSas, KeepTheirPlacesWhenTheyAreRekeyed) {
    EnginePair pair(with_resources(1, 2, 2), with_resources(2, 1, 2));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    for (Side* side : {&pair.one, &pair.two}) {
        std::set<EspSpi> before;
        for (const auto& child : standing(*side, pair.now)) { before.insert(child.inbound_spi); }
        pair.feed(*side, Rekey{.id = CommandId{100}, .child = "net"});
        expect_all(pair.one, 2, 2, pair.now);
        expect_all(pair.two, 2, 2, pair.now);
        for (const auto& child : standing(*side, pair.now)) {
            EXPECT_FALSE(before.contains(child.inbound_spi));
        }
    }
}

TEST(PerCpuSas, GoTogether) {
    EnginePair pair(with_resources(1, 2, 3), with_resources(2, 1, 3));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.feed(pair.one, Terminate{.id = CommandId{100}, .child = "net"});
    EXPECT_TRUE(standing(pair.one, pair.now).empty());
    EXPECT_TRUE(standing(pair.two, pair.now).empty());
    // And come again.
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    expect_all(pair.one, 3, 3, pair.now);
    expect_all(pair.two, 3, 3, pair.now);
}

}  // namespace
}  // namespace culvert::ike::v2
