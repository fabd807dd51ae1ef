#pragma once
// Traffic selectors as strongSwan's tools write them.

#include <string>

#include "ipsec_types/traffic_selector.hpp"

namespace culvert::daemon {

// "192.0.2.77/32[tcp/bgp]", "10.1.0.5..10.1.0.9", "dynamic[udp]": a subnet with its prefix, also
// that of one address; protocols and ports by their names in this host's protocols and services.
std::string selector_text(const TrafficSelector& selector, bool dynamic = false);

}  // namespace culvert::daemon
