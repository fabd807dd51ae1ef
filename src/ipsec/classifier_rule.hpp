#pragma once
// What a classifier finds, and the forms in which it is kept. Not for others than the SPD.

#include <compare>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ipsec/node_pool.hpp"
#include "ipsec_types/policy.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::ipsec {

// The lower one is asked first.
struct RuleOrder {
    std::uint32_t priority = 0;
    std::uint64_t serial = 0;
    friend auto operator<=>(const RuleOrder&, const RuleOrder&) = default;
};

// What is found. The rest is the classifier's own: what a packet has to be besides its key, as
// TrafficSelector says it.
struct ClassifierRule {
    RuleOrder order{};
    PolicyAction action = PolicyAction::discard;
    bool trap = false;
    ReqId reqid{};
    std::uint16_t source_first = 0;
    std::uint16_t source_last = 65535;
    std::uint16_t destination_first = 0;
    std::uint16_t destination_last = 65535;
    // Where the prefixes say more than the selectors.
    struct Ranges {
        IpRange source;
        IpRange destination;
        // Of more pairs than are filed one by one: any of the one and any of the other.
        TrafficSelectors sources{};
        TrafficSelectors destinations{};
    };
    std::shared_ptr<const Ranges> ranges{};

    // Its key says it all.
    bool plain() const {
        return source_first == 0 && source_last == 65535 && destination_first == 0 &&
               destination_last == 65535 && ranges == nullptr;
    }
};

// All rules under one key, where it is not one plain rule: at least one.
struct ClassifierRules : PooledNode {
    ClassifierRules(NodePool* from, std::vector<ClassifierRule> rules)
        : PooledNode(from), in_order(std::move(rules)) {}
    std::vector<ClassifierRule> in_order;
};

}  // namespace culvert::ipsec
