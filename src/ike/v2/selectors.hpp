#pragma once
// Traffic selectors of a Child SA: from the configuration to what is offered, and narrowing (RFC
// 7296 2.9, 2.23.1).

#include <optional>
#include <vector>

#include "base/error.hpp"
#include "ike/connection.hpp"
#include "ike/v2/nat_detection.hpp"

namespace culvert::ike::v2 {

// Both ends of the IKE SA, for "dynamic" selectors and transport mode.
struct Ends {
    IpAddress local;
    IpAddress remote;
    // What "dynamic" stands for instead, where there are virtual addresses.
    std::vector<IpRange> local_virtual{};
    std::vector<IpRange> remote_virtual{};

    std::vector<IpRange> dynamic_local() const;
    std::vector<IpRange> dynamic_remote() const;
};

// "dynamic" becomes the addresses of that end. No selector at all is "dynamic".
TrafficSelectors resolve(const std::vector<SelectorConfig>& configured,
                         const std::vector<IpRange>& here);

struct SelectorPair {
    TrafficSelectors local;
    TrafficSelectors remote;
};

// Responder: what of the offer (seen from here) the child may carry. Nothing if a side is empty.
std::optional<SelectorPair> narrow_offer(const ChildConfig& child, const Ends& ends,
                                         const SelectorPair& offered);

// Initiator: the answer must lie within what we offered (RFC 7296 2.9).
bool within(const SelectorPair& offered, const SelectorPair& answered);

// RFC 7296 2.23.1, transport mode through NAT: the peer's selectors carry addresses as it sees
// them; they are replaced by those that we see, and the originals are kept.
struct TransportSelectors {
    SelectorPair selectors;
    std::optional<IpAddress> original_local;
    std::optional<IpAddress> original_remote;
};
TransportSelectors substitute_for_nat(SelectorPair selectors, const Ends& ends,
                                      const NatSituation& nat);

}  // namespace culvert::ike::v2
