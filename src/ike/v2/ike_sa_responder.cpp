// Requests of an established IKE SA: CREATE_CHILD_SA and INFORMATIONAL (RFC 7296 1.3, 1.4), with
// the rules for collisions of 2.25.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "base/writer.hpp"
#include "ike/v2/configuration.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/mobike.hpp"
#include "ike/v2/redirect.hpp"
#include "ike/v2/retarget.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

wire::Payloads only(wire::Notify notify) {
    wire::Payloads payloads;
    payloads.emplace_back(std::move(notify));
    return payloads;
}

wire::Payloads refusal(const Error& error, crypto::KeMethod group) {
    wire::Notify notify{.type = error.notify.value_or(NotifyType::no_proposal_chosen)};
    if (notify.type == NotifyType::invalid_ke_payload) {
        Writer data;
        data.u16(std::to_underlying(group));
        notify.data = data.take();
    }
    return only(std::move(notify));
}

// The one that this one of the peer's was to replace, if it is still there.
bool stand_again(SaCore& sa, ChildSaId instead_of, const Environment& env) {
    const auto before = std::ranges::find(sa.children, instead_of, &Child::replaced_by);
    if (before == sa.children.end() || before->state != ChildState::rekeyed) { return false; }
    before->state = ChildState::installed;
    before->replaced = false;
    before->replaced_by = {};
    before->rekey_at = env.at_about(rekey_retry, seconds{10});
    return true;
}

bool wants_ike_rekey(const wire::Payloads& request) {
    const auto* offer = wire::find<wire::SecurityAssociation>(request);
    return offer != nullptr && !offer->proposals.empty() &&
           offer->proposals.front().protocol == ProtocolId::ike;
}

}  // namespace

wire::Payloads IkeSa::answer_request(const wire::Message& request, const Datagram& datagram,
                                     const Environment& env) {
    switch (request.header.exchange) {
        case wire::ExchangeType::create_child_sa: return answer_create(request.payloads, env);
        case wire::ExchangeType::ike_followup_ke: return answer_follow_up(request.payloads, env);
        default: return answer_informational(request.payloads, datagram, env);
    }
}

// What the peer has us compute and keep.
bool IkeSa::affords(const wire::Payloads& request, unsigned effort_min, const Environment& env) {
    const auto* ke = wire::find<wire::KeyExchange>(request);
    const unsigned effort = ke == nullptr ? 0 : effort_of(ke->method);
    const auto* offer = wire::find<wire::SecurityAssociation>(request);
    const auto compared =
        static_cast<unsigned>(offer == nullptr ? 0 : offer->proposals.size() / proposals_an_effort);
    return core_.effort.spend(std::max(effort, effort_min) + compared, env.now);
}

wire::Payloads IkeSa::answer_create(const wire::Payloads& request, const Environment& env) {
    const auto refuse = [&](const Error& error, crypto::KeMethod group = crypto::KeMethod::none) {
        env.failure(core_, {}, "CREATE_CHILD_SA", true, error);
        return refusal(error, group);
    };
    // RFC 7296 2.25.2: what is on its way out makes nothing new.
    if (!established() || deleting_ike() || inherits_from_) {
        return refuse(busy("this IKE SA is being closed or replaced"));
    }
    if (pending_answer_ != nullptr) {
        return refuse(busy("the key exchanges of the last CREATE_CHILD_SA are not done"));
    }
    const bool ike_rekey = wants_ike_rekey(request);
    if (!affords(request, ike_rekey ? ike_rekey_effort_min : 1, env)) {
        return refuse(asks_too_much(core_.name()));
    }
    if (ike_rekey) { return answer_ike_rekey(request, env); }
    if (rekeying_ike()) { return refuse(busy("this IKE SA is being rekeyed")); }
    if (!sane_create_child(request)) {
        const Error error = bad_payloads(wire::ExchangeType::create_child_sa,
                                         "one SA, Ni, TSi, TSr each, at most one KE", request);
        env.failure(core_, {}, "CREATE_CHILD_SA", true, error);
        return only({.type = NotifyType::invalid_syntax});
    }
    if (const auto* rekey = wire::find_notify(request, NotifyType::rekey_sa)) {
        return answer_rekey_child(*rekey, request, env);
    }
    return answer_new_child(request, nullptr, env);
}

