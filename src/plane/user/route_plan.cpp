#include "plane/user/route_plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ipsec/limits.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

struct Target {
    std::optional<IpAddress> preferred_source{};
    std::uint32_t mtu = 0;
};

// The first address of this host, of this family, that a local selector covers.
std::optional<IpAddress> source_within(const TrafficSelectors& local, IpFamily family,
                                       const std::vector<IpAddress>& host_addresses) {
    for (const IpAddress& address : host_addresses) {
        if (address.family() != family || address.is_loopback() || address.is_link_local()) {
            continue;
        }
        for (const TrafficSelector& selector : local) {
            if (selector.addresses.contains(address)) { return address; }
        }
    }
    return std::nullopt;
}

// What must keep its way although a route of ours covers it.
std::set<IpSubnet> kept_ways(const std::vector<RoutedPolicy>& policies) {
    std::set<IpSubnet> out;
    for (const char* text : {"224.0.0.0/4", "169.254.0.0/16", "fe80::/10"}) {
        if (const auto subnet = IpSubnet::parse(text)) { out.insert(*subnet); }
    }
    for (const RoutedPolicy& policy : policies) {
        const bool bypass = policy.action == PolicyAction::bypass;
        // Local networks stay on their interfaces; so do the destinations of a bypass.
        for (const TrafficSelector& selector : bypass ? policy.remote : policy.local) {
            for (const IpSubnet& subnet : subnets_of(selector.addresses)) { out.insert(subnet); }
        }
    }
    return out;
}

// By one of them that is wider.
bool is_covered(IpSubnet subnet, const std::map<IpSubnet, Target>& by) {
    while (subnet.prefix > 0) {
        --subnet.prefix;
        if (by.contains({subnet.network(), subnet.prefix})) { return true; }
    }
    return false;
}

}  // namespace

std::vector<Route> plan_routes(const std::vector<RoutedPolicy>& policies,
                               const std::vector<IpAddress>& host_addresses) {
    std::map<IpSubnet, Target> targets;
    for (const RoutedPolicy& policy : policies) {
        if (policy.action == PolicyAction::bypass) { continue; }
        for (const TrafficSelector& selector : policy.remote) {
            const IpFamily family = selector.addresses.family();
            for (const IpSubnet& subnet : subnets_of(selector.addresses)) {
                Target& target = targets[subnet];
                if (!target.preferred_source && policy.action == PolicyAction::protect) {
                    target.preferred_source = source_within(policy.local, family, host_addresses);
                }
                if (policy.mtu == 0) { continue; }
                // With less the kernel would refuse what every IPv6 path has to carry (RFC 8200 5).
                const std::uint32_t mtu =
                    family == IpFamily::v6 ? std::max(policy.mtu, ipsec::mtu_v6_min) : policy.mtu;
                target.mtu = target.mtu == 0 ? mtu : std::min(target.mtu, mtu);
            }
        }
    }
    std::vector<Route> out;
    for (const auto& [subnet, target] : targets) {
        out.push_back({subnet, RouteKind::device, target.preferred_source, target.mtu});
        out.push_back({subnet, RouteKind::unreachable, {}, 0});
    }
    for (const IpSubnet& subnet : kept_ways(policies)) {
        if (targets.contains(subnet)) { continue; }
        if (is_covered(subnet, targets)) { out.push_back({subnet, RouteKind::pass, {}, 0}); }
    }
    std::ranges::sort(out);
    return out;
}

bool has_wide_route(const std::vector<Route>& routes) {
    return std::ranges::any_of(routes, [](const Route& route) {
        const unsigned narrow =
            route.destination.address.is_v4() ? narrow_prefix_min_v4 : narrow_prefix_min_v6;
        return route.kind == RouteKind::device && route.destination.prefix < narrow;
    });
}

}  // namespace culvert::plane
