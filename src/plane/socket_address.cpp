#include "plane/socket_address.hpp"

#include <bit>
#include <cstring>

namespace culvert::plane {
namespace {

// Ports travel in network order; this is the one place that turns them round.
std::uint16_t network_order(std::uint16_t port) {
    if constexpr (std::endian::native == std::endian::little) {
        return static_cast<std::uint16_t>((port << 8U) | (port >> 8U));
    }
    return port;
}

}  // namespace

SocketAddress SocketAddress::of(const Endpoint& endpoint) {
    SocketAddress out;
    if (endpoint.address.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = network_order(endpoint.port);
        in.sin_addr = in_addr_of(endpoint.address);
        std::memcpy(&out.storage, &in, sizeof in);
        out.length = sizeof in;
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = network_order(endpoint.port);
        in.sin6_addr = in6_addr_of(endpoint.address);
        std::memcpy(&out.storage, &in, sizeof in);
        out.length = sizeof in;
    }
    return out;
}

std::optional<Endpoint> SocketAddress::endpoint() const {
    if (storage.ss_family == AF_INET && length >= sizeof(sockaddr_in)) {
        sockaddr_in in{};
        std::memcpy(&in, &storage, sizeof in);
        return Endpoint{address_of(in.sin_addr), network_order(in.sin_port)};
    }
    if (storage.ss_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
        sockaddr_in6 in{};
        std::memcpy(&in, &storage, sizeof in);
        return Endpoint{address_of(in.sin6_addr), network_order(in.sin6_port)};
    }
    return std::nullopt;
}

// sockaddr_storage is made to be read through sockaddr.
sockaddr* SocketAddress::data() { return reinterpret_cast<sockaddr*>(&storage); }
const sockaddr* SocketAddress::data() const { return reinterpret_cast<const sockaddr*>(&storage); }

IpAddress address_of(const in_addr& address) {
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &address, octets.size());
    return IpAddress::from_octets(octets).value_or(IpAddress{});
}

IpAddress address_of(const in6_addr& address) {
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &address, octets.size());
    return IpAddress::from_octets(octets).value_or(IpAddress::any(IpFamily::v6));
}

in_addr in_addr_of(const IpAddress& address) {
    in_addr out{};
    if (address.is_v4()) { std::memcpy(&out, address.octets().data(), sizeof out); }
    return out;
}

in6_addr in6_addr_of(const IpAddress& address) {
    in6_addr out{};
    if (address.is_v6()) { std::memcpy(&out, address.octets().data(), sizeof out); }
    return out;
}

}  // namespace culvert::plane
