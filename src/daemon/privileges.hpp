#pragma once
// What the process may do, made as little as possible.

#include <cstdint>

#include "base/error.hpp"

namespace culvert::daemon {

// No core dumps, no reading of our memory by others of the same user: keys are in it.
void forbid_core_dumps();

// As many descriptors as we may have: each worker has some dozens, and the usual limit is for
// programs that wait with select().
void raise_descriptor_limit();

// Keeps CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE of what we have, for this thread and
// those that it starts.
Status drop_capabilities();

// Whether another program has one of these UDP ports. Then start-up is about to fail, and finding
// out who has it takes rights that drop_capabilities() gives up.
bool udp_port_taken(std::uint16_t port, std::uint16_t port_nat_t);

}  // namespace culvert::daemon
