#pragma once
// Which routes the policies need. Pure: policies and addresses in, routes out.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip.hpp"
#include "ipsec/spd.hpp"
#include "ipsec_types/policy.hpp"
#include "ipsec_types/traffic_selector.hpp"
#include "plane/user/netlink.hpp"

namespace culvert::plane {

// A policy as far as routes care: an SA's, a trap's or a configured one's.
struct RoutedPolicy {
    PolicyAction action = PolicyAction::protect;
    TrafficSelectors local;
    TrafficSelectors remote;
    std::uint32_t priority = 0;
    std::uint32_t mtu = 0;  // of the SA; 0: not known
};

// For each subnet of a remote selector: a route through the TUN (with a preferred source that the
// local selectors cover, when this host has one), and behind it an unreachable one, so that a crash
// fails closed. Where such a route would swallow local selectors, link-local or multicast
// addresses, those are passed on to the next table; so is what a bypass lets go as a whole. Sorted,
// without doubles.
std::vector<Route> plan_routes(const std::vector<RoutedPolicy>& policies,
                               const std::vector<IpAddress>& host_addresses);

// Where some of these policies take (nearly) everything: what this host says itself, from addresses
// that are no policy's, goes as it went before. Who is connected to the host from outside stays.
std::optional<ipsec::SpdEntry> left_to_the_host(const std::vector<RoutedPolicy>& policies,
                                                const std::vector<IpAddress>& own_addresses);

// A route into the TUN that may cover what others need for themselves: such plans are made as a
// whole.
bool has_wide_route(const std::vector<Route>& routes);

}  // namespace culvert::plane
