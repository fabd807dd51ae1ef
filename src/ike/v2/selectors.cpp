#include "ike/v2/selectors.hpp"

#include <algorithm>

#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

bool single_address(const TrafficSelectors& selectors) {
    return !selectors.empty() && std::ranges::all_of(selectors, [&](const TrafficSelector& ts) {
        return ts.addresses.first == ts.addresses.last &&
               ts.addresses == selectors.front().addresses;
    });
}

void replace_address(TrafficSelectors& selectors, const IpAddress& address) {
    for (TrafficSelector& ts : selectors) { ts.addresses = {.first = address, .last = address}; }
}

}  // namespace

std::vector<IpRange> Ends::dynamic_local() const {
    return local_virtual.empty() ? std::vector{IpRange{.first = local, .last = local}}
                                 : local_virtual;
}

std::vector<IpRange> Ends::dynamic_remote() const {
    return remote_virtual.empty() ? std::vector{IpRange{.first = remote, .last = remote}}
                                  : remote_virtual;
}

TrafficSelectors resolve(const std::vector<SelectorConfig>& configured,
                         const std::vector<IpRange>& here) {
    TrafficSelectors resolved;
    if (configured.empty()) {
        for (const IpRange& range : here) { resolved.push_back(TrafficSelector::of(range)); }
        return resolved;
    }
    for (const SelectorConfig& entry : configured) {
        if (!entry.dynamic) {
            resolved.push_back(entry.selector);
            continue;
        }
        for (const IpRange& range : here) {
            resolved.push_back(entry.selector);
            resolved.back().addresses = range;
        }
    }
    return resolved;
}

std::optional<SelectorPair> narrow_offer(const ChildConfig& child, const Ends& ends,
                                         const SelectorPair& offered) {
    SelectorPair result{
        .local = narrow(resolve(child.local_ts, ends.dynamic_local()), offered.local),
        .remote = narrow(resolve(child.remote_ts, ends.dynamic_remote()), offered.remote)};
    if (result.local.empty() || result.remote.empty()) { return std::nullopt; }
    if (result.local.size() > selectors_max) { result.local.resize(selectors_max); }
    if (result.remote.size() > selectors_max) { result.remote.resize(selectors_max); }
    return result;
}

bool within(const SelectorPair& offered, const SelectorPair& answered) {
    const auto inside = [](const TrafficSelectors& outer, const TrafficSelectors& inner) {
        return !inner.empty() && std::ranges::all_of(inner, [&](const TrafficSelector& ts) {
            return contains(outer, ts);
        });
    };
    return inside(offered.local, answered.local) && inside(offered.remote, answered.remote);
}

TransportSelectors substitute_for_nat(SelectorPair selectors, const Ends& ends,
                                      const NatSituation& nat) {
    TransportSelectors result;
    if (nat.any() && single_address(selectors.local) && single_address(selectors.remote)) {
        result.original_local = selectors.local.front().addresses.first;
        result.original_remote = selectors.remote.front().addresses.first;
        replace_address(selectors.local, ends.local);
        replace_address(selectors.remote, ends.remote);
    }
    result.selectors = std::move(selectors);
    return result;
}

}  // namespace culvert::ike::v2
