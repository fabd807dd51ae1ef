#pragma once
// What the workers of a user plane have in common. All of it outlives them.

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/instant.hpp"
#include "ipsec/sad.hpp"
#include "plane/ike_carrier.hpp"
#include "plane/limits.hpp"
#include "plane/plane.hpp"
#include "plane/tcp_streams.hpp"
#include "plane/user/raw_sockets.hpp"
#include "plane/user/send_turns.hpp"
#include "plane/user/tables.hpp"
#include "plane/user/tun_device.hpp"

namespace culvert::plane {

// CLOCK_BOOTTIME: time that the machine slept through counts for lifetimes.
Instant boot_time_now();

class Xdp;

struct Shared {
    PlaneEvents& events;
    const PublishedTables& tables;
    const TunDevice& tun;
    const RawSockets& raw;
    const IkeCarrier& carrier;
    TcpStreams& streams;
    std::uint32_t mark = 0;
    unsigned workers = 1;
    // Null with one worker, who has nobody to wait for.
    SendTurns* turns = nullptr;
    // Workers that are busy; those with two threads use them while there is a core for each.
    std::atomic<unsigned>* busy_workers = nullptr;
    unsigned cores = 1;
    // Null: no interface goes by AF_XDP.
    const Xdp* xdp = nullptr;
    // Fragments of different packets must not share one (RFC 791 3.2): from all workers in turn.
    std::atomic<std::uint32_t>* identification = nullptr;
    // An SA reached a lifetime; tells PlaneEvents::expire once for both directions.
    std::function<void(ChildSaId, ipsec::LifetimeEvent)> lifetime;
    // The network said that packets to this address may be this large.
    std::function<void(const IpAddress& remote, std::uint32_t path_mtu)> path_mtu;
    // A packet waits for an SA; tells PlaneEvents::acquire, once a second for each reqid.
    std::function<void(ReqId, const TrafficSelector& local, const TrafficSelector& remote)> acquire;
    // ESP for an SA of that worker; false: it has too much already.
    std::function<bool(unsigned worker, const Arrival&)> hand_over;

    // Who decrypts what comes under this SPI. The sockets' filters divide in the same way.
    unsigned owner(EspSpi spi) const { return (spi.value() & spi_worker_mask) % workers; }
};

}  // namespace culvert::plane
