#include "daemon/updown.hpp"

#include <algorithm>
#include <utility>

#include "plane/host_addresses.hpp"

namespace culvert::daemon {
namespace {

std::string interface_of(const IpAddress& address) {
    const auto all = plane::host_addresses();
    const auto found = std::ranges::find_if(
        all, [&](const plane::HostAddress& one) { return one.address.address == address; });
    return found == all.end() ? std::string{} : found->interface;
}

const ike::ChildSaStatus* child_of(const ike::Event& event) {
    if (!event.ike) { return nullptr; }
    const auto found = std::ranges::find(event.ike->children, event.child_unique_id,
                                         &ike::ChildSaStatus::unique_id);
    return found == event.ike->children.end() ? nullptr : &*found;
}

}  // namespace

Updown::Updown(Loop& loop, Log& log, NameServersOf name_servers)
    : name_servers_(std::move(name_servers)), queue_(loop, log) {}

void Updown::on_event(const ike::Event& event, const ike::Config& config) {
    const Key key{event.ike_unique_id, event.child};
    if (event.kind == ike::EventKind::child_down) {
        const auto found = up_of(key, event);
        if (found == up_.end()) { return; }
        for (const Program& run : found->second.runs) {
            queue_.add({run.command, for_down(run.environment)});
        }
        up_.erase(found);
        return;
    }
    if (event.kind == ike::EventKind::ike_rekeyed && event.old_ike) {
        return hand_over(event.old_ike->unique_id, event.ike_unique_id);
    }
    if (event.kind != ike::EventKind::child_up || !event.ike) { return; }
    const auto connection =
        std::ranges::find(config.connections, event.connection, &ike::Connection::name);
    if (connection == config.connections.end()) { return; }
    const auto child =
        std::ranges::find(connection->children, event.child, &ike::ChildConfig::name);
    const ike::ChildSaStatus* const status = child_of(event);
    if (child == connection->children.end() || child->updown.empty() || status == nullptr) {
        return;
    }
    std::vector<Program> runs;
    const UpdownHost host{.interface = interface_of(event.ike->local.address),
                          .name_servers = name_servers_(event.connection)};
    for (Environment& environment : updown_runs(*event.ike, *status, *child, host)) {
        runs.push_back({child->updown, std::move(environment)});
    }
    for (const Program& run : runs) { queue_.add(run); }
    up_.emplace(key, Up{status->local_ts, status->remote_ts, std::move(runs)});
}

// A rekey may have changed the unique id, and keeps the selectors.
Updown::Ups::iterator Updown::up_of(const Key& key, const ike::Event& event) {
    const auto [first, last] = up_.equal_range(key);
    const ike::ChildSaStatus* const child = child_of(event);
    const auto fits = std::find_if(first, last, [&](const auto& entry) {
        return child != nullptr && entry.second.local_ts == child->local_ts &&
               entry.second.remote_ts == child->remote_ts;
    });
    if (fits != last) { return fits; }
    return first == last ? up_.end() : first;
}

void Updown::hand_over(std::uint32_t old_ike, std::uint32_t new_ike) {
    auto at = up_.lower_bound(Key{old_ike, {}});
    while (at != up_.end() && at->first.first == old_ike) {
        auto next = std::next(at);
        auto node = up_.extract(at);
        node.key().first = new_ike;
        up_.insert(std::move(node));
        at = next;
    }
}

}  // namespace culvert::daemon
