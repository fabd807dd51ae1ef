#pragma once
// Where packets to another host leave this one: the interface and the link-layer address that the
// kernel would use, asked of its routes and neighbours over netlink and kept for as long as it says
// nothing else. For senders that write packets to the link themselves. Used by one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.hpp"
#include "base/instant.hpp"
#include "base/ip.hpp"

namespace culvert::plane {

struct NextHop {
    int interface = 0;
    std::uint32_t mtu = 0;                       // of interface and route
    std::array<std::uint8_t, 6> link_address{};  // Ethernet
    std::array<std::uint8_t, 6> own_link_address{};
};

class NextHops {
 public:
    // Routes are those of packets with this mark.
    static Result<NextHops> open(std::uint32_t mark);
    NextHops(NextHops&&) noexcept;
    NextHops& operator=(NextHops&&) noexcept;
    NextHops(const NextHops&) = delete;
    NextHops& operator=(const NextHops&) = delete;
    ~NextHops();

    // Null: leave this one to the kernel's own sockets. So it is where the next hop is no
    // Ethernet neighbour or its address is not known (the kernel asks for it when it sends), and
    // once in every neighbour_use_every: only what it sends itself makes the kernel look whether a
    // neighbour is still there.
    const NextHop* find(const IpAddress& local, const IpAddress& remote, Instant now);
    // Sending failed: asks again next time.
    void forget(const IpAddress& local, const IpAddress& remote);

 private:
    struct Impl;
    explicit NextHops(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::plane
