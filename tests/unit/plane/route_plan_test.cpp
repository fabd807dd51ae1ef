#include "plane/user/route_plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

TrafficSelectors selectors(std::initializer_list<const char*> texts) {
    TrafficSelectors out;
    for (const char* text : texts) { out.push_back(TrafficSelector::parse(text).value()); }
    return out;
}

std::vector<IpAddress> addresses(std::initializer_list<const char*> texts) {
    std::vector<IpAddress> out;
    for (const char* text : texts) { out.push_back(IpAddress::parse(text).value()); }
    return out;
}

const Route* find(const std::vector<Route>& routes, const char* subnet, RouteKind kind) {
    const auto at = std::ranges::find_if(routes, [&](const Route& route) {
        return route.destination.to_string() == subnet && route.kind == kind;
    });
    return at == routes.end() ? nullptr : &*at;
}

TEST(RoutePlan, RoutesTheRemoteSelectorsAndClosesBehindThem) {
    const auto routes = plan_routes(
        {{.local = selectors({"10.1.0.0/16"}), .remote = selectors({"10.2.0.0/16", "fd02::/64"})}},
        {});
    EXPECT_EQ(routes.size(), 4U);
    EXPECT_NE(find(routes, "10.2.0.0/16", RouteKind::device), nullptr);
    EXPECT_NE(find(routes, "10.2.0.0/16", RouteKind::unreachable), nullptr);
    EXPECT_NE(find(routes, "fd02::/64", RouteKind::device), nullptr);
    EXPECT_NE(find(routes, "fd02::/64", RouteKind::unreachable), nullptr);
}

TEST(RoutePlan, ARangeThatIsNoSubnetTakesSeveralRoutes) {
    const auto routes = plan_routes(
        {{.local = selectors({"10.1.0.0/16"}), .remote = selectors({"10.2.0.1-10.2.0.4"})}}, {});
    EXPECT_NE(find(routes, "10.2.0.1/32", RouteKind::device), nullptr);
    EXPECT_NE(find(routes, "10.2.0.2/31", RouteKind::device), nullptr);
    EXPECT_NE(find(routes, "10.2.0.4/32", RouteKind::device), nullptr);
    EXPECT_EQ(routes.size(), 6U);
}

TEST(RoutePlan, PrefersASourceThatTheLocalSelectorsCover) {
    const std::vector<RoutedPolicy> policies{
        {.local = selectors({"10.1.0.0/16"}), .remote = selectors({"10.2.0.0/16"})}};
    const auto with = plan_routes(policies, addresses({"192.0.2.1", "10.1.0.7", "10.1.0.8"}));
    EXPECT_EQ(find(with, "10.2.0.0/16", RouteKind::device)->preferred_source,
              IpAddress::parse("10.1.0.7"));
    const auto without = plan_routes(policies, addresses({"192.0.2.1"}));
    EXPECT_FALSE(find(without, "10.2.0.0/16", RouteKind::device)->preferred_source.has_value());
}

TEST(RoutePlan, ADefaultRouteLeavesLocalNetworksWhereTheyAre) {
    const auto routes = plan_routes(
        {{.local = selectors({"10.1.0.0/16"}), .remote = selectors({"0.0.0.0/0"})}}, {});
    EXPECT_NE(find(routes, "0.0.0.0/0", RouteKind::device), nullptr);
    EXPECT_NE(find(routes, "10.1.0.0/16", RouteKind::pass), nullptr);
    EXPECT_NE(find(routes, "224.0.0.0/4", RouteKind::pass), nullptr);
    EXPECT_EQ(find(routes, "fe80::/10", RouteKind::pass), nullptr);
}

TEST(RoutePlan, AnEverythingSelectorOnBothSidesStaysARoute) {
    const auto routes =
        plan_routes({{.local = selectors({"0.0.0.0/0"}), .remote = selectors({"0.0.0.0/0"})}}, {});
    EXPECT_NE(find(routes, "0.0.0.0/0", RouteKind::device), nullptr);
    EXPECT_EQ(find(routes, "0.0.0.0/0", RouteKind::pass), nullptr);
}

TEST(RoutePlan, ABypassPassesOnOnlyWhereAnotherPolicyWouldTakeIt) {
    const RoutedPolicy bypass{.action = PolicyAction::bypass,
                              .local = selectors({"10.1.0.0/16"}),
                              .remote = selectors({"10.2.9.0/24"}),
                              .priority = 1};
    EXPECT_TRUE(plan_routes({bypass}, {}).empty());
    const auto routes = plan_routes({bypass,
                                     {.local = selectors({"10.1.0.0/16"}),
                                      .remote = selectors({"10.2.0.0/16"}),
                                      .priority = 2}},
                                    {});
    EXPECT_NE(find(routes, "10.2.9.0/24", RouteKind::pass), nullptr);
}

