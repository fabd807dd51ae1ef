#pragma once
// The addresses of this host, and the one that routing would send from.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"

namespace culvert::plane {

struct HostAddress {
    std::string interface;
    IpSubnet address;
};

// All addresses of interfaces that are up, in the kernel's order.
std::vector<HostAddress> host_addresses();

// The source that routing would choose for packets with this mark; nothing without a route.
std::optional<IpAddress> routed_source(const IpAddress& remote, std::uint32_t mark);
// The MTU of the route to `remote`, as the kernel knows it now.
std::optional<std::uint32_t> routed_mtu(const IpAddress& remote, std::uint32_t mark);

// Hears from the kernel (netlink) when addresses, routes or links change.
class AddressMonitor {
 public:
    static Result<AddressMonitor> open();
    AddressMonitor(AddressMonitor&&) noexcept;
    AddressMonitor& operator=(AddressMonitor&&) noexcept;
    AddressMonitor(const AddressMonitor&) = delete;
    AddressMonitor& operator=(const AddressMonitor&) = delete;
    ~AddressMonitor();

    int fd() const;
    struct News {
        // Addresses or routes that are not on the interface `own_index` and not in the routing
        // table `own_table` (those we change ourselves).
        bool addresses = false;
        // Another process took away a rule, whosever; or a route of our table, or it set our
        // interface down or deleted it.
        bool rules = false;
        bool set_up = false;
    };
    // Reads what is there.
    News news(int own_index, std::uint32_t own_table);

 private:
    struct Impl;
    explicit AddressMonitor(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::plane
