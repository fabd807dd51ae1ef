#include "ike/v2/ike_sa.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

IkeSa::IkeSa(SaCore core, const EngineSettings& settings)
    : core_(std::move(core)),
      state_(Established{}),
      requests_(settings.retransmit),
      keep_alive_(settings.keep_alive) {}

std::unique_ptr<IkeSa> IkeSa::half_open(SaCore core, InitResult init, const Datagram& request,
                                        const Environment& env) {
    auto sa = std::make_unique<IkeSa>(std::move(core), env.settings());
    sa->half_open_address_ = request.remote.address;
    sa->counted_half_open_ = true;
    env.state.guard.opened(sa->half_open_address_);
    env.state.by_initiator_spi.insert_or_assign(sa->core_.remote_spi, sa->core_.local_spi);
    sa->responses_.answered(MessageId{0}, {init.response});
    sa->state_ = HalfOpen{.exchange = AuthResponder{std::move(init)},
                          .give_up_at = env.now + env.settings().half_open_timeout};
    return sa;
}

std::unique_ptr<IkeSa> IkeSa::successor(SaCore core, const Environment& env) {
    auto sa = std::make_unique<IkeSa>(std::move(core), env.settings());
    sa->last_inbound_ = env.now;
    sa->last_outbound_ = env.now;
    return sa;
}

std::string_view IkeSa::name(const State& state) {
    return std::visit(Overloaded{
                          [](const InitSent&) { return "IKE_SA_INIT sent"; },
                          [](const AuthSent&) { return "IKE_AUTH sent"; },
                          [](const HalfOpen&) { return "half-open"; },
                          [](const Lingering&) { return "over"; },
                          [](const Established&) { return "established"; },
                          [](const Rekeyed&) { return "rekeyed"; },
                          [](const Deleting&) { return "deleting"; },
                          [](const Gone&) { return "gone"; },
                      },
                      state);
}

void IkeSa::enter(State next, std::string_view because, const Environment& env) {
    env.event(core_, EventKind::ike_state_changed, Severity::debug,
              fmt::format("IKE SA {}[{}]: {} -> {}, because {}", core_.name(), core_.unique_id,
                          name(state_), name(next), because));
    state_ = std::move(next);
}

void IkeSa::become_established(const Environment& env) {
    if (counted_half_open_) {
        env.state.guard.closed(half_open_address_);
        counted_half_open_ = false;
    }
    core_.established_at = env.now;
    const Connection& connection = *core_.connection;
    core_.rekey_at = env.at_about(connection.rekey_time, connection.rand_time);
    if (core_.rekey_at) { core_.expires_at = *core_.rekey_at + connection.over_time; }
    last_inbound_ = env.now;
    enter(Established{}, "both sides are authenticated", env);
    env.event(core_, EventKind::ike_up, Severity::info,
              fmt::format("IKE SA {}[{}] established between {}[{}] and {}[{}] with {}",
                          core_.name(), core_.unique_id, core_.local.address.to_string(),
                          core_.local_id.to_string(), core_.remote.address.to_string(),
                          core_.remote_id.to_string(), core_.suite->to_string()));
}

void IkeSa::end(const Error& why, bool linger, const Environment& env) {
    const bool was_up = core_.established_at.has_value() &&
                        !std::holds_alternative<Rekeyed>(state_) && !inherits_from_ &&
                        !std::holds_alternative<Lingering>(state_);
    if (was_up) {
        env.event(core_, EventKind::ike_down, Severity::info,
                  fmt::format("IKE SA {}[{}] with {} closed: {}", core_.name(), core_.unique_id,
                              core_.remote.to_string(), explain(why)));
    }
    while (!core_.children.empty()) {
        remove_child(core_, core_.children.back().id, "its IKE SA is closed", env);
    }
    if (auto* waiting = std::get_if<AuthSent>(&state_)) { waiting->exchange.abandon(env); }
    if (active_) {
        if (auto* create = std::get_if<CreateChild>(&active_->what)) { create->abandon(core_, env); }
    }
    fail_all(why, env);
    requests_.abandon();
    if (linger) {
        enter(Lingering{.forget_at = env.now + linger_time}, explain(why), env);
        return;
    }
    if (counted_half_open_) {
        env.state.guard.closed(half_open_address_);
        counted_half_open_ = false;
    }
    if (!core_.original_initiator) {
        const auto found = env.state.by_initiator_spi.find(core_.remote_spi);
        if (found != env.state.by_initiator_spi.end() && found->second == core_.local_spi) {
            env.state.by_initiator_spi.erase(found);
        }
    }
    enter(Gone{}, explain(why), env);
    env.touch(core_.local_spi);
}

