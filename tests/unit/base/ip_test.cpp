#include "base/ip.hpp"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

namespace culvert {
namespace {

IpAddress ip(std::string_view text) {
    const auto out = IpAddress::parse(text);
    EXPECT_TRUE(out) << text;
    return out.value_or(IpAddress{});
}

IpRange range(std::string_view text) {
    const auto out = IpRange::parse(text);
    EXPECT_TRUE(out) << text;
    return out.value_or(IpRange{});
}

TEST(IpAddress, ParsesAndWrites) {
    for (const char* const text :
         {"0.0.0.0", "255.255.255.255", "10.1.2.3", "::", "::1", "fe80::1",
          "2001:db8::ff00:42:8329", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:10.0.0.1"}) {
        EXPECT_EQ(ip(text).to_string(), text);
    }
    EXPECT_EQ(ip("2001:DB8:0:0:0:0:0:1").to_string(), "2001:db8::1");
    EXPECT_TRUE(ip("::ffff:10.0.0.1").is_v6());
}

TEST(IpAddress, RefusesWhatIsNone) {
    using namespace std::string_view_literals;
    for (const auto text :
         {""sv, "1.2.3"sv, "1.2.3.4.5"sv, "256.0.0.1"sv, "1.2.3.-4"sv, " 1.2.3.4"sv, "1.2.3.4 "sv,
          "1.2.3.4\0"sv, "1.2.3.4\0x"sv, "0x1.2.3.4"sv, ":::"sv, "1::2::3"sv, "fe80::1%eth0"sv,
          "12345::"sv, "1:2:3:4:5:6:7:8:9"sv, "host"sv}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(IpAddress, ComesFromFourOrSixteenOctets) {
    for (std::size_t size = 0; size < 20; ++size) {
        const auto address = IpAddress::from_octets(Bytes(size, 1));
        ASSERT_EQ(address.has_value(), size == 4 || size == 16) << size;
        if (address) { EXPECT_EQ(address->octets().size(), size); }
    }
    EXPECT_EQ(IpAddress::v4(0x01020304).to_string(), "1.2.3.4");
    EXPECT_EQ(ip("1.2.3.4").v4_host_order(), 0x01020304U);
}

TEST(IpAddress, KnowsItsKind) {
    EXPECT_TRUE(ip("0.0.0.0").is_any() && ip("::").is_any());
    EXPECT_FALSE(ip("0.0.0.1").is_any() || ip("::1").is_any());
    EXPECT_TRUE(ip("127.0.0.1").is_loopback() && ip("127.255.0.9").is_loopback());
    EXPECT_TRUE(ip("::1").is_loopback());
    EXPECT_FALSE(ip("::2").is_loopback() || ip("1::1").is_loopback() || ip("::").is_loopback());
    EXPECT_TRUE(ip("169.254.0.1").is_link_local() && ip("fe80::1").is_link_local());
    EXPECT_TRUE(ip("febf::1").is_link_local());
    EXPECT_FALSE(ip("fec0::1").is_link_local() || ip("169.253.0.1").is_link_local());
    EXPECT_TRUE(ip("224.0.0.1").is_multicast() && ip("239.255.255.255").is_multicast());
    EXPECT_TRUE(ip("ff02::1").is_multicast());
    EXPECT_FALSE(ip("223.255.255.255").is_multicast() || ip("240.0.0.0").is_multicast());
    EXPECT_FALSE(ip("fe00::").is_multicast());
}

TEST(IpAddress, IsOrderedByFamilyThenValue) {
    EXPECT_LT(ip("255.255.255.255"), ip("::"));
    EXPECT_LT(ip("1.2.3.4"), ip("1.2.4.3"));
    EXPECT_LT(ip("::1"), ip("1::"));
    // Never equal, though the octets that count are.
    EXPECT_NE(ip("0.0.0.0"), ip("::"));
    const std::unordered_set<IpAddress> some{ip("1.2.3.4"), ip("1.2.3.4"), ip("::1")};
    EXPECT_EQ(some.size(), 2U);
}

TEST(IpAddress, NextAndPreviousCarryAndEnd) {
    EXPECT_EQ(ip("10.0.0.255").next(), ip("10.0.1.0"));
    EXPECT_EQ(ip("10.0.1.0").previous(), ip("10.0.0.255"));
    EXPECT_EQ(ip("::ffff:ffff").next(), ip("::1:0:0"));
    EXPECT_FALSE(ip("255.255.255.255").next());
    EXPECT_FALSE(ip("0.0.0.0").previous());
    EXPECT_FALSE(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").next());
    EXPECT_FALSE(ip("::").previous());
}

TEST(IpRange, ParsesRangesSubnetsAndAddresses) {
    EXPECT_EQ(range("10.0.0.1-10.0.0.9").to_string(), "10.0.0.1-10.0.0.9");
    EXPECT_EQ(range("10.0.0.0-10.0.0.255").to_string(), "10.0.0.0/24");
    EXPECT_EQ(range("10.0.0.77/24").to_string(), "10.0.0.0/24");
    EXPECT_EQ(range("10.0.0.7").to_string(), "10.0.0.7");
    EXPECT_EQ(range("10.0.0.7-10.0.0.7").to_string(), "10.0.0.7");
    EXPECT_EQ(range("fd00::/64").last, ip("fd00::ffff:ffff:ffff:ffff"));
    for (const char* const text :
         {"", "-", "10.0.0.1-", "-10.0.0.1", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/33",
          "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+1", "10.0.0.0/24 ", "10.0.0.0/24/8",
          "10.0.0.1-10.0.0.2-10.0.0.3", "/24", "10.0.0.0/24-10.0.1.0/24"}) {
        EXPECT_FALSE(IpRange::parse(text)) << text;
    }
}

TEST(IpRange, ContainsAndIntersects) {
    const IpRange net = range("10.0.0.0/24");
    EXPECT_TRUE(net.contains(ip("10.0.0.0")) && net.contains(ip("10.0.0.255")));
    EXPECT_FALSE(net.contains(ip("10.0.1.0")) || net.contains(ip("9.255.255.255")));
    EXPECT_FALSE(net.contains(ip("::a00:1")));
    EXPECT_TRUE(net.contains(range("10.0.0.5-10.0.0.9")) && net.contains(net));
    EXPECT_FALSE(net.contains(range("10.0.0.5-10.0.1.0")));
    EXPECT_EQ(net.intersect(range("10.0.0.250-10.0.1.9")), range("10.0.0.250-10.0.0.255"));
    EXPECT_EQ(net.intersect(range("10.0.0.255-10.0.0.255")), range("10.0.0.255"));
    EXPECT_FALSE(net.intersect(range("10.0.1.0/24")));
    EXPECT_FALSE(net.intersect(range("::/0")));
    EXPECT_FALSE(IpRange::everything(IpFamily::v6).contains(ip("1.2.3.4")));
    EXPECT_EQ(IpRange::everything(IpFamily::v4).to_string(), "0.0.0.0/0");
    EXPECT_EQ(IpRange::everything(IpFamily::v6).to_string(), "::/0");
}

TEST(IpRange, PrefixOnlyOfOneWholeSubnet) {
    for (unsigned length = 0; length <= 32; ++length) {
        EXPECT_EQ((IpSubnet{ip("10.170.85.170"), length}.range().prefix()), length);
    }
    for (unsigned length = 0; length <= 128; ++length) {
        EXPECT_EQ((IpSubnet{ip("fd00:aaaa:5555::1"), length}.range().prefix()), length);
    }
    EXPECT_FALSE(range("10.0.0.0-10.0.0.254").prefix());
    EXPECT_FALSE(range("10.0.0.1-10.0.0.255").prefix());
    EXPECT_FALSE(range("10.0.0.1-10.0.0.2").prefix());
}

TEST(IpSubnet, KeepsHostBitsOfAnInterface) {
    const auto subnet = IpSubnet::parse("10.1.0.5/24");
    ASSERT_TRUE(subnet);
    EXPECT_EQ(subnet->to_string(), "10.1.0.5/24");
    EXPECT_EQ(subnet->network(), ip("10.1.0.0"));
    EXPECT_TRUE(subnet->contains(ip("10.1.0.255")));
    EXPECT_EQ(IpSubnet::parse("::1")->prefix, 128U);
}

}  // namespace
}  // namespace culvert
