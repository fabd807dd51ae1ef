#pragma once
// Endpoint <-> the kernel's sockaddr.

#include <cstddef>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/ip.hpp"

namespace culvert::plane {

// A sockaddr of either family, at rest.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    static SocketAddress of(const Endpoint& endpoint);
    // Nothing for another family than IPv4 and IPv6.
    std::optional<Endpoint> endpoint() const;

    sockaddr* data();
    const sockaddr* data() const;
};

IpAddress address_of(const in_addr& address);
IpAddress address_of(const in6_addr& address);
in_addr in_addr_of(const IpAddress& address);
in6_addr in6_addr_of(const IpAddress& address);

constexpr int address_family(IpFamily family) {
    return family == IpFamily::v4 ? AF_INET : AF_INET6;
}

}  // namespace culvert::plane