wire::Payloads IkeSa::answer_rekey_child(const wire::Notify& notify, const wire::Payloads& request,
                                         const Environment& env) {
    const auto spi = esp_spi_of(notify.spi);
    const auto protocol =
        notify.protocol == ProtocolId::ah ? IpsecProtocol::ah : IpsecProtocol::esp;
    const bool known_protocol =
        notify.protocol == ProtocolId::esp || notify.protocol == ProtocolId::ah;
    // RFC 7296 1.3.3: the SPI that the sender expects inbound, so our outbound one.
    Child* const old = spi && known_protocol ? core_.find_outbound(protocol, *spi) : nullptr;
    if (old == nullptr && active_ && std::holds_alternative<CreateChild>(active_->what)) {
        // The peer's answer, which is on its way, may bring the very SA.
        return refusal(busy("the answer that makes this Child SA has not arrived yet"), {});
    }
    if (old == nullptr || old->state == ChildState::rekeyed) {  // S-05
        env.failure(core_, {}, "CREATE_CHILD_SA", true, child_not_found("the Child SA to rekey"));
        return only({.protocol = notify.protocol,
                     .spi = notify.spi,
                     .type = NotifyType::child_sa_not_found});
    }
    if (old->state == ChildState::deleting) {  // RFC 7296 2.25.1
        const Error error = busy("this Child SA is being closed");
        env.failure(core_, old->config->name, "CREATE_CHILD_SA", true, error);
        return refusal(error, {});
    }
    return answer_new_child(request, old, env);
}

wire::Payloads IkeSa::answer_new_child(const wire::Payloads& request, Child* rekeyed,
                                       const Environment& env) {
    auto outcome = answer_create_child(request, core_, rekeyed, env);
    if (const auto* refused = std::get_if<ChildRefusal>(&outcome)) {
        // Naming another group is no failure: the peer comes again with it.
        if (refused->error.code != ErrorCode::invalid_ke_payload) {
            env.failure(core_, {}, "CREATE_CHILD_SA", true, refused->error);
        }
        return refusal(refused->error, refused->group);
    }
    if (auto* started = std::get_if<StartedChild>(&outcome)) {
        const auto* ours = active_ ? std::get_if<CreateChild>(&active_->what) : nullptr;
        if (started->rekeyed && ours != nullptr && ours->rekeyed() == started->rekeyed) {
            // Whose nonces decide would be known to one end long before the other is done.
            env.release(started->agreed.inbound_spi);
            return refusal(busy("both ends rekey this Child SA"), {});
        }
        return begin_follow_up(std::move(*started), env);
    }
    return took_child(std::move(std::get<CreatedChild>(outcome)), env);
}

wire::Payloads IkeSa::took_child(CreatedChild created, const Environment& env) {
    const auto old_id = created.rekeyed;
    if (old_id) {
        env.count(core_, Counter::child_rekey);
        auto* ours = active_ ? std::get_if<CreateChild>(&active_->what) : nullptr;
        Child* const old = core_.find_child(*old_id);  // installing may have moved it
        if (ours != nullptr && ours->rekeyed() == old_id) {
            // RFC 7296 2.8.1: both rekey the same one; the nonces decide once our answer is here.
            ours->collided(created.fresh, created.lowest_nonce);
        } else if (old != nullptr) {
            // The peer deletes it once it has the new one; until then packets leave through it.
            replaced(*old);
            old->replaced_by = created.fresh;
            close_instead(queue_, *old_id, created.fresh);
        }
    }
    child_is_up(created.fresh, old_id, env);
    return std::move(created.response);
}

