#pragma once
// What a user plane sets up in the kernel beside its sockets: rules, routes, settings. It remembers
// what it did, in memory and in the state file, and undoes it.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "plane/plane.hpp"
#include "plane/user/netlink.hpp"
#include "plane/user/state_file.hpp"

namespace culvert::plane {

class KernelSetUp {
 public:
    // Takes the lock of the state folder. Fails as StateFile::open().
    static Result<KernelSetUp> open(const PlaneSettings& settings);

    // Undoes what a crashed predecessor left, if anything; but what keeps its packets from leaving
    // in the clear stays until drop_inherited(), since our own policies are not there yet.
    void undo_left_over();
    void drop_inherited();
    // Writes down what is coming: before anything is set up.
    Status announce();
    // The TUN up; the rules of both families.
    Status start(int tun_index, std::uint32_t mtu);
    // Makes the routes in the table these and no others.
    Status apply(std::vector<Route> routes);
    // Adds those whose destination has none of their kind.
    Status add(std::vector<Route> routes);
    // Whether each has one of its destination and kind.
    bool has(const std::vector<Route>& routes) const;
    // What somebody else took away, again: the TUN up, with its addresses; rules and routes.
    Status restore();
    Status restore_rules();
    std::uint32_t mtu() const { return mtu_; }
    Status set_mtu(std::uint32_t mtu);
    // Addresses of the TUN; they end with it.
    Status add_address(const IpAddress& address);
    Status remove_address(const IpAddress& address);
    // Takes all away.
    void undo();

 private:
    Status add_rules();
    // Routes of a family that this host does not have are none: no packet asks for them. One whose
    // source the kernel does not take goes without.
    Status add_route(const Route& route);
    void set_mss(std::vector<Route>& routes) const;
    KernelSetUp(const PlaneSettings& settings, StateFile state, Netlink netlink)
        : settings_(settings), state_(std::move(state)), netlink_(std::move(netlink)) {}
    void undo(const SetUp& set_up);
    void undo_device(const SetUp& set_up);

    PlaneSettings settings_;
    StateFile state_;
    Netlink netlink_;
    std::optional<SetUp> announced_{};
    int tun_index_ = 0;
    std::uint32_t mtu_ = 0;
    std::set<Route> routes_;
    std::set<Route> without_source_;  // of them
    std::set<IpAddress> addresses_;
    bool inherited_ = false;
};

}  // namespace culvert::plane