// RFC 4301 5.1, abuse case V-07: what another policy protects must not pass its table by.
TEST(RoutePlan, ABypassOfAPartDoesNotPassTheRestOn) {
    const RoutedPolicy net{.local = selectors({"10.1.0.0/16"}),
                           .remote = selectors({"10.2.0.0/16"}),
                           .priority = 200'000};
    const auto passes = [&](const char* local, const char* remote, std::uint32_t priority) {
        const RoutedPolicy bypass{.action = PolicyAction::bypass,
                                  .local = selectors({local}),
                                  .remote = selectors({remote}),
                                  .priority = priority};
        return find(plan_routes({bypass, net}, {}), "10.2.9.0/24", RouteKind::pass) != nullptr;
    };
    EXPECT_TRUE(passes("10.0.0.0/8", "10.2.9.0/24", 100'000));
    EXPECT_FALSE(passes("10.1.0.0/16", "10.2.9.0/24[tcp/22]", 100'000));
    EXPECT_FALSE(passes("10.1.0.0/16[tcp]", "10.2.9.0/24", 100'000));
    EXPECT_FALSE(passes("10.1.0.4/32", "10.2.9.0/24", 100'000));
    EXPECT_FALSE(passes("10.1.0.0/16", "10.2.9.0/24", 300'000));
}

// A server of a branch, offered to a partner: it is behind the branch's tunnel, not here.
TEST(RoutePlan, ALocalNetworkBehindAnotherTunnelGoesThere) {
    const std::vector<RoutedPolicy> hub{
        {.local = selectors({"10.1.0.0/16"}), .remote = selectors({"10.3.0.0/16"})},
        {.local = selectors({"10.3.5.0/24"}), .remote = selectors({"172.16.0.0/16"})}};
    EXPECT_EQ(find(plan_routes(hub, {}), "10.3.5.0/24", RouteKind::pass), nullptr);
    // Where it is here after all, it stays on its interface.
    EXPECT_NE(find(plan_routes(hub, addresses({"10.3.5.1"})), "10.3.5.0/24", RouteKind::pass),
              nullptr);
}

// Abuse case V-07: who wants all of IPv6 protected and got no address of it sends none in clear.
TEST(RoutePlan, AFamilyThatTheLocalSideLacksIsClosed) {
    const auto routes = plan_routes(
        {{.local = selectors({"10.9.0.1/32"}), .remote = selectors({"0.0.0.0/0", "::/0"})}}, {});
    EXPECT_NE(find(routes, "::/0", RouteKind::device), nullptr);
    EXPECT_FALSE(
        left_to_the_host({{.local = selectors({"10.9.0.1/32"}), .remote = selectors({"::/0"})}},
                         addresses({"2001:db8::7"})));
}

TEST(RoutePlan, WhoTakesEverythingLeavesTheHostItsOwn) {
    const std::vector<RoutedPolicy> all{
        {.local = selectors({"10.9.0.1/32"}), .remote = selectors({"0.0.0.0/0"})}};
    const auto own = addresses({"127.0.0.1", "192.0.2.7"});
    const auto left = left_to_the_host(all, own);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->action, PolicyAction::bypass);
    EXPECT_EQ(to_string(left->local), "192.0.2.7");
    EXPECT_EQ(to_string(left->remote), "0.0.0.0/0");
    EXPECT_FALSE(left_to_the_host(
        {{.local = selectors({"10.1.0.0/16"}), .remote = selectors({"10.2.0.0/16"})}}, own));
    EXPECT_FALSE(left_to_the_host(all, {}));
}

TEST(RoutePlan, TheSmallestMtuOfThoseThatShareADestinationCounts) {
    const auto local = selectors({"10.1.0.0/16"});
    const auto remote = selectors({"10.2.0.0/16"});
    const auto routes = plan_routes({{.local = local, .remote = remote, .mtu = 1438},
                                     {.local = local, .remote = remote, .mtu = 1382},
                                     {.local = local, .remote = remote, .mtu = 0}},
                                    {});
    EXPECT_EQ(find(routes, "10.2.0.0/16", RouteKind::device)->mtu, 1382U);
}

// RFC 8200 5: over a route with less the kernel would not even forward packets of 1280 octets.
TEST(RoutePlan, NoRouteOfIpv6HasAnMtuBelow1280) {
    const auto local = selectors({"10.1.0.0/16", "fd01::/64"});
    const auto remote = selectors({"10.2.0.0/16", "fd02::/64"});
    const auto routes = plan_routes({{.local = local, .remote = remote, .mtu = 1226}}, {});
    EXPECT_EQ(find(routes, "10.2.0.0/16", RouteKind::device)->mtu, 1226U);
    EXPECT_EQ(find(routes, "fd02::/64", RouteKind::device)->mtu, 1280U);
}

TEST(RoutePlan, ARouteThatMayCoverLocalNetworksIsWide) {
    const auto wide = [](const char* remote) {
        return has_wide_route(plan_routes(
            {{.local = selectors({"10.1.0.0/16"}), .remote = selectors({remote})}}, {}));
    };
    EXPECT_TRUE(wide("0.0.0.0/0"));
    EXPECT_TRUE(wide("10.0.0.0/8"));
    EXPECT_FALSE(wide("10.2.0.0/16"));
    EXPECT_FALSE(wide("10.2.3.4/32"));
    EXPECT_TRUE(wide("2000::/3"));
    EXPECT_FALSE(wide("2001:db8:1::/48"));
}

}  // namespace
}  // namespace culvert::plane
