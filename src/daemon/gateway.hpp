#pragma once
// What is configured, carried over to the engine and the plane: snapshots, names, policies, what
// starts by itself, shutting down. Main thread only.

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "daemon/config_store.hpp"
#include "daemon/engine_host.hpp"
#include "daemon/limits.hpp"
#include "daemon/log.hpp"
#include "daemon/policies.hpp"
#include "daemon/resolver.hpp"

namespace culvert::daemon {

// `child` may be empty.
Error no_such_child(const std::string& connection, const std::string& child);

struct InstalledPolicy {
    Policy policy;
    ike::ChildMode mode{};
};

class Gateway {
 public:
    // All that is referred to outlives the gateway.
    Gateway(Loop& loop, Log& log, EngineHost& host, Resolver& resolver);

    // Changes of the configuration; apply() or apply_soon() follows.
    ConfigStore& store() { return store_; }
    // Hands what is in the store to the engine and the plane. Unchanged connections notice nothing.
    void apply();
    // The same when no more changes come for a moment: swanctl loads connections one by one.
    void apply_soon();
    // After something was added: at once, unless so much is configured that apply_soon() is better.
    void apply_added();
    // For IKE over TCP (RFC 9329): yes, no, or when a connection wants it.
    void listen_by_tcp(std::optional<bool> wanted) { tcp_listen_ = wanted; }
    // How often names without an address are asked for; 0: once.
    void retry_names_every(std::chrono::seconds time) { name_retry_ = time; }
    // Now, if apply_soon() was asked for: before anything that looks at the configuration.
    void settle();
    const ike::Config& config() const { return *current_; }
    const ike::ConfigSnapshot& snapshot() const { return current_; }
    bool stands(const std::string& connection, const std::string& child) const;
    // What a reload to this would change.
    config::Changes preview(ike::Config file) const;

    // Initiates, with the peer's name looked up first if it has one and no SA stands. `connection`
    // may be empty. The id is there before `done` can run.
    ike::CommandId initiate(const std::string& connection, const std::string& child,
                            EngineHost::OnDone done);

    // Traps and shunts on demand, whatever start_action says. not_found, or the plane's refusal.
    Status install_policy(const std::string& connection, const std::string& child);
    Status uninstall_policy(const std::string& connection, const std::string& child);
    const std::vector<InstalledPolicy>& policies() const { return policies_; }

    // Why that of a child is not there though it is wanted; null: it is, or nobody wants it.
    const std::string* policy_problem(const std::string& connection,
                                      const std::string& child) const;
    // This host's addresses have changed: dynamic selectors stand for the new ones.
    void follow_addresses();

    // Names without an address, and why.
    const std::map<std::string, std::string, std::less<>>& unresolved() const { return why_; }

    // Follows what the engine tells: a peer that cannot be reached may have moved.
    void on_event(const ike::Event& event);

    // Deletes all SAs, waits a bounded time for the peers' answers, then calls `then`.
    void shut_down(std::function<void()> then);

 private:
    void listen_if_wanted(const ike::Config& config);
    void look_up(std::set<std::string> names, std::function<void()> then);
    void take_answer(Resolver::Answer answer);
    void look_up_wanted();
    void sync_policies();
    void forget_what_was_by_hand(const config::Changes& changes);
    void warn_of_reqids();
    void tell_not_installed(const Policy& policy, const Error& why);
    void retry_policies();
    void remove_unwanted_policies(const std::vector<InstalledPolicy>& wanted);
    std::vector<InstalledPolicy> wanted_policies();
    PolicySource policy_source();
    // In the place of one of the same name.
    Status add(const InstalledPolicy& wanted);
    void start_children(const config::Changes& changes);
    void start_child(const ike::Connection& connection, const ike::ChildConfig& child);
    // What stands was made by another configuration: it ends, and then starts anew.
    void restart_child(const ike::Connection& connection, const ike::ChildConfig& child,
                       bool whole_ike_sa);
    const ike::Connection* find_connection(const std::string& connection,
                                           const std::string& child) const;
    void initiate_now(ike::CommandId id, const std::string& connection, const std::string& child);

    Loop& loop_;
    Log& log_;
    EngineHost& host_;
    Resolver& resolver_;
    ConfigStore store_;
    ike::ConfigSnapshot current_;
    ResolvedNames resolved_;
    std::map<std::string, std::string, std::less<>> why_;
    std::vector<std::string> notes_;  // what was said of the configuration that is in use
    std::vector<InstalledPolicy> policies_;
    using ChildName = std::pair<std::string, std::string>;
    std::set<ChildName> installed_by_hand_;
    std::set<ChildName> uninstalled_by_hand_;
    std::set<ChildName> unplaced_;              // wanted, and without addresses so far
    std::map<ChildName, std::string> refused_;  // wanted, and why the plane did not take it
    std::set<ReqId> reqids_told_;
    unsigned policy_refusals_ = 0;  // one after another
    // start_action = start, and the peer has no address yet, or another one has to end first.
    std::set<ChildName> to_start_;
    std::set<std::string> names_asked_;  // no answer yet
    Timer apply_timer_;
    bool apply_waits_ = false;
    Instant apply_by_{};
    Timer name_timer_;
    Timer place_timer_;  // for what is unplaced or was refused
    bool follows_addresses_ = false;
    std::chrono::seconds name_retry_{name_retry};
    std::optional<bool> tcp_listen_;
    std::string tcp_problem_;  // that was told of last
    Timer shutdown_timer_;
    std::function<void()> after_shutdown_;
    bool looking_up_ = false;
    std::set<std::string> names_wanted_;  // of peers that were lost meanwhile
};

}  // namespace culvert::daemon