wire::Payloads IkeSa::answer_ike_rekey(const wire::Payloads& request, const Environment& env) {
    if (busy_with_children()) {  // RFC 7296 2.25.2
        const Error error = busy("a Child SA is being created, rekeyed or closed");
        env.failure(core_, {}, "CREATE_CHILD_SA", true, error);
        return refusal(error, {});
    }
    auto outcome = answer_rekey_ike(request, core_, env);
    if (const auto* refused = std::get_if<IkeRekeyRefusal>(&outcome)) {
        if (refused->error.code != ErrorCode::invalid_ke_payload) {
            env.failure(core_, {}, "CREATE_CHILD_SA", true, refused->error);
        }
        return refusal(refused->error, refused->group);
    }
    if (auto* started = std::get_if<StartedIkeRekey>(&outcome)) {
        if (rekeying_ike()) { return refusal(busy("both ends rekey this IKE SA"), {}); }
        return begin_follow_up(std::move(*started), env);
    }
    return took_ike_rekey(std::move(std::get<RekeyedIke>(outcome)), env);
}

wire::Payloads IkeSa::took_ike_rekey(RekeyedIke rekeyed, const Environment& env) {
    env.count(core_, Counter::ike_rekey_resp);
    IkeSa& next = env.add(successor(std::move(rekeyed.successor), env));
    auto* ours = active_ ? std::get_if<RekeyIke>(&active_->what) : nullptr;
    if (ours != nullptr) {
        // RFC 7296 2.25.2: answer as usual; which of the two stands is seen when ours is answered.
        if (const auto earlier = ours->made_by_peer()) {
            if (IkeSa* const other = env.find(*earlier)) {
                other->vanish("the peer rekeyed again", env);
            }
        }
        next.inherits_from_ = core_.local_spi;
        ours->collided(next.core_.local_spi, std::move(rekeyed.lowest_nonce));
    } else {
        hand_over(next.core_.local_spi, env);  // it begins once this is answered
    }
    return std::move(rekeyed.response);
}

wire::Payloads IkeSa::answer_informational(const wire::Payloads& request, const Datagram& datagram,
                                           const Environment& env) {
    wire::Payloads response;
    if (const auto* cookie = wire::find_notify(request, NotifyType::cookie2)) {
        response.emplace_back(*cookie);  // RFC 4555 3.7
    }
    if (established()) { take_crash_token(request, core_); }
    // What was on its way when the IKE SA was rekeyed is about its successor.
    holder_of_children(env)->take_news(request, datagram, env);
    if (core_.mobike.on) {
        const bool update = wire::find_notify(request, NotifyType::update_sa_addresses) != nullptr;
        const bool asks =
            wire::find_notify(request, NotifyType::nat_detection_source_ip) != nullptr;
        if (update) {
            follow_update(request, datagram, response, env);
        } else if (asks) {
            add_nat_detection(response, core_.initiator_spi(), core_.responder_spi(),
                              datagram.local, datagram.remote, forces_udp(*core_.connection),
                              env.random());
        }
    }
    if (auto cp = answer_informational_cp(request)) { response.emplace_back(std::move(*cp)); }
    for (const wire::Payload& payload : request) {
        if (const auto* deletion = std::get_if<wire::Delete>(&payload)) {
            delete_for_peer(*deletion, response, env);
        }
        const auto* notify = std::get_if<wire::Notify>(&payload);
        // RFC 7296 2.21.2: the initiator refused our IKE_AUTH response.
        if (notify != nullptr && notify->type == NotifyType::authentication_failed) {
            const bool signs = core_.connection->local.method == AuthMethodKind::pubkey;
            const Error error =
                signs
                    ? peer_refused_signature(core_.name(), core_.local_id, core_.remote_id, {})
                    : peer_failed_authentication(core_.name(), core_.local_id, core_.remote_id, {});
            env.failure(core_, {}, "IKE_AUTH", false, error);
            end_after_answer_ = "the peer could not authenticate us";
        }
    }
    return response;
}

