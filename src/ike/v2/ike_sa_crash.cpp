// A peer that has lost the IKE SA and can show it (RFC 6290).

#include <utility>

#include <fmt/format.h>

#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

// RFC 6290 4.5. Whoever knows the token has had it from us, or is the peer.
bool IkeSa::peer_shows_loss(const Datagram& datagram, const wire::IkeHeader& header,
                            const Environment& env) {
    const bool clear = header.flags.response && header.next_payload == wire::PayloadType::notify;
    const bool rekeyed = std::holds_alternative<Rekeyed>(state_) && deleting_ike();
    const bool stands = established() || std::holds_alternative<Deleting>(state_) || rekeyed;
    if (!clear || !stands) { return false; }
    const auto message = wire::parse_message(datagram.bytes);
    if (!message || !shows_loss(*message, core_)) {
        env.count(core_, Counter::invalid);
        return true;
    }
    env.exchange_event(core_, "received " + wire::describe(*message));
    if (!established()) {  // it was to end anyway
        forget(env);
        return true;
    }
    peer_has_restarted(env);
    return true;
}

void IkeSa::peer_has_restarted(const Environment& env) {
    const Error error{
        .code = ErrorCode::peer_unreachable,
        .wanted = fmt::format("IKE SA {}[{}] at both ends", core_.name(), core_.unique_id),
        .received = fmt::format("{} has lost it, and proves so (RFC 6290): it was restarted",
                                core_.remote.to_string()),
        .remedy = core_.began_first ? "nothing: it comes up again"
                                    : "nothing: the peer brings it up again if it is to be there"};
    env.emit(Event{.kind = EventKind::peer_dead,
                   .severity = Severity::warn,
                   .connection = core_.name(),
                   .ike_unique_id = core_.unique_id,
                   .remote = core_.remote,
                   .error = error,
                   .text = fmt::format("peer {} of IKE SA {}[{}] was restarted",
                                       core_.remote.to_string(), core_.name(), core_.unique_id)});
    env.failure(core_, {}, "INFORMATIONAL", false, error);
    std::vector<std::pair<ChildRef, StartAction>> again;
    for (const ChildRef& child : wanted_children()) {
        StartAction action = child->dpd_action;
        // RFC 6290 4.5: what was up comes up again, begun by who began it.
        if (action == StartAction::none && core_.began_first) { action = StartAction::start; }
        again.emplace_back(child, action);
    }
    fail_all(error, env);
    forget(env);
    restart_children(again, env);
}

}  // namespace culvert::ike::v2
