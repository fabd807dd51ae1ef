// Which policies the plane holds without an SA: traps and shunts.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

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

// One that has no address for the moment stays as it is: without it, what it is to protect would
// leave in clear.
void Gateway::remove_unwanted_policies(const std::vector<InstalledPolicy>& wanted) {
    std::set<ChildName> names = unplaced_;
    for (const InstalledPolicy& one : wanted) {
        names.emplace(one.policy.connection, one.policy.name);
    }
    std::erase_if(policies_, [&](const InstalledPolicy& installed) {
        const ChildName name{installed.policy.connection, installed.policy.name};
        if (names.contains(name)) { return false; }
        host_.plane().remove_policy(name.first, name.second);
        return true;
    });
}

Status Gateway::add(const InstalledPolicy& wanted) {
    Status done = host_.plane().add_policy(wanted.policy);
    std::erase_if(policies_, [&](const InstalledPolicy& installed) {
        return installed.policy.connection == wanted.policy.connection &&
               installed.policy.name == wanted.policy.name;
    });
    if (done) { policies_.push_back(wanted); }
    return done;
}

// What somebody did to one child by hand does not hold for another one of its name.
void Gateway::forget_what_was_by_hand(const config::Changes& changes) {
    const auto forget = [this](const auto& meant) {
        std::erase_if(installed_by_hand_, meant);
        std::erase_if(uninstalled_by_hand_, meant);
    };
    forget(
        [&](const ChildName& name) { return find_connection(name.first, name.second) == nullptr; });
    for (const config::Changes::Child& child : changes.children_changed) {
        const auto keywords = changes.keywords.find(child.connection + "/" + child.child);
        if (keywords == changes.keywords.end() ||
            std::ranges::find(keywords->second, "start_action") == keywords->second.end()) {
            continue;
        }
        forget([&](const ChildName& name) {
            return name == ChildName{child.connection, child.child};
        });
    }
}

void Gateway::sync_policies() {
    const std::vector<InstalledPolicy> wanted = wanted_policies();
    remove_unwanted_policies(wanted);
    std::map<ChildName, const Policy*> there;
    for (const InstalledPolicy& one : policies_) {
        there.emplace(ChildName{one.policy.connection, one.policy.name}, &one.policy);
    }
    std::vector<const InstalledPolicy*> missing;
    for (const InstalledPolicy& one : wanted) {
        const auto known = there.find({one.policy.connection, one.policy.name});
        if (known == there.end() || !same(*known->second, one.policy)) { missing.push_back(&one); }
    }
    std::map<ChildName, std::string> refused;
    for (const InstalledPolicy* const one : missing) {
        const Status done = add(*one);
        if (done) { continue; }
        const ChildName name{one->policy.connection, one->policy.name};
        std::string why = explain(done.error());
        const auto before = refused_.find(name);
        if (before == refused_.end() || before->second != why) {
            tell_not_installed(one->policy, done.error());
        }
        refused.emplace(name, std::move(why));
    }
    refused_ = std::move(refused);
    retry_policies();
}

// One that was chosen for a child stays with it, also where another one is given the same number by
// its configuration afterwards.
void Gateway::warn_of_reqids() {
    std::map<ReqId, ChildName> configured;
    for (const ike::Connection& connection : current_->connections) {
        for (const ike::ChildConfig& child : connection.children) {
            if (child.reqid != 0) {
                configured.emplace(ReqId{child.reqid}, ChildName{connection.name, child.name});
            }
        }
    }
    if (configured.empty()) { return; }
    for (const ike::Connection& connection : current_->connections) {
        for (const ike::ChildConfig& child : connection.children) {
            if (child.reqid != 0) { continue; }
            const auto other =
                configured.find(host_.engines().reqid_of(connection.name, child.name));
            if (other == configured.end() || !reqids_told_.insert(other->first).second) {
                continue;
            }
            log_.error(LogGroup::daemon,
                       fmt::format("reqid = {} of {}/{} is that of {}/{} already, which got it "
                                   "before: packets of one may leave by the other. To fix it: "
                                   "choose another reqid, or restart culvertd",
                                   other->first.value(), other->second.first, other->second.second,
                                   connection.name, child.name));
        }
    }
}

void Gateway::tell_not_installed(const Policy& policy, const Error& why) {
    host_.tell({.kind = ike::EventKind::note,
                .severity = Severity::error,
                .connection = policy.connection,
                .child = policy.name,
                .error = why,
                .alert = "install-child-policy-failed",
                .text = "the policy was not installed, and is tried again"});
}

void Gateway::retry_policies() {
    policy_refusals_ = refused_.empty() ? 0 : policy_refusals_ + 1;
    // The look at the new addresses, which comes sooner, tries again as well.
    if (follows_addresses_ || (refused_.empty() && unplaced_.empty())) { return; }
    const unsigned doublings =
        unplaced_.empty() ? std::min(policy_refusals_ - 1, policy_doublings_max) : 0;
    place_timer_.set_in(policy_retry * (1U << doublings));
}

void Gateway::follow_addresses() {
    if (policies_.empty() && unplaced_.empty() && refused_.empty()) { return; }
    if (!std::exchange(follows_addresses_, true)) { place_timer_.set_in(policy_settle); }
}

const std::string* Gateway::policy_problem(const std::string& connection,
                                           const std::string& child) const {
    static const std::string no_address = "its dynamic selectors have no address so far";
    const ChildName name{connection, child};
    if (unplaced_.contains(name)) { return &no_address; }
    const auto refused = refused_.find(name);
    return refused == refused_.end() ? nullptr : &refused->second;
}

Status Gateway::install_policy(const std::string& connection, const std::string& child) {
    const ike::Connection* found = find_connection(connection, child);
    if (found == nullptr || child.empty()) {
        return std::unexpected(no_such_child(connection, child));
    }
    const auto config = std::ranges::find(found->children, child, &ike::ChildConfig::name);
    auto policy = policy_of(*found, *config, policy_source());
    if (!policy) { return std::unexpected(no_address_yet(child)); }
    const ChildName name{found->name, child};
    const bool there = std::ranges::any_of(policies_, [&](const InstalledPolicy& installed) {
        return same(installed.policy, *policy);
    });
    if (!there) {
        if (Status done = add({*std::move(policy), config->mode}); !done) {
            place_timer_.set_in(policy_retry);  // the one in whose place it came may be wanted
            return done;
        }
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
