#include "ike/v2/shared_secrets.hpp"

#include <gtest/gtest.h>

namespace culvert::ike::v2 {
namespace {

Identity id(std::string_view text) { return Identity::parse(text).value_or(Identity{}); }

struct Fixture : testing::Test {
    void add(std::string name, const std::vector<std::string_view>& owners) {
        SharedSecret secret;
        secret.name = std::move(name);
        for (const auto owner : owners) { secret.owners.push_back(id(owner)); }
        secrets.push_back(std::move(secret));
    }
    std::string find(std::string_view local, std::string_view remote) const {
        const SharedSecret* const found = find_secret(secrets, id(local), id(remote));
        return found == nullptr ? "none" : found->name;
    }
    std::vector<SharedSecret> secrets;
};

using SharedSecrets = Fixture;

TEST_F(SharedSecrets, ThePairIsBest) {
    add("anybody", {});
    add("moon-sun", {"moon.example.org", "sun.example.org"});
    add("moon-mars", {"moon.example.org", "mars.example.org"});
    EXPECT_EQ(find("moon.example.org", "mars.example.org"), "moon-mars");
    EXPECT_EQ(find("moon.example.org", "sun.example.org"), "moon-sun");
    EXPECT_EQ(find("venus.example.org", "pluto.example.org"), "anybody");
}

// A gateway's own name stands in the secrets of all its peers: it must not outweigh the peer's.
TEST_F(SharedSecrets, ThePeersNameOutweighsOurs) {
    add("moon-sun", {"moon.example.org", "sun.example.org"});
    add("mars-alone", {"mars.example.org"});
    EXPECT_EQ(find("moon.example.org", "mars.example.org"), "mars-alone");
}

TEST_F(SharedSecrets, AnAddressIsAnIdentity) {
    add("by-address", {"10.0.0.2"});
    add("by-name", {"sun.example.org"});
    EXPECT_EQ(find("10.0.0.1", "10.0.0.2"), "by-address");
    EXPECT_EQ(find("10.0.0.1", "sun.example.org"), "by-name");
}

TEST_F(SharedSecrets, ExactComesBeforePattern) {
    add("all-of-them", {"*.example.org"});
    add("sun", {"sun.example.org"});
    EXPECT_EQ(find("moon.example.org", "sun.example.org"), "sun");
    EXPECT_EQ(find("moon.test", "mars.example.org"), "all-of-them");
}

TEST_F(SharedSecrets, NobodysSecretIsNone) {
    EXPECT_EQ(find("moon.test", "mars.test"), "none");
    add("sun", {"sun.example.org"});
    EXPECT_EQ(find("moon.test", "mars.test"), "none");
}

}  // namespace
}  // namespace culvert::ike::v2
