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

// AH and UDP between the hosts of transport mode come in fragments too; those of the kernel that
// nft runs in show neither ports nor, of AH over IPv6, a protocol.
TEST(FilterRules, LaterFragmentsToOurselvesPassBeforeAnyPolicy) {
    const std::string text =
        filter_policies(settings, {entry(PolicyAction::protect, "192.0.2.1", "192.0.2.2", 1)});
    const auto drop = text.find("counter name clear_dropped drop");
    for (const char* rule : {"ip frag-off & 0x1fff != 0 fib daddr type local meta mark set",
                             "frag frag-off != 0 fib daddr type local meta mark set"}) {
        const auto at = text.find(rule);
        ASSERT_NE(at, std::string::npos) << text;
        EXPECT_LT(at, drop);
    }
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
