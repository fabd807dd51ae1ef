// Redirects in an IKE SA (RFC 5685): as client we go where the gateway sends us; as gateway we
// send.

#include <utility>

#include <fmt/format.h>

#include "ike/v2/bring_up.hpp"
#include "ike/v2/commands.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/redirect.hpp"

namespace culvert::ike::v2 {

namespace {

Error too_many_redirects(const SaCore& sa, const Identity& gateway) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("at most {} redirects of connection {} in {} s", redirects_max,
                                  sa.name(), redirect_window.count()),
            .received = fmt::format("one more, to {}", gateway.to_string()),
            .remedy = "see where the gateways send their clients: they may send them in a circle"};
}

Error redirected_in_vain(const SaCore& sa, const Identity& gateway, std::string_view why) {
    return {.code = ErrorCode::peer_refused,
            .wanted = fmt::format("another gateway for connection {}", sa.name()),
            .received = fmt::format("a redirect to {}, {}", gateway.to_string(), why),
            .remedy = fmt::format("ask whoever runs {}, or set charon.follow_redirects = no",
                                  sa.remote.address.to_string())};
}

Error takes_no_redirect(const SaCore& sa) {
    return {.code = ErrorCode::unsupported,
            .wanted = fmt::format("a client of IKE SA {}[{}] that goes where it is sent", sa.name(),
                                  sa.unique_id),
            .received = sa.began_first ? "an IKE SA in which we are the client"
                                       : "one that did not say that it does (RFC 5685)",
            .remedy = sa.began_first ? "redirect it from the gateway"
                                     : "let it follow redirects (charon.follow_redirects), or "
                                       "change its remote_addrs and terminate the SA here"};
}

Error no_such_gateway(const Identity& gateway) {
    return {.code = ErrorCode::malformed,
            .wanted = "a gateway to redirect to: an address or a domain name",
            .received = gateway.to_string(),
            .remedy = "name one that clients can reach"};
}

bool meant(const Redirect& command, const SaCore& sa) {
    return (command.ike.empty() || sa.name() == command.ike) &&
           (!command.ike_id || sa.unique_id == *command.ike_id) &&
           (!command.peer_address || command.peer_address->contains(sa.remote.address)) &&
           (command.peer_id.type == IdType::any || sa.remote_id == command.peer_id ||
            sa.remote_id.matches(command.peer_id));
}

}  // namespace

// ---- the client

void IkeSa::redirected(const Identity& gateway, const Environment& env) {
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}]: {} redirects us to {}", core_.name(), core_.unique_id,
                          core_.remote.address.to_string(), gateway.to_string()));
    if (!env.state.redirects.allow(core_.name(), env.now)) {  // S-13
        return redirect_failed(too_many_redirects(core_, gateway), env);
    }
    if (connecting()) { requests_.abandon(); }
    if (gateway.type != IdType::fqdn) {
        return go_to(gateway, *IpAddress::from_octets(gateway.data), env);
    }
    resolving_ = gateway;
    ask_for_gateway(env);
}

void IkeSa::ask_for_gateway(const Environment& env) {
    env.emit(ResolveGateway{.id = core_.local_spi.value(),
                            .name = {resolving_->data.begin(), resolving_->data.end()}});
}

void IkeSa::gateway_resolved(const GatewayResolved& answer, const Environment& env) {
    if (std::holds_alternative<Rekeyed>(state_)) { return; }  // its successor asks for itself
    const auto gateway = std::exchange(resolving_, std::nullopt);
    if (!gateway || gone()) { return; }
    env.touch(core_.local_spi);
    for (const IpAddress& address : answer.addresses) {
        const bool reachable = !env.state.source_for || env.state.source_for(address);
        if (reachable && is_gateway_address(address)) { return go_to(*gateway, address, env); }
    }
    redirect_failed(
        redirected_in_vain(core_, *gateway,
                           answer.why.empty() ? "which has no address that we can reach"
                                              : "whose address is not to be had: " + answer.why),
        env);
}

