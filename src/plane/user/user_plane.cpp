#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <time.h>

#include "plane/host_addresses.hpp"
#include "plane/limits.hpp"
#include "plane/user/key_log.hpp"
#include "plane/user/user_plane_class.hpp"

namespace culvert::plane {

Instant boot_time_now() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return Instant{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

void UserPlane::publish() { tables_.publish(book_.spd(), book_.sad()); }

// Routes and packet filter after the policies.
Status UserPlane::follow_policies() {
    const std::vector<RoutedPolicy> policies = book_.routed();
    std::vector<IpAddress> own = host_addresses_;
    std::erase_if(own, [this](const IpAddress& one) { return tun_addresses_.contains(one); });
    book_.leave_alone(left_to_the_host(policies, own));
    publish();
    followed_ = book_.spd();
    const std::vector<Route> routes = plan_routes(policies, host_addresses_);
    wide_routes_ = has_wide_route(routes);
    const Status done = kernel_->apply(routes);
    if (settings_.tun_mtu == 0) {
        const std::uint32_t wanted = std::clamp(
            book_.inner_mtu_max(), std::uint32_t{tun_mtu_default}, std::uint32_t{tun_mtu_max});
        if (auto set = kernel_->set_mtu(wanted); !set && done) { return set; }
    }
    filter_->update(book_.spd_entries());
    return done;
}

// Of many SAs and policies one costs no more than of few: it gets its own routes now, and the tick
// does the rest.
Status UserPlane::follow_addition(const RoutedPolicy& added) {
    const std::vector<Route> routes = plan_routes({added}, host_addresses_);
    const bool apart =
        many() && !wide_routes_ && !has_wide_route(routes) && added.action == PolicyAction::protect;
    if (!apart) {
        Status done = follow_policies();
        // That another one's routes cannot be made is not this one's fault.
        return done || kernel_->has(routes) ? Status{} : done;
    }
    followed_ = book_.spd();
    paths_changed_ = true;
    if (settings_.tun_mtu == 0 && added.mtu > kernel_->mtu()) {
        if (auto set = kernel_->set_mtu(std::min(added.mtu, std::uint32_t{tun_mtu_max})); !set) {
            return set;
        }
    }
    return kernel_->add(routes);
}

// What has a route and no policy any more is refused, not sent in clear: that can wait for the
// tick.
void UserPlane::follow_removal() {
    if (book_.spd() == followed_) { return; }
    if (many()) {
        followed_ = book_.spd();
        paths_changed_ = true;
    } else {
        static_cast<void>(follow_policies());
    }
}

std::uint32_t UserPlane::path_mtu_to(const IpAddress& remote) const {
    return routed_mtu(remote, settings_.mark).value_or(0);
}

Status UserPlane::install(ChildSa sa) {
    const Instant now = boot_time_now();
    const std::scoped_lock lock{mutex_};
#ifdef CULVERT_KEY_LOG
    if (!settings_.key_log.empty()) { write_key_log(settings_.key_log, sa); }
#endif
    // What an older SA to this peer has learned holds; else what the kernel knows.
    const std::uint32_t learned = book_.path_mtu_to(sa.remote.address);
    const std::uint32_t path_mtu = learned != 0 ? learned : path_mtu_to(sa.remote.address);
    if (auto done = book_.add(sa, path_mtu, random_, now); !done) { return done; }
    // The workers know it before the routes bring them packets.
    publish();
    if (book_.spd() != followed_) {
        const auto added = book_.routed(sa.id);
        if (auto done = added ? follow_addition(*added) : follow_policies(); !done) {
            book_.remove(sa.id);
            publish();
            static_cast<void>(follow_policies());
            return done;
        }
    } else if (sa.install_policies) {
        paths_changed_ = true;  // its MTU may differ from that of its predecessor
    }
    for (const auto& worker : workers_) { worker->sa_came(); }
    return {};
}

void UserPlane::stop_sending(ChildSaId id) {
    const std::scoped_lock lock{mutex_};
    book_.stop_sending(id);
    publish();
}

void UserPlane::remove(ChildSaId id) {
    {
        const std::scoped_lock lock{mutex_};
        book_.remove(id);
        // The routes go before the policies: what still comes is dropped, not sent in clear.
        publish();
        follow_removal();
    }
    const std::scoped_lock lock{lifetime_mutex_};
    told_.erase(id);
}

void UserPlane::retire(ChildSaId id) {
    const std::scoped_lock lock{mutex_};
    book_.retire(id, boot_time_now() + retired_linger);
    publish();
}

Status UserPlane::update_endpoints(ChildSaId id, Endpoint local, Endpoint remote, bool udp_encap,
                                   StreamId stream) {
    const std::scoped_lock lock{mutex_};
    const Status done = book_.update_endpoints(
        id, {.local = local, .remote = remote, .udp_encap = udp_encap, .stream = stream},
        path_mtu_to(remote.address));
    if (done) {
        publish();
        paths_changed_ = true;
    }
    return done;
}

// The monitor passes over our own interface, so what routes prefer as source is learned here.
Status UserPlane::add_address(const IpAddress& address) {
    const std::scoped_lock lock{mutex_};
    if (auto done = kernel_->add_address(address); !done) { return done; }
    tun_addresses_.insert(address);
    if (std::ranges::find(host_addresses_, address) == host_addresses_.end()) {
        host_addresses_.push_back(address);
    }
    return follow_policies();
}

void UserPlane::remove_address(const IpAddress& address) {
    const std::scoped_lock lock{mutex_};
    std::erase(host_addresses_, address);
    tun_addresses_.erase(address);
    // First the routes that prefer it as source.
    static_cast<void>(follow_policies());
    static_cast<void>(kernel_->remove_address(address));
}

Status UserPlane::add_policy(const Policy& policy) {
    const std::scoped_lock lock{mutex_};
    // As long as they come, what a predecessor left holds for those that are yet to come.
    inherited_until_ = std::max(inherited_until_, boot_time_now() + inherited_hold);
    book_.add(policy);
    publish();
    const auto added = book_.routed(policy.connection, policy.name);
    Status done = added ? follow_addition(*added) : follow_policies();
    if (!done) {
        book_.remove(policy.connection, policy.name);
        publish();
        static_cast<void>(follow_policies());
    }
    return done;
}

void UserPlane::remove_policy(const std::string& connection, const std::string& name) {
    const std::scoped_lock lock{mutex_};
    book_.remove(connection, name);
    publish();
    follow_removal();
}

}  // namespace culvert::plane
