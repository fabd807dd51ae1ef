#include "plane/user/route_plan.hpp"

#include <algorithm>
#include <limits>
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
    std::vector<const RoutedPolicy*> policies;
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

using Targets = std::map<IpSubnet, Target>;

bool is_wide(const IpSubnet& subnet) {
    return subnet.prefix < (subnet.address.is_v4() ? narrow_prefix_min_v4 : narrow_prefix_min_v6);
}

// 0.0.0.0/0, its halves, 2000::/3.
bool takes_nearly_all(const IpSubnet& subnet) { return subnet.prefix <= nearly_all_prefix_max; }

bool is_within(const IpRange& range, const TrafficSelectors& selectors) {
    return std::ranges::any_of(selectors, [&](const TrafficSelector& selector) {
        return selector.addresses.contains(range);
    });
}

bool has_of(IpFamily family, const TrafficSelectors& selectors) {
    return std::ranges::any_of(selectors, [family](const TrafficSelector& selector) {
        return selector.addresses.family() == family;
    });
}

// Whatever comes from where this one's packets come from, to that range, is let go by the bypass.
bool lets_go(const RoutedPolicy& bypass, const RoutedPolicy& policy, const IpRange& range) {
    if (policy.action == PolicyAction::bypass ||
        std::ranges::none_of(policy.remote, [&](const TrafficSelector& selector) {
            return selector.addresses.intersect(range).has_value();
        })) {
        return true;
    }
    return bypass.priority < policy.priority &&
           std::ranges::all_of(
               policy.local,
               [&](const TrafficSelector& selector) {
                   return selector.addresses.family() != range.family() ||
                          is_within(selector.addresses, bypass.local);
               });
}

// The destinations of a bypass that no other policy has a part in. The rest goes through the TUN,
// where each packet is looked at.
void add_bypassed(const RoutedPolicy& bypass, const std::vector<RoutedPolicy>& policies,
                  std::set<IpSubnet>& out) {
    const auto limited = [](const TrafficSelector& selector) {
        return selector.protocol != 0 || !selector.any_port();
    };
    if (std::ranges::any_of(bypass.local, limited)) { return; }
    for (const TrafficSelector& selector : bypass.remote) {
        if (limited(selector) || !std::ranges::all_of(policies, [&](const RoutedPolicy& policy) {
                return lets_go(bypass, policy, selector.addresses);
            })) {
            continue;
        }
        for (const IpSubnet& subnet : subnets_of(selector.addresses)) { out.insert(subnet); }
    }
}

// By one of them that is wider.
bool is_covered(IpSubnet subnet, const Targets& by) {
    while (subnet.prefix > 0) {
        --subnet.prefix;
        if (by.contains({subnet.network(), subnet.prefix})) { return true; }
    }
    return false;
}

// A local network stays on its interface: unless it is not here at all, but behind another tunnel,
// whose policy it is not a local network of.
bool is_elsewhere(const IpSubnet& local, const Targets& targets,
                  const std::vector<IpAddress>& host_addresses) {
    const IpRange range = local.range();
    if (std::ranges::any_of(host_addresses,
                            [&](const IpAddress& one) { return range.contains(one); })) {
        return false;
    }
    IpSubnet wider = local;
    while (wider.prefix > 0) {
        --wider.prefix;
        const auto at = targets.find({wider.network(), wider.prefix});
        if (at == targets.end() || is_wide(at->first)) { continue; }
        if (std::ranges::any_of(at->second.policies, [&](const RoutedPolicy* policy) {
                return !is_within(range, policy->local);
            })) {
            return true;
        }
    }
    return false;
}

// What must keep its way although a route of ours covers it.
std::set<IpSubnet> kept_ways(const std::vector<RoutedPolicy>& policies, const Targets& targets,
                             const std::vector<IpAddress>& host_addresses) {
    std::set<IpSubnet> local;
    for (const RoutedPolicy& policy : policies) {
        if (policy.action == PolicyAction::bypass) { continue; }
        for (const TrafficSelector& selector : policy.local) {
            for (const IpSubnet& subnet : subnets_of(selector.addresses)) { local.insert(subnet); }
        }
    }
    std::erase_if(local, [&](const IpSubnet& subnet) {
        return !is_covered(subnet, targets) || is_elsewhere(subnet, targets, host_addresses);
    });
    std::set<IpSubnet> out = std::move(local);
    for (const char* text : {"224.0.0.0/4", "169.254.0.0/16", "fe80::/10"}) {
        if (const auto subnet = IpSubnet::parse(text)) { out.insert(*subnet); }
    }
    for (const RoutedPolicy& policy : policies) {
        if (policy.action == PolicyAction::bypass) { add_bypassed(policy, policies, out); }
    }
    return out;
}

}  // namespace

std::vector<Route> plan_routes(const std::vector<RoutedPolicy>& policies,
                               const std::vector<IpAddress>& host_addresses) {
    Targets targets;
    for (const RoutedPolicy& policy : policies) {
        if (policy.action == PolicyAction::bypass) { continue; }
        for (const TrafficSelector& selector : policy.remote) {
            const IpFamily family = selector.addresses.family();
            for (const IpSubnet& subnet : subnets_of(selector.addresses)) {
                Target& target = targets[subnet];
                target.policies.push_back(&policy);
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
    for (const IpSubnet& subnet : kept_ways(policies, targets, host_addresses)) {
        if (targets.contains(subnet)) { continue; }
        if (is_covered(subnet, targets)) { out.push_back({subnet, RouteKind::pass, {}, 0}); }
    }
    std::ranges::sort(out);
    return out;
}

bool has_wide_route(const std::vector<Route>& routes) {
    return std::ranges::any_of(routes, [](const Route& route) {
        return route.kind == RouteKind::device && is_wide(route.destination);
    });
}

std::optional<ipsec::SpdEntry> left_to_the_host(const std::vector<RoutedPolicy>& policies,
                                                const std::vector<IpAddress>& own_addresses) {
    ipsec::SpdEntry out{.action = PolicyAction::bypass,
                        .local = {},
                        .remote = {},
                        .priority = std::numeric_limits<std::uint32_t>::max(),
                        .direction = ipsec::SpdDirection::outbound};
    for (const RoutedPolicy& policy : policies) {
        if (policy.action == PolicyAction::bypass) { continue; }
        for (const TrafficSelector& selector : policy.remote) {
            // Without an address of ours to go from, a family is closed.
            if (!has_of(selector.addresses.family(), policy.local)) { continue; }
            const TrafficSelector all = TrafficSelector::of(selector.addresses);
            if (std::ranges::find(out.remote, all) == out.remote.end() &&
                std::ranges::any_of(subnets_of(selector.addresses), takes_nearly_all)) {
                out.remote.push_back(all);
            }
        }
    }
    for (const IpAddress& address : own_addresses) {
        if (address.is_loopback() || address.is_link_local()) { continue; }
        out.local.push_back(TrafficSelector::of({address, address}));
    }
    if (out.local.empty() || out.remote.empty()) { return std::nullopt; }
    return out;
}

}  // namespace culvert::plane
