#pragma once
// Which SPD entries the configuration asks for apart from SAs: traps (start_action = trap) and
// shunts (mode = pass or drop), and what to change in the plane to get there.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ike/connection.hpp"
#include "ipsec_types/policy.hpp"

namespace culvert::daemon {

struct PolicySource {
    std::function<ReqId(const std::string& connection, const std::string& child)> reqid_of;
    // The local address towards a peer, for "dynamic" selectors.
    std::function<std::optional<IpAddress>(const IpAddress& remote)> source_for;
};

// One policy for one child; nothing where a dynamic selector has no address yet, or where there is
// nothing to install.
std::optional<Policy> policy_of(const ike::Connection& connection, const ike::ChildConfig& child,
                                const PolicySource& source);

// Those that are installed without being asked for: start_action = trap, also "trap|start".
bool installs_by_itself(const ike::ChildConfig& child);

// Named by connection and child.
bool same(const Policy& a, const Policy& b);
const Policy* find(const std::vector<Policy>& policies, const std::string& connection,
                   const std::string& child);

}  // namespace culvert::daemon
