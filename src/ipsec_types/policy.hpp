#pragma once
// SPD entries that the configuration asks for, apart from those that come with a Child SA (RFC
// 4301 4.4.1).

#include <cstdint>
#include <string>

#include "ipsec_types/spi.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert {

// protect without an SA is a trap: the first matching packet asks the key exchange for one.
enum class PolicyAction : std::uint8_t { protect, bypass, discard };

struct Policy {
    std::string connection;
    std::string name;
    PolicyAction action = PolicyAction::discard;
    ReqId reqid{};  // of the SAs that serve a `protect`
    TrafficSelectors local_ts;
    TrafficSelectors remote_ts;
    std::uint32_t priority = 0;  // lower wins; 0: computed from the selectors, narrower first
};

// Counters of one pair, as the packet side knows them.
struct ChildSaCounters {
    std::uint64_t inbound_packets = 0;
    std::uint64_t inbound_bytes = 0;
    std::uint64_t outbound_packets = 0;
    std::uint64_t outbound_bytes = 0;
    // Of authenticated packets: how many arrived, how many the peer must have sent by the highest
    // sequence number, and the largest inner one of them.
    std::uint64_t inbound_arrived = 0;
    std::uint64_t inbound_sent = 0;
    std::uint32_t inbound_largest = 0;
    // The largest inner packet that the path would carry, as far as anybody has told; 0: not known.
    std::uint32_t inner_mtu = 0;
    // Seconds since the last packet; -1: none yet.
    std::int64_t inbound_idle_s = -1;
    std::int64_t outbound_idle_s = -1;
};

}  // namespace culvert
