#pragma once
// get-counters' section of one connection: strongSwan's counters in its order, then ours.

#include "ike/status.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

// `base` is what had been counted at reset-counters. A connection that went and came again counts
// from the beginning: then the base says nothing.
vici::Section counters_section(const ike::Counters& now, const ike::Counters& base);

}  // namespace culvert::daemon
