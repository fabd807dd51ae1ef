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

std::string filter_policies(const FilterSettings& s, const std::vector<ipsec::SpdEntry>& entries) {
    return filter_change(s, {}, plan_filter(s, entries));
}

// Tunnels to hosts of their own; `skip` is not among them.
std::vector<ipsec::SpdEntry> many(unsigned count, unsigned skip = 0) {
    std::vector<ipsec::SpdEntry> out;
    for (unsigned i = 1; i <= count; ++i) {
        if (i == skip) { continue; }
        out.push_back(
            entry(PolicyAction::protect, "10.1.0.0/16",
                  ("10.2." + std::to_string(i / 256) + "." + std::to_string(i % 256)).c_str(), 7));
    }
    return out;
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

TEST(FilterRules, ManyTunnelsAreOneRule) {
    const FilterPlan plan = plan_filter(settings, many(500));
    EXPECT_EQ(plan.rules.size(), plan_filter(settings, {}).rules.size() + 1);
    EXPECT_EQ(plan.rules.back(),
              "ip saddr . ip daddr @protected_0 counter name clear_dropped drop");
    ASSERT_EQ(plan.sets.size(), 1U);
    EXPECT_EQ(plan.sets.begin()->second.size(), 500U);
    const FilterPlan plain = plan_filter(settings, many(500), false);
    EXPECT_EQ(plain.rules.size(), plan_filter(settings, {}).rules.size() + 500);
    EXPECT_TRUE(plain.sets.empty());
}

TEST(FilterRules, OneTunnelMoreIsOneElementMore) {
    const FilterPlan fewer = plan_filter(settings, many(500, 300));
    const FilterPlan more = plan_filter(settings, many(500));
    EXPECT_EQ(filter_change(settings, fewer, more),
              "add element inet culvert protected_0 { 10.2.1.44 . 10.1.0.0/16, }\n");
    EXPECT_EQ(filter_change(settings, more, fewer),
              "delete element inet culvert protected_0 { 10.2.1.44 . 10.1.0.0/16, }\n");
    EXPECT_EQ(filter_change(settings, more, more), "");
}

// What another program took away or changed: nothing of it is built upon.
TEST(FilterRules, TheWholeIsTheTableAnewAndThePlanInIt) {
    const FilterPlan plan = plan_filter(settings, many(500));
    const std::string whole = filter_whole(settings, plan);
    EXPECT_TRUE(
        whole.starts_with("add table inet culvert\ndelete table inet culvert\n"
                          "add table inet culvert\n"));
    EXPECT_TRUE(whole.ends_with(filter_change(settings, {}, plan)));
    EXPECT_NE(whole.find("add set inet culvert protected_0 "), std::string::npos);
    EXPECT_EQ(whole.find("delete set"), std::string::npos);
}

// Sets of the kernel refuse what overlaps.
TEST(FilterRules, WhatOverlapsIsInNoSet) {
    auto entries = many(500);
    entries.push_back(entry(PolicyAction::protect, "10.1.0.0/16", "10.2.1.0/28", 7));
    entries.push_back(entry(PolicyAction::protect, "10.1.7.0/24", "10.2.0.9", 7));
    entries.push_back(entry(PolicyAction::protect, "10.5.0.0/24", "10.2.0.10", 7));  // does not
    const FilterPlan plan = plan_filter(settings, entries);
    // 16 addresses beside their subnet, and two policies for one host.
    EXPECT_EQ(plan.sets.at("protected_0").size(), 500U - 16 - 1 + 1);
    EXPECT_EQ(plan.rules.size(), plan_filter(settings, {}).rules.size() + 1 + 16 + 1 + 2);
}

TEST(FilterRules, ABypassStaysBeforeAndBehindTheSets) {
    auto entries = many(500);
    for (auto& later : many(100)) {
        later.local = {TrafficSelector::parse("10.3.0.0/16").value()};
        later.priority = 9;
        entries.push_back(later);
    }
    entries.push_back(entry(PolicyAction::bypass, "10.0.0.0/8", "10.2.0.0/24", 8));
    const FilterPlan plan = plan_filter(settings, entries);
    const auto standing = plan_filter(settings, {}).rules.size();
    ASSERT_EQ(plan.rules.size(), standing + 3);
    EXPECT_NE(plan.rules[standing].find("@protected_0"), std::string::npos);
    EXPECT_NE(plan.rules[standing + 1].find("accept"), std::string::npos);
    EXPECT_NE(plan.rules[standing + 2].find("@protected_1"), std::string::npos);
    EXPECT_EQ(plan.sets.at("protected_1").size(), 100U);
}

TEST(FilterRules, EachTunHasATableOfItsOwn) {
    EXPECT_EQ(filter_table_name("culvert0"), "culvert");
    EXPECT_EQ(filter_table_name("a-b.c"), "culvert_a_b_c");
}

}  // namespace
}  // namespace culvert::plane
