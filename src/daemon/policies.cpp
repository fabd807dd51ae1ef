#include "daemon/policies.hpp"

#include <algorithm>

namespace culvert::daemon {
namespace {

// The peer's address, where the configuration names exactly one.
std::optional<IpAddress> remote_address(const ike::Connection& connection) {
    for (const ike::AddressPattern& pattern : connection.remote_addrs) {
        for (const IpRange& range : pattern.ranges) {
            if (range.first == range.last) { return range.first; }
        }
    }
    return std::nullopt;
}

std::optional<IpAddress> local_address(const ike::Connection& connection,
                                       const PolicySource& source) {
    for (const ike::AddressPattern& pattern : connection.local_addrs) {
        for (const IpRange& range : pattern.ranges) {
            if (range.first == range.last) { return range.first; }
        }
    }
    const auto remote = remote_address(connection);
    return remote ? source.source_for(*remote) : std::nullopt;
}

std::optional<TrafficSelectors> fixed(const std::vector<ike::SelectorConfig>& configured,
                                      const std::optional<IpAddress>& dynamic) {
    TrafficSelectors out;
    for (const ike::SelectorConfig& one : configured) {
        TrafficSelector selector = one.selector;
        if (one.dynamic) {
            if (!dynamic) { return std::nullopt; }
            selector.addresses = {*dynamic, *dynamic};
        }
        out.push_back(selector);
    }
    return out;
}

}  // namespace

bool installs_by_itself(const ike::ChildConfig& child) {
    return child.start_action == ike::StartAction::trap || child.start_also_traps;
}

std::optional<Policy> policy_of(const ike::Connection& connection, const ike::ChildConfig& child,
                                const PolicySource& source) {
    const auto local = fixed(child.local_ts, local_address(connection, source));
    const auto remote = fixed(child.remote_ts, remote_address(connection));
    if (!local || !remote) { return std::nullopt; }
    Policy out{.connection = connection.name,
               .name = child.name,
               .action = PolicyAction::discard,
               .reqid = {},
               .local_ts = *local,
               .remote_ts = *remote,
               .priority = child.priority};
    switch (child.mode) {
        case ike::ChildMode::pass: out.action = PolicyAction::bypass; break;
        case ike::ChildMode::drop: out.action = PolicyAction::discard; break;
        case ike::ChildMode::tunnel:
        case ike::ChildMode::transport:
            out.action = PolicyAction::protect;
            out.reqid = source.reqid_of(connection.name, child.name);
            break;
    }
    return out;
}

bool same(const Policy& a, const Policy& b) {
    return a.connection == b.connection && a.name == b.name && a.action == b.action &&
           a.reqid == b.reqid && a.local_ts == b.local_ts && a.remote_ts == b.remote_ts &&
           a.priority == b.priority;
}

const Policy* find(const std::vector<Policy>& policies, const std::string& connection,
                   const std::string& child) {
    const auto found = std::ranges::find_if(policies, [&](const Policy& policy) {
        return policy.connection == connection && policy.name == child;
    });
    return found == policies.end() ? nullptr : &*found;
}

}  // namespace culvert::daemon