// What a peer has to tell of itself and of us, whatever the keys are.
void IkeSa::take_news(const wire::Payloads& request, const Datagram& datagram,
                      const Environment& env) {
    env.touch(core_.local_spi);
    if (core_.began_first && wire::find_notify(request, NotifyType::auth_lifetime) != nullptr) {
        take_auth_lifetime(request, core_);
        env.set_reauthentication(core_);
    }
    const auto* redirect = wire::find_notify(request, NotifyType::redirect);
    if (redirect != nullptr && env.settings().follow_redirects && core_.began_first &&
        established() && !replaced_by_another_ && !resolving_) {
        if (const auto target = redirect_target(*redirect)) { redirected(target->gateway, env); }
    }
    if (!core_.mobike.on) { return; }
    if (auto others = additional_addresses_in(request)) {
        peer_tells_addresses(std::move(*others), datagram, env);
    }
}

IkeSa* IkeSa::holder_of_children(const Environment& env) {
    IkeSa* holder = this;
    if (inherits_from_) {
        holder = env.find(*inherits_from_);
    } else if (std::holds_alternative<Rekeyed>(state_)) {
        holder = env.find(standing(core_.local_spi, env));
    }
    return holder == nullptr ? this : holder;
}

void IkeSa::delete_for_peer(const wire::Delete& payload, wire::Payloads& response,
                            const Environment& env) {
    if (payload.protocol == ProtocolId::ike) {
        // RFC 7296 2.25.2: our own rekey is forgotten; the peer's, if there is one, stands.
        if (active_) {
            if (const auto* ours = std::get_if<RekeyIke>(&active_->what)) {
                ike_rekey_failed(*ours, env);
            }
        }
        for (const ChildRef& child : wanted_children()) {
            restart_.emplace_back(child, child->close_action);
        }
        end_tickets(env);
        end_after_answer_ = "the peer deleted it";
        return;
    }
    const auto protocol =
        payload.protocol == ProtocolId::ah ? IpsecProtocol::ah : IpsecProtocol::esp;
    std::vector<EspSpi> answered;
    std::vector<std::pair<ChildRef, StartAction>> again;
    for (const EspSpi spi : payload.esp_spis()) {
        // What the peer sent before it knew of a rekey of the IKE SA is about what went over.
        SaCore& holder = holder_of_children(env)->core_;
        Child* const child = holder.find_outbound(protocol, spi);
        if (child == nullptr) {
            // D-01, or one that the answer on its way to us is about to bring.
            const bool waiting = active_ && std::holds_alternative<CreateChild>(active_->what);
            if (waiting && deleted_early_.size() < deleted_early_max) {
                deleted_early_.push_back(spi);
            }
            continue;
        }
        // Of two rekeys in flight the peer's is done, and ours has not been answered yet.
        const auto* ours = active_ ? std::get_if<CreateChild>(&active_->what) : nullptr;
        if (ours != nullptr && ours->rekeyed() == child->id && ours->made_by_peer()) {
            replaced(*child);
        }
        // RFC 7296 2.25.1: being deleted from here as well, it is not named again.
        if (child->state != ChildState::deleting) { answered.push_back(child->inbound_spi); }
        // It could not use what it had made, and keeps the one before: that is not down.
        const bool undone = child->live() && stand_again(holder, child->id, env);
        if (undone) {
            child->replaced = true;
        } else if (child->live()) {
            again.emplace_back(child->config, child->config->close_action);
        }
        remove_child(holder, child->id, "the peer deleted it", env);
        env.touch(holder.local_spi);
    }
    if (!answered.empty()) {
        wire::Delete deletion = wire::Delete::esp(answered);
        deletion.protocol = payload.protocol;
        response.emplace_back(std::move(deletion));
    }
    restart_children(again, env);
}

}  // namespace culvert::ike::v2
