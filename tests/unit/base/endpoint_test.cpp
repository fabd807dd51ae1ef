#include <unordered_set>

#include <gtest/gtest.h>

#include "base/ip.hpp"

namespace culvert {
namespace {

TEST(Endpoint, ParsesBothFamilies) {
    const auto v4 = Endpoint::parse("10.0.0.1:500");
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->address, IpAddress::v4(0x0a000001));
    EXPECT_EQ(v4->port, 500);
    const auto v6 = Endpoint::parse("[fd00::1]:4500");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->address.to_string(), "fd00::1");
    EXPECT_EQ(v6->port, 4500);
    EXPECT_EQ(Endpoint::parse("fd00::1:500")->port, 0);  // an address, and nothing else
    EXPECT_EQ(Endpoint::parse("10.0.0.1")->port, 0);
    EXPECT_EQ(Endpoint::parse("10.0.0.1:65535")->port, 65535);
    EXPECT_EQ(Endpoint::parse("10.0.0.1:0")->port, 0);
}

TEST(Endpoint, RefusesWhatIsNone) {
    for (const char* const text :
         {"", ":", ":500", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:+1",
          "10.0.0.1: 1", "10.0.0.1:1 ", "10.0.0.1:0x1", "[10.0.0.1]:500", "[fd00::1]", "[]:500",
          "[fd00::1:500", "fd00::1]:500", "[fd00::1]500", "10.0.0.1:500:1", "host:500",
          "10.0.0.1:99999999999999999999"}) {
        EXPECT_FALSE(Endpoint::parse(text)) << text;
    }
}

TEST(Endpoint, IsWrittenAsIpsecDaemonsDo) {
    EXPECT_EQ(Endpoint::parse("10.0.0.1:500")->to_string(), "10.0.0.1[500]");
    EXPECT_EQ(Endpoint::parse("[fd00::1]:4500")->to_string(), "fd00::1[4500]");
}

TEST(Endpoint, HashesByAddressAndPort) {
    std::unordered_set<Endpoint> some;
    for (std::uint16_t port = 0; port < 100; ++port) {
        some.insert({IpAddress::v4(1), port});
        some.insert({IpAddress::v4(2), port});
        some.insert({IpAddress::v4(1), port});
    }
    EXPECT_EQ(some.size(), 200U);
}

}  // namespace
}  // namespace culvert
