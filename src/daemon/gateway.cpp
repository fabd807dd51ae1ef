#include "daemon/gateway.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

Error no_address_for(const std::string& names, const std::string& why) {
    return {.code = ErrorCode::peer_unreachable,
            .wanted = fmt::format("an address for {}", printable(names)),
            .received = why,
            .remedy = "check the name and this host's DNS, or write the address into remote_addrs"};
}

// Whether names stand for the same addresses, connections being the same.
bool same_places(const ike::Config& a, const ike::Config& b) {
    const auto ranges = [](const ike::AddressPattern& one) -> const auto& { return one.ranges; };
    return std::ranges::equal(
        a.connections, b.connections, [&](const ike::Connection& x, const ike::Connection& y) {
            return std::ranges::equal(x.local_addrs, y.local_addrs, {}, ranges, ranges) &&
                   std::ranges::equal(x.remote_addrs, y.remote_addrs, {}, ranges, ranges);
        });
}

// Of whoever comes it can only be meant that he comes by TCP: we cannot go there.
bool wants_tcp_from_anybody(const ike::Connection& connection) {
    const auto one_address = [](const ike::AddressPattern& pattern) {
        return !pattern.any && (pattern.ranges.empty() ||
                                pattern.ranges.front().first == pattern.ranges.front().last);
    };
    return connection.tcp != ike::TcpUse::no &&
           std::ranges::none_of(connection.remote_addrs, one_address);
}

}  // namespace

Error no_such_child(const std::string& connection, const std::string& child) {
    return {.code = ErrorCode::not_found,
            .wanted = connection.empty() ? fmt::format("the child {}", printable(child))
                      : child.empty()    ? fmt::format("the connection {}", printable(connection))
                                         : fmt::format("the child {} of connection {}",
                                                       printable(child), printable(connection)),
            .received = "a configuration without it",
            .remedy = "see what is loaded (culvert status, swanctl --list-conns), and load it"};
}

Gateway::Gateway(Loop& loop, Log& log, EngineHost& host, Resolver& resolver)
    : loop_(loop),
      log_(log),
      host_(host),
      resolver_(resolver),
      current_(std::make_shared<ike::Config>()),
      apply_timer_(loop, [this] { settle(); }),
      name_timer_(loop,
                  [this] {
                      std::set<std::string> names;
                      for (const auto& [name, reason] : why_) { names.insert(name); }
                      look_up(std::move(names), [] {});
                  }),
      place_timer_(loop,
                   [this] {
                       follows_addresses_ = false;
                       sync_policies();
                   }),
      shutdown_timer_(loop, [this] {
          if (after_shutdown_) { std::exchange(after_shutdown_, {})(); }
      }) {}

void Gateway::apply_soon() {
    // The more come, the later; but not for ever: what was acknowledged is to hold.
    const Instant now = Loop::now();
    if (!apply_waits_) { apply_by_ = now + apply_after_at_most; }
    apply_waits_ = true;
    apply_timer_.set_in(std::clamp<Duration>(apply_by_ - now, Duration{}, apply_after));
}

void Gateway::apply_added() {
    // What was cleared to be loaded anew is not shown half loaded.
    if (apply_waits_ || store_.size() > apply_at_once_max) { return apply_soon(); }
    apply();
}

void Gateway::settle() {
    if (apply_waits_) { apply(); }
}

void Gateway::apply() {
    apply_waits_ = false;
    // Names that nobody needs any more are forgotten, so that they are asked anew when they return.
    const std::set<std::string> names = store_.names_to_resolve();
    std::erase_if(resolved_, [&](const auto& entry) { return !names.contains(entry.first); });
    std::erase_if(why_, [&](const auto& entry) { return !names.contains(entry.first); });

    std::vector<std::string> notes;
    auto next = store_.snapshot(resolved_, &notes);
    if (notes != notes_) {
        for (const std::string& note : notes) {
            log_.warn(LogGroup::config, printable(note, 4096));
        }
        notes_ = std::move(notes);
    }
    const config::Changes changes = config::compare(*current_, *next);
    listen_if_wanted(*next);
    if (!changes.empty() || !same_places(*current_, *next)) {
        current_ = std::move(next);
        host_.configure(current_);
        forget_what_was_by_hand(changes);
        warn_of_reqids();
        sync_policies();
        start_children(changes);
    }
    std::set<std::string> unknown;
    for (const std::string& name : names) {
        if (!resolved_.contains(name) && !names_asked_.contains(name)) { unknown.insert(name); }
    }
    if (!unknown.empty()) {
        look_up(std::move(unknown), [] {});
    }
}

