#include "ike/v2/commands.hpp"

#include <algorithm>
#include <utility>

#include "ike/v2/bring_up.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

namespace {

struct Match {
    IkeSa* sa = nullptr;
    std::optional<ChildSaId> child{};
};

// By force also what is ending, and waits for a peer that does not answer.
bool can_take(const Terminate& command, const IkeSa& sa) {
    return sa.usable() || (command.force && !sa.gone());
}
bool can_take(const Rekey& /*command*/, const IkeSa& sa) { return sa.usable(); }

// `Terminate` and `Rekey` name SAs in the same way.
template <class Command>
std::vector<Match> matches_of(const Command& command, const EngineState& state) {
    const bool children_meant = !command.child.empty() || command.child_id.has_value();
    std::vector<Match> out;
    for (IkeSa* const sa : in_order(state)) {
        const SaCore& core = sa->core();
        if ((!command.ike.empty() && core.name() != command.ike) ||
            (command.ike_id && core.unique_id != *command.ike_id) || !can_take(command, *sa)) {
            continue;
        }
        if (!children_meant) {
            out.push_back({.sa = sa});
            continue;
        }
        for (const Child& child : core.children) {
            if ((!command.child.empty() && child.config->name != command.child) ||
                (command.child_id && child.id.value() != *command.child_id) || !child.live()) {
                continue;
            }
            out.push_back({.sa = sa, .child = child.id});
        }
    }
    return out;
}

}  // namespace

std::vector<IkeSa*> in_order(const EngineState& state) {
    std::vector<IkeSa*> out;
    for (const auto& [spi, sa] : state.sas) { out.push_back(sa.get()); }
    std::ranges::sort(out, {}, [](const IkeSa* sa) { return sa->core().unique_id; });
    return out;
}

void carry_out(const Initiate& command, const Environment& env) {
    ConnectionRef connection;
    if (!command.connection.empty()) {
        connection = find_connection(env.state.config, command.connection);
    } else {
        for (const Connection& candidate : env.state.config->connections) {
            const ConnectionRef ref{env.state.config, &candidate};
            if (find_child(ref, command.child)) {
                connection = ref;
                break;
            }
        }
    }
    if (!connection) {
        const Error error = command.connection.empty()
                                ? no_such_child("*", command.child, *env.state.config)
                                : no_such_connection(command.connection, *env.state.config);
        return CommandLedger::refuse(command.id, error, env.actions);
    }
    ChildRef child;
    if (!command.child.empty()) {
        child = find_child(connection, command.child);
        if (!child) {
            return CommandLedger::refuse(
                command.id, no_such_child(connection->name, command.child, *env.state.config),
                env.actions);
        }
    }
    env.state.commands.begin(command.id, 1, env.actions);
    bring_up(connection, child, std::nullopt, {command.id}, env);
}

void carry_out(const Terminate& command, const Environment& env) {
    const auto matches = matches_of(command, env.state);
    if (matches.empty()) {
        return CommandLedger::refuse(command.id, nothing_matched("an SA to close"), env.actions);
    }
    env.state.commands.begin(command.id, static_cast<unsigned>(matches.size()), env.actions);
    for (const Match& match : matches) {
        if (command.force && !match.child) {
            match.sa->end_tickets(env);
            match.sa->vanish("closed by force, without waiting for the peer", env);
            env.command_done(command.id, {});
        } else if (command.force) {
            match.sa->drop_child(*match.child, "closed by force, without waiting for the peer",
                                 env);
            env.command_done(command.id, {});
        } else if (match.child) {
            match.sa->delete_child(*match.child, "a command closes it", {command.id}, env);
        } else {
            match.sa->close({command.id}, env);
        }
    }
}

void carry_out(const Rekey& command, const Environment& env) {
    auto matches = matches_of(command, env.state);
    std::erase_if(matches, [](const Match& match) { return !match.sa->established(); });
    if (matches.empty()) {
        return CommandLedger::refuse(command.id, nothing_matched("an SA to rekey"), env.actions);
    }
    if (command.reauth) {
        // The whole IKE SA, once, whatever named it.
        for (Match& match : matches) { match.child.reset(); }
        const auto [first, last] = std::ranges::unique(matches, {}, &Match::sa);
        matches.erase(first, last);
    }
    env.state.commands.begin(command.id, static_cast<unsigned>(matches.size()), env.actions);
    for (const Match& match : matches) {
        if (command.reauth) {
            match.sa->reauthenticate({command.id}, env);
        } else if (match.child) {
            match.sa->rekey_child(*match.child, {command.id}, env);
        } else if (!match.sa->add({.what = RekeyIkeTask{}, .commands = {command.id}}, env)) {
            env.command_done(command.id, std::unexpected(too_many_tasks(match.sa->core().name())));
        }
    }
}

}  // namespace culvert::ike::v2
