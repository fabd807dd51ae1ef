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

TrafficSelectors resolve(const std::vector<SelectorConfig>& configured, const IpAddress& end) {
    const IpRange here{.first = end, .last = end};
    if (configured.empty()) { return {TrafficSelector::of(here)}; }
    TrafficSelectors resolved;
    resolved.reserve(configured.size());
    for (const SelectorConfig& entry : configured) {
        resolved.push_back(entry.selector);
        if (entry.dynamic) { resolved.back().addresses = here; }
    }
    return resolved;
}

std::optional<SelectorPair> narrow_offer(const ChildConfig& child, const Ends& ends,
                                         const SelectorPair& offered) {
    SelectorPair result{.local = narrow(resolve(child.local_ts, ends.local), offered.local),
                        .remote = narrow(resolve(child.remote_ts, ends.remote), offered.remote)};
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