void Gateway::listen_if_wanted(const ike::Config& config) {
    const bool wanted =
        tcp_listen_.value_or(std::ranges::any_of(config.connections, wants_tcp_from_anybody));
    const Status done = host_.plane().listen_tcp(wanted);
    const std::string problem = done ? std::string{} : explain(done.error());
    if (!problem.empty() && problem != tcp_problem_) {
        log_.error(LogGroup::daemon, "no IKE over TCP is accepted: " + problem);
    }
    tcp_problem_ = problem;
}

config::Changes Gateway::preview(ike::Config file) const {
    ConfigStore next = store_.copy();
    next.replace_file(std::move(file));
    return config::compare(*current_, *next.snapshot(resolved_));
}

void Gateway::look_up(std::set<std::string> names, std::function<void()> then) {
    if (names.empty()) {
        then();
        return;
    }
    names_asked_.insert(names.begin(), names.end());
    const auto left = std::make_shared<std::size_t>(names.size());
    const auto after = std::make_shared<std::function<void()>>(std::move(then));
    // One by one: what has an address does not wait for a server that does not answer for another.
    for (const std::string& name : names) {
        resolver_.resolve({name}, [this, left, after](Resolver::Answer answer) {
            take_answer(std::move(answer));
            if (--*left > 0) { return; }
            settle();
            (*after)();
            if (!why_.empty() && name_retry_.count() > 0) { name_timer_.set_in(name_retry_); }
        });
    }
}

void Gateway::take_answer(Resolver::Answer answer) {
    for (auto& [name, addresses] : answer.addresses) {
        names_asked_.erase(name);
        const auto reason = answer.why.find(name);
        if (reason == answer.why.end()) {
            why_.erase(name);
        } else {
            if (!why_.contains(name)) {
                host_.tell({.kind = ike::EventKind::note,
                            .severity = Severity::warn,
                            .error = no_address_for(name, reason->second),
                            .alert = "peer-addr-failed",
                            .text = {}});
            }
            why_[name] = reason->second;
            // An address that was right once is better than none while DNS is away.
            if (const auto known = resolved_.find(name);
                known != resolved_.end() && !known->second.empty()) {
                continue;
            }
        }
        if (resolved_.contains(name) && resolved_[name] == addresses) { continue; }
        resolved_[name] = std::move(addresses);
        apply_soon();
    }
}

const ike::Connection* Gateway::find_connection(const std::string& connection,
                                                const std::string& child) const {
    for (const ike::Connection& one : current_->connections) {
        if (!connection.empty() && one.name != connection) { continue; }
        if (child.empty() ||
            std::ranges::find(one.children, child, &ike::ChildConfig::name) != one.children.end()) {
            return &one;
        }
    }
    return nullptr;
}

bool Gateway::stands(const std::string& connection, const std::string& child) const {
    return host_.engines().stands(connection, child);
}

void Gateway::start_children(const config::Changes& changes) {
    const std::set<std::string_view> added{changes.added.begin(), changes.added.end()};
    const std::set<std::string_view> whole_ones{changes.changed.begin(), changes.changed.end()};
    std::set<std::pair<std::string_view, std::string_view>> children;
    for (const auto* list : {&changes.children_added, &changes.children_changed}) {
        for (const config::Changes::Child& one : *list) {
            children.emplace(one.connection, one.child);
        }
    }
    const auto changed = [&](const std::string& connection, const std::string& child) {
        return added.contains(connection) || children.contains({connection, child});
    };
    for (const ike::Connection& connection : current_->connections) {
        for (const ike::ChildConfig& child : connection.children) {
            const bool is_sa =
                child.mode == ike::ChildMode::tunnel || child.mode == ike::ChildMode::transport;
            const bool starts = child.start_action == ike::StartAction::start;
            if (!is_sa || (!starts && !child.keep_up)) { continue; }
            const bool whole = whole_ones.contains(connection.name);
            if ((whole || changed(connection.name, child.name)) &&
                stands(connection.name, child.name)) {
                restart_child(connection, child, whole);
                continue;
            }
            // The second look at one that could not start: it may now.
            const bool waited = to_start_.erase({connection.name, child.name}) > 0;
            if (starts && (waited || changed(connection.name, child.name))) {
                start_child(connection, child);
            }
        }
    }
}