void IkeSa::go_to(const Identity& gateway, const IpAddress& address, const Environment& env) {
    if (address == core_.remote.address) {  // S-13
        return redirect_failed(redirected_in_vain(core_, gateway, "which is itself"), env);
    }
    const Connection& connection = *core_.connection;
    const Endpoint local = local_end(connection, address, env);
    const Endpoint remote{address, connection.remote_port};
    if (!begin_) {
        // The new IKE SA first, so that no packet is lost.
        Again what = again(env);
        if (!what.connection) { return; }
        what.local = local;
        what.remote = remote;
        what.redirected_from = core_.remote.address;
        replaced_by_another_ = true;
        return begin_again(std::move(what), {}, core_.local_spi, env);
    }
    Begin next = std::move(*std::exchange(begin_, std::nullopt));
    next.local = local;
    next.remote = remote;
    next.redirected_from = core_.remote.address;
    const std::vector<CommandId> commands = next.commands;
    const auto begun = initiate(std::move(next), env);
    if (begun) {
        IkeSa& following = *env.find(*begun);
        following.replaces_ = std::exchange(replaces_, std::nullopt);
        following.reauthenticates_ = reauthenticates_;
        following.queue_ = std::exchange(queue_, {});
    } else {
        for (const CommandId command : commands) {
            env.command_done(command, std::unexpected(begun.error()));
        }
    }
    leave(env);
}

// The gateway has sent us away before there was anything.
void IkeSa::leave(const Environment& env) {
    if (established()) { return close({}, env); }
    forget(env);
}

void IkeSa::redirect_failed(const Error& error, const Environment& env) {
    if (connecting()) { return handshake_failed(error, "IKE_SA_INIT", true, env); }
    env.failure(core_, {}, begin_ ? "IKE_AUTH" : "INFORMATIONAL", true, error);
    if (!begin_) { return pump(env); }  // what stands goes on
    fail_all(error, env);
    begin_.reset();
    leave(env);
}

// ---- the gateway

void IkeSa::send_away(const Redirect& command, const Environment& env) {
    const bool can = core_.peer_takes_redirects && !core_.began_first;
    if (!can) { return env.command_done(command.id, std::unexpected(takes_no_redirect(core_))); }
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}]: redirecting {} to {}", core_.name(), core_.unique_id,
                          core_.remote_id.to_string(), command.gateway.to_string()));
    Task task{.what = InformTask{{redirect_notify(command.gateway)}}, .commands = {command.id}};
    if (!add(std::move(task), env)) {
        return env.command_done(command.id, std::unexpected(too_many_tasks(core_.name())));
    }
    close_if_it_stays(env);
}

// RFC 5685 6: told in the answer to IKE_AUTH.
void IkeSa::await_leaving(const Identity& gateway, const Environment& env) {
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}]: redirecting {} to {} instead of a Child SA", core_.name(),
                          core_.unique_id, core_.peer().to_string(), gateway.to_string()));
    close_if_it_stays(env);
}

// RFC 5685 5: who does not go by himself is sent.
void IkeSa::close_if_it_stays(const Environment& env) {
    if (gone()) { return; }
    queue_.push_back({.what = DeleteIkeTask{}, .not_before = env.now + redirect_patience});
    env.touch(core_.local_spi);
}

void carry_out(const Redirect& command, const Environment& env) {
    if (!is_gateway(command.gateway)) {
        return CommandLedger::refuse(command.id, no_such_gateway(command.gateway), env.actions);
    }
    std::vector<IkeSa*> matches = in_order(env.state);
    std::erase_if(matches, [&](const IkeSa* sa) {
        return !sa->established() || !meant(command, sa->core());
    });
    if (matches.empty()) {
        return CommandLedger::refuse(command.id, nothing_matched("an SA to redirect"), env.actions);
    }
    env.state.commands.begin(command.id, static_cast<unsigned>(matches.size()), env.actions);
    for (IkeSa* const sa : matches) { sa->send_away(command, env); }
}

}  // namespace culvert::ike::v2
