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
                              .remote = selectors({"10.2.9.0/24"})};
    EXPECT_TRUE(plan_routes({bypass}, {}).empty());
    const auto routes = plan_routes(
        {bypass, {.local = selectors({"10.1.0.0/16"}), .remote = selectors({"10.2.0.0/16"})}}, {});
    EXPECT_NE(find(routes, "10.2.9.0/24", RouteKind::pass), nullptr);
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
