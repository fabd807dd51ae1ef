// What the plane and the host have to tell: packets, lifetimes, addresses, answers to what we
// asked.

#include <string>
#include <utility>

#include <fmt/format.h>

#include "ike/share.hpp"
#include "ike/v2/bring_up.hpp"
#include "ike/v2/commands.hpp"
#include "ike/v2/engine_impl.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike {

IkeSa* Engine::Impl::owner(ChildSaId id, const Environment& env) {
    const auto found = state.child_owner.find(id);
    IkeSa* const sa = found == state.child_owner.end() ? nullptr : env.find(found->second);
    if (sa != nullptr) { env.touch(sa->core().local_spi); }
    return sa;
}

void Engine::Impl::news(Input& input, const Environment& env) {
    if (const auto* acquire = std::get_if<Acquire>(&input)) {
        const auto names = state.names_of_reqid.find(acquire->reqid);
        if (names == state.names_of_reqid.end()) { return; }
        const auto connection = v2::find_connection(state.config, names->second.first);
        const auto child = connection ? v2::find_child(connection, names->second.second) : nullptr;
        if (!child) { return; }
        if (state.ending) { return; }
        const v2::PacketSelectors packet{.local = acquire->local, .remote = acquire->remote};
        return v2::bring_up(connection, child, packet, {}, env);
    }
    if (const auto* expire = std::get_if<Expire>(&input)) {
        IkeSa* const sa = owner(expire->id, env);
        if (sa == nullptr) { return; }
        if (expire->idle) { return sa->child_unused(expire->id, env); }
        if (expire->hard) { return sa->child_expired(expire->id, env); }
        return sa->rekey_child(expire->id, {}, env);
    }
    if (const auto* changed = std::get_if<MappingChanged>(&input)) {
        if (IkeSa* const sa = owner(changed->id, env)) {
            sa->mapping_changed(changed->remote, env);
        }
        return;
    }
    if (const auto* seen = std::get_if<InboundSeen>(&input)) {
        if (IkeSa* const sa = owner(seen->id, env)) { sa->inbound_seen(seen->at); }
        return;
    }
    if (auto* failed = std::get_if<InstallFailed>(&input)) {
        IkeSa* const sa = owner(failed->id, env);
        if (sa == nullptr) { return; }
        return sa->install_failed(failed->id, failed->why, env);
    }
    if (auto* changed = std::get_if<AddressesChanged>(&input)) {
        state.host_addresses = std::move(changed->addresses);
        for (IkeSa* const sa : v2::in_order(state)) { sa->addresses_changed(env); }
        return;
    }
    if (const auto* opened = std::get_if<StreamOpened>(&input)) {
        return stream_event(*opened, env);
    }
    if (const auto* broken = std::get_if<StreamBroken>(&input)) {
        return stream_event(*broken, env);
    }
    if (const auto* elsewhere = std::get_if<PeerElsewhere>(&input)) {
        return v2::make_way(*elsewhere, env);
    }
    if (const auto* resolved = std::get_if<GatewayResolved>(&input)) {
        if (IkeSa* const sa = env.find(IkeSpi{resolved->id})) {
            sa->gateway_resolved(*resolved, env);
        }
        return;
    }
    if (auto* fetched = std::get_if<RevocationFetched>(&input)) {
        for (const IkeSpi spi : state.revocation.take(std::move(*fetched), env.now)) {
            if (IkeSa* const sa = env.find(spi)) { sa->revocation_known(env); }
        }
        return;
    }
    auto& failed = std::get<SendFailed>(input);
    env.hint(failed.remote.address, std::move(failed.why.received));
}

void Engine::Impl::stream_event(const StreamOpened& opened, const Environment& env) {
    const auto users = state.streams.users(opened.id);
    if (users.empty()) { return env.emit(CloseStream{opened.id}); }  // not wanted any more
    for (const IkeSpi spi : users) {
        if (IkeSa* const sa = env.find(spi)) { sa->stream_opened(opened, env); }
    }
}

void Engine::Impl::stream_event(const StreamBroken& broken, const Environment& env) {
    // A rekeyed IKE SA and its successor share one stream, and so they do the next.
    std::optional<StreamId> instead;
    const auto users = state.streams.users(broken.id);
    // All engines hear of it: one is enough to tell.
    const bool ours_to_tell =
        users.empty() && share_of(broken.remote.address, state.share.count) == state.share.index;
    if (ours_to_tell && broken.refused) {
        env.stranger_failure({}, broken.remote, "IKE over TCP", broken.why);
    } else if (ours_to_tell) {
        env.stranger_alert(broken.remote, {},
                           fmt::format("a TCP connection from {} that no IKE SA used has ended: {}",
                                       broken.remote.to_string(), explain(broken.why)));
    }
    for (const IkeSpi spi : users) {
        if (IkeSa* const sa = env.find(spi)) { sa->stream_broken(broken, instead, env); }
    }
}

}  // namespace culvert::ike
