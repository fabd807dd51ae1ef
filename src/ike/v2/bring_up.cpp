#include "ike/v2/bring_up.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

// The oldest that takes tasks.
IkeSa* usable_sa(const ConnectionRef& connection, const Environment& env) {
    IkeSa* best = nullptr;
    for (const IkeSpi spi : env.index().of_connection(connection->name)) {
        IkeSa* const sa = env.find(spi);
        if (!sa->usable() || sa->replaced_by_another() || sa->core().name() != connection->name) {
            continue;
        }
        if (best == nullptr || sa->core().unique_id < best->core().unique_id) { best = sa; }
    }
    return best;
}

void finish_all(const std::vector<CommandId>& commands, const Status& status,
                const Environment& env) {
    for (const CommandId command : commands) { env.command_done(command, status); }
}

// What carries nothing for this packet though it stands: a peer may take one pair of selectors an
// SA (RFC 7296 2.9). Once two are alike it has shown that it gives no others.
bool lacks(const SaCore& sa, const ChildConfig& child, const PacketSelectors& packet) {
    if (child.per_cpu_sas) { return false; }
    std::vector<const Child*> standing;
    for (const Child& one : sa.children) {
        if (!one.live() || one.config->name != child.name) { continue; }
        if (contains(one.local_ts, packet.local) && contains(one.remote_ts, packet.remote)) {
            return false;
        }
        const bool doubled = std::ranges::any_of(standing, [&](const Child* other) {
            return other->local_ts == one.local_ts && other->remote_ts == one.remote_ts;
        });
        if (doubled) { return false; }
        standing.push_back(&one);
    }
    return standing.size() < children_of_traps_max;
}

void use(IkeSa& sa, const ChildRef& child, const std::optional<PacketSelectors>& packet,
         std::vector<CommandId> commands, const Environment& env) {
    if (sa.connecting() && (!child || sa.creating_child(child->name))) {
        for (const CommandId command : commands) {
            sa.wait_for_child(child ? child->name : std::string{}, command);
        }
        return;
    }
    const bool stands = child && sa.core().find_live(child->name) != nullptr;
    if (!child || (stands && !(packet && lacks(sa.core(), *child, *packet)))) {
        return finish_all(commands, {}, env);  // it is up already
    }
    if (sa.creating_child(child->name)) {
        for (const CommandId command : commands) { sa.wait_for_child(child->name, command); }
        return;
    }
    Task task{.what = CreateChildTask{{.child = child, .packet = packet}}, .commands = commands};
    if (!sa.add(std::move(task), env)) {
        finish_all(commands, std::unexpected(too_many_tasks(sa.core().name())), env);
    }
}

}  // namespace

void bring_up(const ConnectionRef& connection, const ChildRef& child,
              const std::optional<PacketSelectors>& packet, std::vector<CommandId> commands,
              const Environment& env) {
    if (env.state.ending) {
        return finish_all(commands, std::unexpected(cancelled("the end of the gateway")), env);
    }
    if (IkeSa* const sa = usable_sa(connection, env)) {
        return use(*sa, child, packet, std::move(commands), env);
    }
    const auto remote = remote_address_of(*connection);
    if (!remote) {
        return finish_all(commands, std::unexpected(no_remote_address(*connection)), env);
    }
    const std::vector<CommandId> waiting = commands;
    auto begun = IkeSa::initiate(
        {.connection = connection,
         .local = local_end(*connection, *remote, env),
         .remote = {*remote, connection->remote_port},
         .child = child,
         .packet = packet,
         .commands = std::move(commands),
         .rounds_left = connection->keyingtries > 0 ? connection->keyingtries - 1 : 0,
         .for_ever = connection->keyingtries == 0},
        env);
    if (!begun) { finish_all(waiting, std::unexpected(std::move(begun).error()), env); }
}

Endpoint local_end(const Connection& connection, const IpAddress& remote, const Environment& env) {
    const std::uint16_t port = env.settings().port;
    if (const auto address = local_address_of(connection, remote.family())) {
        return {*address, port};
    }
    if (env.state.source_for) {
        if (const auto address = env.state.source_for(remote)) { return {*address, port}; }
    }
    return {IpAddress::any(remote.family()), port};
}

}  // namespace culvert::ike::v2