void Gateway::start_child(const ike::Connection& connection, const ike::ChildConfig& child) {
    const auto lacks_address = [](const ike::AddressPattern& pattern) {
        return is_name(pattern) && pattern.ranges.empty();
    };
    const ChildName name{connection.name, child.name};
    if (!connection.remote_addrs.empty() &&
        std::ranges::all_of(connection.remote_addrs, lacks_address)) {
        to_start_.insert(name);
        return;
    }
    if (stands(connection.name, child.name)) { return; }
    const ike::CommandId id = host_.new_command([this, name](const ike::CommandDone& done) {
        if (done.status) { return; }
        log_.error(LogGroup::daemon,
                   fmt::format("{}/{} (start_action = start) did not come up: {}", name.first,
                               name.second, explain(done.status.error())));
        // The peer may have moved meanwhile; a new address starts nothing by itself.
        look_up(store_.names_to_resolve(name.first), [] {});
    });
    // Later: the configuration that is being carried over may hold more.
    loop_.post([this, id, name] { initiate_now(id, name.first, name.second); });
}

void Gateway::restart_child(const ike::Connection& connection, const ike::ChildConfig& child,
                            bool whole_ike_sa) {
    const ChildName name{connection.name, child.name};
    const ike::CommandId id = host_.new_command([this, name](const ike::CommandDone&) {
        to_start_.insert(name);
        loop_.post([this] { start_children({}); });
    });
    loop_.post([this, id, name, whole_ike_sa] {
        host_.handle(ike::Terminate{
            .id = id, .ike = name.first, .child = whole_ike_sa ? std::string{} : name.second});
    });
}

void Gateway::initiate_now(ike::CommandId id, const std::string& connection,
                           const std::string& child) {
    host_.handle(ike::Initiate{.id = id, .connection = connection, .child = child});
}

ike::CommandId Gateway::initiate(const std::string& connection, const std::string& child,
                                 EngineHost::OnDone done) {
    const ike::CommandId id = host_.new_command(std::move(done));
    const ike::Connection* found = find_connection(connection, child);
    if (found == nullptr) {
        loop_.post([this, id, connection, child] {
            host_.finish({id, std::unexpected(no_such_child(connection, child))});
        });
        return id;
    }
    std::set<std::string> names;
    if (!stands(found->name, {})) { names = store_.names_to_resolve(found->name); }
    const std::string name = found->name;
    loop_.post([this, id, name, child, names = std::move(names)]() mutable {
        const std::set<std::string> asked = names;
        look_up(std::move(names), [this, id, name, child, asked] {
            const ike::Connection* now = find_connection(name, child);
            const bool nowhere =
                now != nullptr && !now->remote_addrs.empty() &&
                std::ranges::all_of(now->remote_addrs, [](const ike::AddressPattern& pattern) {
                    return is_name(pattern) && pattern.ranges.empty();
                });
            if (!nowhere) {
                initiate_now(id, name, child);
                return;
            }
            std::string why;
            for (const std::string& one : asked) {
                if (const auto reason = why_.find(one); reason != why_.end()) {
                    why = reason->second;
                }
            }
            host_.finish({id, std::unexpected(
                                  no_address_for(fmt::format("{}", fmt::join(asked, ", ")), why))});
        });
    });
    return id;
}

void Gateway::on_event(const ike::Event& event) {
    const bool lost = event.kind == ike::EventKind::peer_dead ||
                      (event.error && (event.error->code == ErrorCode::peer_unreachable ||
                                       event.error->code == ErrorCode::timed_out));
    if (!lost || event.connection.empty()) { return; }
    names_wanted_.merge(store_.names_to_resolve(event.connection));
    if (names_wanted_.empty() || std::exchange(looking_up_, true)) { return; }
    loop_.post([this] { look_up_wanted(); });
}

// What is wanted meanwhile is asked for together when the answers are there.
void Gateway::look_up_wanted() {
    look_up(std::exchange(names_wanted_, {}), [this] {
        looking_up_ = !names_wanted_.empty();
        if (looking_up_) {
            loop_.post([this] { look_up_wanted(); });
        }
    });
}

void Gateway::shut_down(std::function<void()> then) {
    if (after_shutdown_) { return; }
    after_shutdown_ = std::move(then);
    const auto finish = [this](const ike::CommandDone&) {
        loop_.post([this] {
            if (after_shutdown_) { std::exchange(after_shutdown_, {})(); }
        });
    };
    shutdown_timer_.set_in(shutdown_max);
    host_.handle(ike::Ending{});
    host_.handle(ike::Terminate{.id = host_.new_command(finish)});
}

}  // namespace culvert::daemon
