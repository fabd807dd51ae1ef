#include "plane/user/kernel_set_up.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <unistd.h>

#include "plane/file_descriptor.hpp"
#include "plane/user/filter_rules.hpp"
#include "plane/user/nft_program.hpp"

namespace culvert::plane {
namespace {

constexpr const char* src_valid_mark = "/proc/sys/net/ipv4/conf/all/src_valid_mark";

std::optional<int> read_setting(const std::string& path) {
    const FileDescriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    char digit = 0;
    if (!fd || ::read(fd.get(), &digit, 1) != 1 || digit < '0' || digit > '9') {
        return std::nullopt;
    }
    return digit - '0';
}

// Read-only in some containers: then it stays as it is.
bool write_setting(const std::string& path, int value) {
    const FileDescriptor fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    const std::string text = std::to_string(value);
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// One of this destination and kind, whatever its source and MTU, which come last in their order.
bool has_like(const std::set<Route>& routes, const Route& route) {
    const auto next = routes.lower_bound({.destination = route.destination, .kind = route.kind});
    return next != routes.end() && next->destination == route.destination &&
           next->kind == route.kind;
}

std::vector<IpFamily> families() { return {IpFamily::v4, IpFamily::v6}; }

}  // namespace

Result<KernelSetUp> KernelSetUp::open(const PlaneSettings& settings) {
    auto state = StateFile::open(settings.state_dir);
    if (!state) { return std::unexpected(std::move(state).error()); }
    auto netlink = Netlink::open();
    if (!netlink) { return std::unexpected(std::move(netlink).error()); }
    return KernelSetUp{settings, std::move(*state), std::move(*netlink)};
}

void KernelSetUp::undo_left_over() {
    const auto left = state_.left_over();
    if (!left) { return; }
    const bool same_place = left->table == settings_.routing_table &&
                            left->priority == settings_.rule_priority &&
                            left->mark == settings_.mark;
    if (left->namespace_inode == network_namespace_inode()) {
        if (same_place && settings_.install_routes) {
            // Abuse V-07: rule and unreachable routes hold between a crash and our first policies.
            for (const IpFamily family : families()) {
                static_cast<void>(netlink_.flush_routes(family, left->table,
                                                        Netlink::Flush::all_but_unreachable));
            }
            undo_device(*left);
            inherited_ = true;
            return;  // still written down, for whoever comes if we crash before announce()
        }
        undo(*left);
    }
    state_.clear();
}

void KernelSetUp::drop_inherited() {
    if (!std::exchange(inherited_, false)) { return; }
    for (const IpFamily family : families()) {
        static_cast<void>(
            netlink_.flush_routes(family, settings_.routing_table, Netlink::Flush::unreachable));
    }
    // Ours went with them; the routes into the TUN, which come before them, did not.
    for (const Route& route : routes_) {
        if (route.kind == RouteKind::unreachable) {
            static_cast<void>(netlink_.add(route, settings_.routing_table, tun_index_));
        }
    }
}

Status KernelSetUp::announce() {
    SetUp set_up{.tun = settings_.tun_name,
                 .tun_is_theirs = ::if_nametoindex(settings_.tun_name.c_str()) != 0,
                 .nft_table = filter_table_name(settings_.tun_name),
                 .table = settings_.routing_table,
                 .priority = settings_.rule_priority,
                 .mark = settings_.mark,
                 .namespace_inode = network_namespace_inode()};
    // Without it strict reverse path filtering refuses protected packets from a peer whose address
    // our own routes send into the TUN: the mark that the packet filter gives them must count.
    if (settings_.install_routes && read_setting(src_valid_mark) == 0) {
        set_up.src_valid_mark = 0;
    }
    if (auto done = state_.write(set_up); !done) { return done; }
    announced_ = std::move(set_up);
    return {};
}

Status KernelSetUp::start(int tun_index, std::uint32_t mtu) {
    tun_index_ = tun_index;
    mtu_ = mtu;
    // No link-local address of its own, so no router solicitations into the tunnel.
    write_setting(fmt::format("/proc/sys/net/ipv6/conf/{}/addr_gen_mode", settings_.tun_name), 1);
    if (auto done = netlink_.set_up(tun_index, mtu); !done) { return done; }
    if (!settings_.install_routes) { return {}; }
    if (announced_ && announced_->src_valid_mark) { write_setting(src_valid_mark, 1); }
    return add_rules();
}

Status KernelSetUp::add_rules() {
    for (const IpFamily family : families()) {
        const Status done = netlink_.add(MarkRule{.family = family,
                                                  .priority = settings_.rule_priority,
                                                  .table = settings_.routing_table,
                                                  .mark = settings_.mark});
        // A host without IPv6 has no rules for it.
        if (!done && family == IpFamily::v4) { return done; }
    }
    return {};
}

Status KernelSetUp::restore() {
    if (!announced_) { return {}; }
    if (auto done = netlink_.set_up(tun_index_, mtu_); !done) { return done; }
    for (const IpAddress& address : addresses_) {
        if (auto done = netlink_.add_address(tun_index_, address); !done) { return done; }
    }
    if (!settings_.install_routes) { return {}; }
    Status first_failure;
    for (const Route& route : routes_) {
        Status done = add_route(route);
        if (!done && first_failure) { first_failure = std::move(done); }
    }
    // The routes before the rules: there is no moment when a packet passes them.
    Status rules = add_rules();
    return rules ? first_failure : rules;
}

Status KernelSetUp::restore_rules() {
    return announced_ && settings_.install_routes ? add_rules() : Status{};
}

Status KernelSetUp::add_route(const Route& route) {
    if (route.destination.address.is_v6() &&
        read_setting(fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", settings_.tun_name))
                .value_or(1) != 0) {
        return {};
    }
    Status done = netlink_.add(route, settings_.routing_table, tun_index_);
    without_source_.erase(route);
    if (done || !route.preferred_source) { return done; }
    // An address that is being probed (RFC 4862 5.4), or that is in another VRF, is no source yet.
    Route plain = route;
    plain.preferred_source.reset();
    done = netlink_.add(plain, settings_.routing_table, tun_index_);
    if (done) { without_source_.insert(route); }
    return done;
}

bool KernelSetUp::has(const std::vector<Route>& routes) const {
    return std::ranges::all_of(routes,
                               [this](const Route& route) { return has_like(routes_, route); });
}

void KernelSetUp::set_mss(std::vector<Route>& routes) const {
    for (Route& route : routes) {
        if (route.kind == RouteKind::device) { route.mss = settings_.route_mss; }
    }
}

Status KernelSetUp::apply(std::vector<Route> routes) {
    if (!settings_.install_routes) { return {}; }
    set_mss(routes);
    Status first_failure;
    // New ones first: what both the old and the new plan protect never finds another way.
    for (const Route& route : routes) {
        if (routes_.contains(route) && !without_source_.contains(route)) { continue; }
        if (auto done = add_route(route); !done) {
            if (first_failure) { first_failure = std::move(done); }
            continue;
        }
        routes_.insert(route);
    }
    const std::set<Route> wanted{routes.begin(), routes.end()};
    for (auto at = routes_.begin(); at != routes_.end();) {
        if (wanted.contains(*at)) {
            ++at;
            continue;
        }
        // One that only changed its source or MTU was replaced above.
        if (!has_like(wanted, *at)) {
            Status done = netlink_.remove(*at, settings_.routing_table, tun_index_);
            if (!done && first_failure) { first_failure = std::move(done); }
        }
        without_source_.erase(*at);
        at = routes_.erase(at);
    }
    return first_failure;
}

Status KernelSetUp::add(std::vector<Route> routes) {
    if (!settings_.install_routes) { return {}; }
    set_mss(routes);
    for (const Route& route : routes) {
        if (has_like(routes_, route)) { continue; }
        if (auto done = add_route(route); !done) { return done; }
        routes_.insert(route);
    }
    return {};
}

Status KernelSetUp::set_mtu(std::uint32_t mtu) {
    if (mtu == mtu_) { return {}; }
    mtu_ = mtu;
    return netlink_.set_mtu(tun_index_, mtu);
}

Status KernelSetUp::add_address(const IpAddress& address) {
    Status done = netlink_.add_address(tun_index_, address);
    if (done) { addresses_.insert(address); }
    return done;
}

Status KernelSetUp::remove_address(const IpAddress& address) {
    addresses_.erase(address);
    return netlink_.remove_address(tun_index_, address);
}

void KernelSetUp::undo() {
    if (!announced_) { return; }
    undo(*announced_);
    routes_.clear();
    announced_.reset();
    state_.clear();
}

void KernelSetUp::undo(const SetUp& set_up) {
    // What is gone already is no error; what cannot be undone must not stop the rest.
    for (const IpFamily family : families()) {
        static_cast<void>(netlink_.remove(MarkRule{.family = family,
                                                   .priority = set_up.priority,
                                                   .table = set_up.table,
                                                   .mark = set_up.mark}));
        static_cast<void>(netlink_.flush_routes(family, set_up.table));
    }
    undo_device(set_up);
}

void KernelSetUp::undo_device(const SetUp& set_up) {
    if (set_up.tun_is_theirs) {
        const auto index = static_cast<int>(::if_nametoindex(set_up.tun.c_str()));
        for (const IpAddress& address : addresses_) {
            static_cast<void>(netlink_.remove_address(index, address));
        }
    } else {
        static_cast<void>(netlink_.delete_link(set_up.tun));
    }
    if (!set_up.nft_table.empty()) {
        static_cast<void>(
            run_nft({"-f", "-"}, filter_removal({.table = set_up.nft_table, .tun = set_up.tun})));
    }
    // Only what is still as we set it.
    if (set_up.src_valid_mark && read_setting(src_valid_mark) == 1) {
        write_setting(src_valid_mark, *set_up.src_valid_mark);
    }
}

}  // namespace culvert::plane
