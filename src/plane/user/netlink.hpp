#pragma once
// Links, routes and rules through the kernel's netlink. Only what the user plane sets up; each
// thing is added and taken away by its exact name.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/ip.hpp"

namespace culvert::plane {

// Names our routes among those of others (rtm_protocol); free in the registry of iproute2.
constexpr std::uint8_t route_protocol = 0x43;

enum class RouteKind : std::uint8_t {
    device,       // through the TUN
    unreachable,  // worse metric, same destination: when the TUN is gone, nothing leaves in clear
    pass,         // "throw": go on with the next table
};

struct Route {
    IpSubnet destination;
    RouteKind kind = RouteKind::device;
    std::optional<IpAddress> preferred_source{};
    std::uint32_t mtu = 0;  // 0: the device's
    std::uint32_t mss = 0;  // that TCP announces; 0: what the MTU gives

    friend auto operator<=>(const Route&, const Route&) = default;
    friend bool operator==(const Route&, const Route&) = default;
};

// "not from all fwmark MARK lookup TABLE", at a priority.
struct MarkRule {
    IpFamily family = IpFamily::v4;
    std::uint32_t priority = 0;
    std::uint32_t table = 0;
    std::uint32_t mark = 0;
};

class Netlink {
 public:
    static Result<Netlink> open();
    Netlink(Netlink&&) noexcept;
    Netlink& operator=(Netlink&&) noexcept;
    Netlink(const Netlink&) = delete;
    Netlink& operator=(const Netlink&) = delete;
    ~Netlink();

    // Sets the MTU and brings the interface up.
    Status set_up(int index, std::uint32_t mtu);
    Status set_mtu(int index, std::uint32_t mtu);
    // An address of the interface, with a full prefix. What is (not) there already is no error.
    Status add_address(int index, const IpAddress& address);
    Status remove_address(int index, const IpAddress& address);
    // Nothing happens when it is not there.
    Status delete_link(std::string_view name);

    // What is there already is replaced (routes) or left (rules).
    Status add(const Route& route, std::uint32_t table, int device);
    Status add(const MarkRule& rule);
    // What is not there is no error.
    Status remove(const Route& route, std::uint32_t table, int device);
    Status remove(const MarkRule& rule);
    // Routes of our protocol in this table: all of them, or only (or all but) the unreachable ones.
    enum class Flush : std::uint8_t { all, unreachable, all_but_unreachable };
    Status flush_routes(IpFamily family, std::uint32_t table, Flush which = Flush::all);

 private:
    struct Impl;
    explicit Netlink(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::plane
