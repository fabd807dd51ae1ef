#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <net/if.h>

#include "plane/errors.hpp"
#include "plane/host_addresses.hpp"
#include "plane/limits.hpp"
#include "plane/user/user_plane_class.hpp"

namespace culvert::plane {

std::optional<ChildSaCounters> UserPlane::counters(ChildSaId id) {
    const std::scoped_lock lock{mutex_};
    return book_.counters(id, boot_time_now());
}

std::map<std::string, std::uint64_t> UserPlane::statistics() {
    std::map<std::string, std::uint64_t> out;
    if (workers_.empty()) { return out; }
    carrier_.add_statistics(out);
    streams_.add_statistics(out);
    out["esp_receive_overflow"] = carrier_.sockets().esp_overflowed();
    for (const auto& worker : workers_) { worker->add_statistics(out); }
    if (xdp_) { out["esp_receive_overflow"] += xdp_->overflowed(); }
    if (const auto full = tun_->overflowed()) { out["tun_queue_full"] = *full; }
    {
        const std::scoped_lock lock{mutex_};
        out["sas"] = book_.size();
        out["policies"] = book_.policies();
        // ICMP "too big" that names no SA of ours, or would widen a path.
        out["path_mtu_refused"] = path_mtu_refused_;
    }
    // The kernel counts what its packet filter drops for us.
    if (const auto dropped = filter_->dropped()) {
        out[std::string{name(ipsec::DropReason::inbound_must_be_protected)}] += dropped->clear;
        out[std::string{name(ipsec::DropReason::inbound_discard)}] += dropped->discard;
    }
    out["filter_update_failed"] = filter_->failures();
    out["filter_restored"] = filter_->restored();
    return out;
}

std::string UserPlane::description() {
    const bool filtered = filter_ && filter_->running();
    return fmt::format("user (TUN {}, {} worker{}, UDP {} and {}; fast paths: {}{})",
                       settings_.tun_name, worker_count_, worker_count_ == 1 ? "" : "s", ike_port(),
                       nat_t_port(), fast_paths_in_use(),
                       filtered ? "" : "; no filter for clear packets");
}

std::string UserPlane::fast_paths_in_use() const {
    const std::string xdp = xdp_ ? xdp_->description() : std::string{};
    std::vector<std::string_view> names;
    if (tun_) {
        if (tun_->offloads().tcp) { names.push_back("TUN super-packets of TCP"); }
        if (tun_->offloads().udp) { names.push_back("of UDP"); }
        if (tun_->queues() > 1) { names.push_back("TUN queues by flow"); }
        if (fast_paths_.udp_gso) { names.push_back("UDP GSO"); }
        if (fast_paths_.packet_socket) { names.push_back("packet socket for native ESP"); }
        if (xdp_) { names.push_back(xdp); }
        if (carrier_.is_open() && carrier_.sockets().coalesces()) { names.push_back("UDP GRO"); }
    }
    return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

void UserPlane::lifetime(ChildSaId id, ipsec::LifetimeEvent event) {
    if (event == ipsec::LifetimeEvent::none) { return; }
    {
        // Both directions reach their limits; the first one to do so speaks for the pair.
        const std::scoped_lock lock{lifetime_mutex_};
        auto& told = told_[id];
        if (told >= event) { return; }
        told = event;
    }
    events_->expire(id, event == ipsec::LifetimeEvent::soft ? ExpireKind::soft : ExpireKind::hard);
}

void UserPlane::acquire(ReqId reqid, const TrafficSelector& local, const TrafficSelector& remote) {
    {
        // Several workers may have packets for the same.
        const Instant now = boot_time_now();
        const std::scoped_lock lock{acquire_mutex_};
        std::erase_if(acquired_,
                      [now](const auto& one) { return now - one.second >= acquire_again_after; });
        if (!acquired_.try_emplace(reqid, now).second) { return; }
    }
    events_->acquire(reqid, local, remote);
}

void UserPlane::learned_path_mtu(const IpAddress& remote, std::uint32_t path_mtu) {
    const std::scoped_lock lock{mutex_};
    if (book_.set_path_mtu(remote, path_mtu)) { paths_changed_ = true; }
}

void UserPlane::network_says_too_big(const NetworkError& error) {
    if (!error.said_by) {  // our own host: its interface's MTU
        learned_path_mtu(error.remote.address, *error.path_mtu);
        return;
    }
    const std::scoped_lock lock{mutex_};
    if (book_.believe_path_mtu(error.remote.address, error.quoted, *error.path_mtu)) {
        paths_changed_ = true;
    } else {
        ++path_mtu_refused_;
    }
}

void UserPlane::tick() {
    if (xdp_) { xdp_->push(); }
    std::vector<std::pair<ChildSaId, ipsec::LifetimeEvent>> events;
    {
        const std::scoped_lock lock{mutex_};
        const Instant now = boot_time_now();
        if (book_.remove_retired(now)) { publish(); }
        if (now >= inherited_until_) { kernel_->drop_inherited(); }
        events = book_.take_lifetime_events(now);
        // What the kernel has learned about paths, and forgotten again (RFC 1191 6.3).
        if (++ticks_ % ticks_between_path_looks == 0) {
            for (const IpAddress& remote : book_.remotes()) {
                const std::uint32_t path_mtu = path_mtu_to(remote);
                if (path_mtu != 0 && book_.widen_path_mtu(remote, path_mtu)) {
                    paths_changed_ = true;
                }
            }
        }
        {
            const std::scoped_lock telling{lifetime_mutex_};
            std::erase_if(told_, [this](const auto& one) { return !book_.has(one.first); });
        }
        if (paths_changed_.exchange(false)) {
            static_cast<void>(follow_policies());
            much_to_free_ = many();
        } else if (std::exchange(much_to_free_, false)) {
            // A plan of all tunnels takes some of what the tunnels themselves do.
            ::malloc_trim(0);
        }
    }
    for (const auto& [id, event] : events) { lifetime(id, event); }
}

void UserPlane::addresses_changed() {
    const std::scoped_lock lock{mutex_};
    host_addresses_.clear();
    for (const HostAddress& host : host_addresses()) {
        host_addresses_.push_back(host.address.address);
    }
    if (xdp_) { xdp_->set_addresses(host_addresses_); }
    ticks_ = ticks_between_path_looks - 1;  // the next tick looks at the paths
    paths_changed_ = true;
}

// Somebody took away what we set up: a network manager that clears what it does not know, or a hand
// that set the TUN down. What is to be protected must not leave in clear meanwhile.
void UserPlane::set_up_changed(bool only_rules) {
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(static_cast<unsigned>(tun_->index()), name.data()) == nullptr) {
        return events_->lost(tun_is_gone(settings_.tun_name));
    }
    const std::scoped_lock lock{mutex_};
    if (auto done = only_rules ? kernel_->restore_rules() : kernel_->restore(); !done) {
        events_->warning(std::move(done).error());
    }
}

}  // namespace culvert::plane
