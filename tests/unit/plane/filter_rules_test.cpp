#include "plane/user/filter_rules.hpp"

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

const FilterSettings settings{.table = "culvert", .tun = "culvert0", .mark = 0x430000};

ipsec::SpdEntry entry(PolicyAction action, const char* local, const char* remote,
                      std::uint32_t priority) {
    return {.action = action,
            .local = {TrafficSelector::parse(local).value()},
            .remote = {TrafficSelector::parse(remote).value()},
            .priority = priority};
}

// RFC 4301 5.2; abuse I-02. What nft makes of the text is seen in tests/interop/plane.
TEST(FilterRules, AProtectPolicyDropsWhatArrivesInClear) {
    const std::string text =
        filter_policies(settings, {entry(PolicyAction::protect, "10.1.0.0/16", "10.2.0.0/16", 1)});
    EXPECT_NE(
        text.find("ip saddr 10.2.0.0/16 ip daddr 10.1.0.0/16 counter name clear_dropped drop"),
        std::string::npos)
        << text;
}

TEST(FilterRules, TheOrderIsThatOfThePriorities) {
    const std::string text =
        filter_policies(settings, {entry(PolicyAction::protect, "10.1.0.0/16", "10.2.0.0/16", 9),
                                   entry(PolicyAction::bypass, "10.1.0.0/16", "10.2.3.4", 5)});
    const auto bypass = text.find("ip saddr 10.2.3.4 ip daddr 10.1.0.0/16 accept");
    const auto protect = text.find("counter name clear_dropped drop");
    ASSERT_NE(bypass, std::string::npos) << text;
    ASSERT_NE(protect, std::string::npos);
    EXPECT_LT(bypass, protect);
}

TEST(FilterRules, PortsAndTypesAreOfTheArrivingPacket) {
    const std::string text = filter_policies(
        settings, {entry(PolicyAction::protect, "10.1.0.0/16[tcp/22]", "10.2.0.0/16[tcp]", 1)});
    EXPECT_NE(text.find("meta l4proto 6 th dport 22 counter"), std::string::npos) << text;
    const std::string icmp =
        filter_policies(settings, {entry(PolicyAction::discard, "fd01::/64[ipv6-icmp/32768-33023]",
                                         "fd02::/64[ipv6-icmp/32768-33023]", 1)});
    EXPECT_NE(icmp.find("meta l4proto 58 icmpv6 type 128 counter name clear_discarded drop"),
              std::string::npos)
        << icmp;
}

TEST(FilterRules, AnOutboundOnlyEntryDropsNothing) {
    auto only_out = entry(PolicyAction::discard, "10.1.0.0/16", "10.2.0.0/16", 1);
    only_out.direction = ipsec::SpdDirection::outbound;
    EXPECT_EQ(filter_policies(settings, {only_out}).find("clear_discarded"), std::string::npos);
}

TEST(FilterRules, SelectorsOfTwoFamiliesMeetNoPacket) {
    EXPECT_EQ(filter_policies(settings, {entry(PolicyAction::protect, "10.1.0.0/16", "::/0", 1)})
                  .find("clear_dropped"),
              std::string::npos);
}

TEST(FilterRules, EachTunHasATableOfItsOwn) {
    EXPECT_EQ(filter_table_name("culvert0"), "culvert");
    EXPECT_EQ(filter_table_name("a-b.c"), "culvert_a_b_c");
}

}  // namespace
}  // namespace culvert::plane
