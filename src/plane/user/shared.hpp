#pragma once
// What the workers of a user plane have in common. All of it outlives them.

#include <functional>

#include "base/instant.hpp"
#include "ipsec/sad.hpp"
#include "plane/ike_carrier.hpp"
#include "plane/plane.hpp"
#include "plane/user/raw_sockets.hpp"
#include "plane/user/tables.hpp"
#include "plane/user/tun_device.hpp"

namespace culvert::plane {

// CLOCK_BOOTTIME: time that the machine slept through counts for lifetimes.
Instant boot_time_now();

struct Shared {
    PlaneEvents& events;
    const PublishedTables& tables;
    const TunDevice& tun;
    const RawSockets& raw;
    const IkeCarrier& carrier;
    std::uint32_t mark = 0;
    // An SA reached a lifetime; tells PlaneEvents::expire once for both directions.
    std::function<void(ChildSaId, ipsec::LifetimeEvent)> lifetime;
    // The network said that packets to this address may be this large.
    std::function<void(const IpAddress& remote, std::uint32_t path_mtu)> path_mtu;
};

}  // namespace culvert::plane