void IkeSa::fail_all(const Error& error, const Environment& env) {
    const auto done = [&](const std::vector<CommandId>& commands, bool wanted_the_end) {
        for (const CommandId id : commands) {
            env.command_done(id, wanted_the_end ? Status{} : Status{std::unexpected(error)});
        }
    };
    const auto fail = [&](Task& task) {
        const bool wanted_the_end = std::holds_alternative<DeleteIkeTask>(task.what) ||
                                    std::holds_alternative<DeleteChildTask>(task.what);
        done(std::exchange(task.commands, {}), wanted_the_end);
    };
    if (active_) { fail(active_->task); }
    active_.reset();
    for (Task& task : queue_) { fail(task); }
    queue_.clear();
    if (begin_) { done(std::exchange(begin_->commands, {}), false); }
    begin_.reset();
}

void IkeSa::vanish(const std::string& why, const Environment& env) {
    end(peer_closed(core_.connection ? core_.name() : std::string{}, why), false, env);
}

void IkeSa::close(std::vector<CommandId> commands, const Environment& env) {
    env.touch(core_.local_spi);
    const auto done = [&] {
        for (const CommandId id : commands) { env.command_done(id, {}); }
    };
    std::visit(
        Overloaded{
            [&](InitSent&) {  // the peer keeps nothing that its time would not clear
                end(cancelled("it was closed while it connected"), false, env);
                done();
            },
            [&](AuthSent&) {
                close_wanted_ = true;
                queue_.push_back({.what = DeleteIkeTask{}, .commands = std::move(commands)});
            },
            [&](HalfOpen&) {
                end(cancelled("it was closed while it connected"), false, env);
                done();
            },
            [&](Established&) {
                std::deque<Task> dropped = std::exchange(queue_, {});
                queue_.push_back({.what = DeleteIkeTask{}, .commands = std::move(commands)});
                for (Task& task : dropped) {
                    finish(task, std::unexpected(cancelled("the IKE SA is being closed")), env);
                }
                pump(env);
            },
            [&](Rekeyed&) {
                queue_.push_back({.what = DeleteIkeTask{}, .commands = std::move(commands)});
                pump(env);
            },
            [&](Deleting&) {
                if (!active_) { return done(); }
                auto& waiting = active_->task.commands;
                waiting.insert(waiting.end(), commands.begin(), commands.end());
            },
            [&](Lingering&) { done(); },
            [&](Gone&) { done(); },
        },
        state_);
}

void IkeSa::drop_child(ChildSaId id, std::string_view why, const Environment& env) {
    remove_child(core_, id, why, env);
}

void IkeSa::delete_child(ChildSaId id, std::string why, std::vector<CommandId> commands,
                         const Environment& env) {
    Task task{.what = DeleteChildTask{.id = id, .why = std::move(why)},
              .commands = std::move(commands)};
    queue_.push_back(std::move(task));
    env.touch(core_.local_spi);
    pump(env);
}

void IkeSa::rekey_child(ChildSaId id, std::vector<CommandId> commands, const Environment& env) {
    for (Task& task : queue_) {
        auto* waiting = std::get_if<RekeyChildTask>(&task.what);
        if (waiting == nullptr || waiting->id != id) { continue; }
        task.commands.insert(task.commands.end(), commands.begin(), commands.end());
        return;
    }
    if (active_) {
        const auto* create = std::get_if<CreateChild>(&active_->what);
        if (create != nullptr && create->rekeyed() == id) {
            auto& waiting = active_->task.commands;
            waiting.insert(waiting.end(), commands.begin(), commands.end());
            return;
        }
    }
    queue_.push_back({.what = RekeyChildTask{.id = id}, .commands = std::move(commands)});
    env.touch(core_.local_spi);
    pump(env);
}

