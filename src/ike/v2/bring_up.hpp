#pragma once
// What `initiate`, a trap and the restart actions share: a child over the IKE SA that is there, or
// over a new one.

#include <optional>
#include <vector>

#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/environment.hpp"

namespace culvert::ike::v2 {

// `child` may be nullptr: the IKE SA alone. Each command ends when the child (or the IKE SA) is up
// or has failed; they are in the ledger already.
void bring_up(const ConnectionRef& connection, const ChildRef& child,
              const std::optional<PacketSelectors>& packet, std::vector<CommandId> commands,
              const Environment& env);

// Where an IKE SA of the connection with this peer begins: local_addrs, or where routing sends
// from.
Endpoint local_end(const Connection& connection, const IpAddress& remote, const Environment& env);

}  // namespace culvert::ike::v2
