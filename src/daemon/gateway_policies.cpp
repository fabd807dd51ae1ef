// Which policies the plane holds without an SA: traps and shunts.

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/gateway.hpp"
#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

Error no_address_yet(const std::string& child) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("addresses for the dynamic selectors of {}", printable(child)),
            .received = "none: the peer has no one address, or there is no route to it",
            .remedy = "name the peer in remote_addrs, or write the selectors out"};
}

Error not_installed(const std::string& child) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("an installed policy of {}", printable(child)),
            .received = "none",
            .remedy = "see what is installed with swanctl --list-pols"};
}

}  // namespace

PolicySource Gateway::policy_source() {
    return {
        .reqid_of =
            [this](const std::string& connection, const std::string& child) {
                return host_.engines().reqid_of(connection, child);
            },
        .source_for = [this](const IpAddress& remote) { return host_.plane().source_for(remote); }};
}

std::vector<InstalledPolicy> Gateway::wanted_policies() {
    std::vector<InstalledPolicy> out;
    std::set<ChildName> unplaced;
    const PolicySource source = policy_source();
    for (const ike::Connection& connection : current_->connections) {
        for (const ike::ChildConfig& child : connection.children) {
            const ChildName name{connection.name, child.name};
            const bool wanted = installed_by_hand_.contains(name) ||
                                (installs_by_itself(child) && !uninstalled_by_hand_.contains(name));
            if (!wanted) { continue; }
            if (auto policy = policy_of(connection, child, source)) {
                out.push_back({*std::move(policy), child.mode});
                continue;
            }
            unplaced.insert(name);
            if (!unplaced_.contains(name)) {
                log_.warn(LogGroup::daemon,
                          fmt::format("the trap of {}/{} waits: {}", name.first, name.second,
                                      explain(no_address_yet(child.name))));
            }
        }
    }
    unplaced_ = std::move(unplaced);
    return out;
}

void Gateway::remove_policies_that_changed(const std::vector<InstalledPolicy>& wanted) {
    std::map<ChildName, const Policy*> by_name;
    for (const InstalledPolicy& one : wanted) {
        by_name.emplace(ChildName{one.policy.connection, one.policy.name}, &one.policy);
    }
    std::erase_if(policies_, [&](const InstalledPolicy& installed) {
        const ChildName name{installed.policy.connection, installed.policy.name};
        const auto found = by_name.find(name);
        const bool stays = found != by_name.end() && same(*found->second, installed.policy);
        if (!stays) { host_.plane().remove_policy(name.first, name.second); }
        return !stays;
    });
}

Status Gateway::add(const InstalledPolicy& wanted) {
    Status done = host_.plane().add_policy(wanted.policy);
    if (done) { policies_.push_back(wanted); }
    return done;
}

void Gateway::sync_policies() {
    const std::vector<InstalledPolicy> wanted = wanted_policies();
    remove_policies_that_changed(wanted);
    std::set<ChildName> there;
    for (const InstalledPolicy& one : policies_) {
        there.emplace(one.policy.connection, one.policy.name);
    }
    for (const InstalledPolicy& one : wanted) {
        if (there.contains({one.policy.connection, one.policy.name})) { continue; }
        if (const Status done = add(one); !done) {
            host_.tell({.kind = ike::EventKind::note,
                        .severity = Severity::error,
                        .connection = one.policy.connection,
                        .child = one.policy.name,
                        .error = done.error(),
                        .alert = "install-child-policy-failed",
                        .text = "the policy was not installed"});
        }
    }
    if (!unplaced_.empty()) { place_timer_.set_in(policy_retry); }
}

Status Gateway::install_policy(const std::string& connection, const std::string& child) {
    const ike::Connection* found = find_connection(connection, child);
    if (found == nullptr) { return std::unexpected(no_such_child(connection, child)); }
    const auto config = std::ranges::find(found->children, child, &ike::ChildConfig::name);
    auto policy = policy_of(*found, *config, policy_source());
    if (!policy) { return std::unexpected(no_address_yet(child)); }
    const ChildName name{found->name, child};
    const bool there = std::ranges::any_of(policies_, [&](const InstalledPolicy& installed) {
        return same(installed.policy, *policy);
    });
    if (!there) {
        if (Status done = add({*std::move(policy), config->mode}); !done) { return done; }
    }
    installed_by_hand_.insert(name);
    uninstalled_by_hand_.erase(name);
    return {};
}

Status Gateway::uninstall_policy(const std::string& connection, const std::string& child) {
    const auto found = std::ranges::find_if(policies_, [&](const InstalledPolicy& installed) {
        return installed.policy.name == child &&
               (connection.empty() || installed.policy.connection == connection);
    });
    if (found == policies_.end()) { return std::unexpected(not_installed(child)); }
    const ChildName name{found->policy.connection, child};
    host_.plane().remove_policy(name.first, name.second);
    policies_.erase(found);
    installed_by_hand_.erase(name);
    uninstalled_by_hand_.insert(name);
    return {};
}

}  // namespace culvert::daemon