bool IkeSa::add(Task task, const Environment& env) {
    if (queue_.size() >= tasks_max) { return false; }
    queue_.push_back(std::move(task));
    env.touch(core_.local_spi);
    pump(env);
    return true;
}

void IkeSa::mapping_changed(const Endpoint& remote, const Environment& env) {
    // Only of a peer behind a NAT: else an attacker on the path could move it (RFC 7296 2.23).
    if (!core_.nat.remote || core_.remote == remote) { return; }
    core_.remote = remote;
    for (const Child& child : core_.children) {
        env.emit(UpdateEndpoints{.id = child.id,
                                 .local = core_.local,
                                 .remote = core_.remote,
                                 .udp_encap = child.udp_encap});
    }
    env.event(core_, EventKind::ike_updated, Severity::info,
              fmt::format("IKE SA {}[{}]: the peer is at {} now", core_.name(), core_.unique_id,
                          remote.to_string()));
}

void IkeSa::peer_is_dead(const Environment& env) {
    const Error error = peer_unreachable(core_.name(), core_.remote,
                                         wire::ExchangeType::informational, requests_.tries() + 1,
                                         env.send_hint(core_.remote.address));
    env.event(core_, EventKind::peer_dead, Severity::warn,
              fmt::format("IKE SA {}[{}]: {}", core_.name(), core_.unique_id, explain(error)));
    env.failure(core_, {}, "liveness check", false, error);
    std::vector<std::pair<ChildRef, StartAction>> children;
    for (const Child& child : core_.children) {
        if (child.live()) { children.emplace_back(child.config, child.config->dpd_action); }
    }
    end(error, false, env);
    restart_children(children, env);
}

void IkeSa::restart_children(const std::vector<std::pair<ChildRef, StartAction>>& children,
                             const Environment& env) {
    const ConnectionRef connection = find_connection(env.state.config, core_.name());
    if (!connection || !remote_address_of(*connection)) { return; }
    IkeSa* fresh = nullptr;
    for (const auto& [child, action] : children) {
        const ChildRef current = find_child(connection, child->name);
        if (action != StartAction::start || !current) { continue; }
        if (fresh != nullptr) {
            fresh->add({.what = CreateChildTask{.wanted = {.child = current}}}, env);
            continue;
        }
        Endpoint local = core_.local;
        local.port = connection->local_port;
        const auto begun =
            initiate({.connection = connection,
                      .local = local,
                      .remote = {.address = *remote_address_of(*connection),
                                 .port = connection->remote_port},
                      .child = current,
                      .rounds_left = connection->keyingtries,
                      .for_ever = true},
                     env);
        if (begun) { fresh = env.find(*begun); }
    }
}

bool IkeSa::creating_child(std::string_view child) const {
    if (begin_ && begin_->child && begin_->child->name == child) { return true; }
    if (active_) {
        const auto* create = std::get_if<CreateChild>(&active_->what);
        if (create != nullptr && !create->rekeyed() && create->child_name() == child) {
            return true;
        }
    }
    return std::ranges::any_of(queue_, [&](const Task& task) {
        const auto* create = std::get_if<CreateChildTask>(&task.what);
        return create != nullptr && create->wanted.child->name == child;
    });
}

void IkeSa::wait_for_child(std::string_view child, CommandId command) {
    if (begin_ && begin_->child && begin_->child->name == child) {
        begin_->commands.push_back(command);
        return;
    }
    if (active_) {
        const auto* create = std::get_if<CreateChild>(&active_->what);
        if (create != nullptr && !create->rekeyed() && create->child_name() == child) {
            active_->task.commands.push_back(command);
            return;
        }
    }
    for (Task& task : queue_) {
        auto* create = std::get_if<CreateChildTask>(&task.what);
        if (create != nullptr && create->wanted.child->name == child) {
            task.commands.push_back(command);
            return;
        }
    }
    ASSERT(false);  // the caller asked creating_child() first
}

}  // namespace culvert::ike::v2
