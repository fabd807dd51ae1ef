// The parts of IKE_AUTH that EAP brings, both sides.

#include "ike/v2/eap_auth.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ike/auth/psk.hpp"
#include "ike/eap/errors.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/auth_rounds.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/shared_secrets.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

// `severity`: debug where anybody can cause it.
void note(const SaCore& sa, Severity severity, std::string_view text, const Environment& env) {
    env.event(sa, EventKind::note, severity,
              fmt::format("IKE SA {}[{}]: {}", sa.name(), sa.unique_id, text));
}

// Without a certificate EAP-TLS is no method of ours, unless it is the only one: then it says why.
std::vector<eap::Type> usable_methods(std::vector<eap::Type> methods,
                                      const Connection& connection) {
    if (methods.size() > 1 && choose_own(connection, {}) == nullptr) {
        std::erase(methods, eap::Type::tls);
    }
    return methods;
}

// EAP's own messages have one EAP payload and no AUTH (S-10: AUTH early).
const wire::Eap* only_eap(const wire::Payloads& payloads) {
    const bool plain =
        wire::count<wire::Eap>(payloads) == 1 && wire::count<wire::Authentication>(payloads) == 0;
    return plain ? wire::find<wire::Eap>(payloads) : nullptr;
}

std::string what_ended(eap::Type method, bool has_key) {
    return fmt::format("EAP method {} succeeded, {}", eap::to_string(method),
                       has_key ? "MSK established" : "no MSK established");
}

}  // namespace

eap::Context eap_context(const SaCore& sa, const ConnectionRef& connection, Identity server,
                         const Environment& env) {
    return {.random = env.random(),
            .connection = sa.name(),
            .server = server,
            .password_of =
                [&config = *env.state.config, server](const Identity& user) {
                    const SharedSecret* found = find_password(config.passwords, user, server);
                    if (found == nullptr) { return eap::Password{}; }
                    return eap::Password{.secret = &found->secret,
                                         .is_nt_hash = found->kind == SecretKind::nt_hash,
                                         .section = found->name};
                },
            .own_tls =
                [connection] {
                    const OwnCertificate* const own = choose_own(*connection, {});
                    return own == nullptr ? eap::OwnTls{}
                                          : eap::OwnTls{.key = own->key, .chain = own->chain};
                },
            .trust =
                [connection, &env](const Identity& who, const std::vector<Bytes>& chain) {
                    return verify_shown(*connection, who, chain, env);
                }};
}

wire::Authentication eap_proof(const crypto::Prf& prf, const Secret& msk, const Secret& own_sk_p,
                               ByteView octets) {
    return {.method = wire::AuthMethod::shared_key,
            .data = psk_auth(prf, msk.empty() ? own_sk_p : msk, octets)};
}

// ---- the initiator

void AuthInitiator::begin_eap(ConnectionRef view, const Identity& id) {
    const AuthConfig& local = view->local;
    const Identity& user = local.eap_id.type == IdType::any ? id : local.eap_id;
    eap::Peer peer{user, usable_methods(local.eap_methods, *view)};
    eap_.emplace(EapInitiator{.peer = std::move(peer), .view = std::move(view), .id = id});
}

AuthInitiator::Failed AuthInitiator::fail(Error error, const Environment& env) {
    abandon(env);
    return {.error = std::move(error), .tell_peer = true, .we_refused = true};
}

AuthInitiator::Outcome AuthInitiator::handle_eap(const wire::Payloads& response, SaCore& sa,
                                                 const Environment& env) {
    const auto* error = wire::find_error_notify(response);
    const bool refused = error != nullptr && wire::count<wire::Authentication>(response) == 0 &&
                         wire::count<wire::Eap>(response) == 0;
    if (refused) {
        abandon(env);
        if (error->type != NotifyType::authentication_failed) {
            return Failed{.error = peer_refused(sa.name(), {}, error->type, "IKE_AUTH")};
        }
        return Failed{
            .error = eap_->begun ? eap::failure_received(sa.name(), eap_->peer.user(),
                                                         eap_->peer.method_name())
                                 : peer_refused_eap(sa.name(), eap_->id, sa.connection->remote.id)};
    }
    if (eap_->auth_sent) { return end_eap(response, sa, env); }
    // The responder's first proof, and beside EAP those that follow it (RFC 4739).
    const bool proves = remote_done_ == 0 || (remote_done_ < remote_all(sa) &&
                                              wire::count<wire::IdResponder>(response) > 0);
    if (proves) {
        std::vector<RevocationSource> sources;
        auto distrust = remote_done_ == 0 ? meet_responder(response, sa, sources, env)
                                          : verify_next(response, sa, sources, env);
        if (!sources.empty()) { return Waits{std::move(sources)}; }
        if (!distrust) { distrust = count_round(response, sa); }
        if (distrust) { return fail(std::move(*distrust), env); }
        const bool proved =
            remote_done_ == remote_all(sa) && sa.connection->remote.method != AuthMethodKind::eap;
        if (proved) {
            if (auto elsewhere = take_redirect(response, sa, env)) { return std::move(*elsewhere); }
        }
    }
    return answer_eap(response, sa, env);
}

AuthInitiator::Outcome AuthInitiator::answer_eap(const wire::Payloads& response, SaCore& sa,
                                                 const Environment& env) {
    const wire::Eap* const message = wire::find<wire::Eap>(response);
    if (message == nullptr || wire::count<wire::Eap>(response) != 1) {
        return fail(bad_payloads(wire::ExchangeType::ike_auth, "one EAP message each", response),
                    env);
    }
    eap_->begun = true;
    const Identity& aaa = eap_->view->local.aaa_id;
    const Identity& server = aaa.type == IdType::any ? idr_->identity : aaa;
    auto outcome = eap_->peer.handle(message->message, eap_context(sa, eap_->view, server, env));
    if (auto* failed = std::get_if<eap::Peer::Failed>(&outcome)) {
        abandon(env);
        return Failed{.error = std::move(failed->error),
                      .tell_peer = failed->we_refused,
                      .we_refused = failed->we_refused};
    }
    if (auto* answer = std::get_if<eap::Peer::Answer>(&outcome)) {
        Continues next;
        next.request.emplace_back(wire::Eap{.message = std::move(answer->message)});
        return next;
    }
    auto& done = std::get<eap::Peer::Succeeded>(outcome);
    if (sa.connection->remote.method == AuthMethodKind::eap &&
        (!eap::is_mutual(done.method) || done.msk.empty())) {
        return fail(eap_not_mutual(sa.name(), eap::to_string(done.method)), env);
    }
    note(sa, Severity::info, what_ended(done.method, !done.msk.empty()), env);
    eap_->msk = std::move(done.msk);
    eap_->auth_sent = true;
    const wire::IdInitiator id{.identity = eap_->id};
    const crypto::Prf prf = sa.prf();
    Continues next;
    next.request.emplace_back(
        eap_proof(prf, eap_->msk, init_.sk_pi,
                  signed_octets(prf, init_.request, init_.nr, init_.sk_pi, id.rest_of_id(),
                                init_.intermediate.int_auth())));
    // RFC 4739 2: a round of EAP ends here.
    if (local_done_ < local_all(sa)) {
        next.request.emplace_back(wire::Notify{.type = NotifyType::another_auth_follows});
    }
    return next;
}

// The first answer: who the responder is, proved unless EAP alone is to do that (RFC 5998).
std::optional<Error> AuthInitiator::meet_responder(const wire::Payloads& response, SaCore& sa,
                                                   std::vector<RevocationSource>& sources,
                                                   const Environment& env) const {
    if (sa.connection->remote.method != AuthMethodKind::eap) {
        return verify(response, sa, sources, env);
    }
    const auto* id = wire::find<wire::IdResponder>(response);
    const Identity& wanted = sa.connection->remote.id;
    if (wire::count<wire::IdResponder>(response) != 1) {
        return bad_payloads(wire::ExchangeType::ike_auth, "one IDr", response);
    }
    if (wanted.type != IdType::any && !id->identity.matches(wanted)) {
        return identity_mismatch(sa.name(), wanted, id->identity);
    }
    sa.remote_id = id->identity;
    return std::nullopt;
}

// The last answer of the round: AUTH with what EAP has made. If it is the last one of all, what any
// IKE_AUTH ends with is there, too.
AuthInitiator::Outcome AuthInitiator::end_eap(const wire::Payloads& response, SaCore& sa,
                                              const Environment& env) {
    const auto* auth = wire::find<wire::Authentication>(response);
    if (wire::count<wire::Authentication>(response) != 1 || wire::count<wire::Eap>(response) != 0) {
        return fail(bad_payloads(wire::ExchangeType::ike_auth, "one AUTH after EAP", response),
                    env);
    }
    const crypto::Prf prf = sa.prf();
    const wire::Authentication expected =
        eap_proof(prf, eap_->msk, init_.sk_pr,
                  signed_octets(prf, init_.response, init_.ni, init_.sk_pr, idr_->rest_of_id(),
                                init_.intermediate.int_auth()));
    if (auth->method != expected.method || !constant_time_equal(auth->data, expected.data)) {
        return fail(wrong_eap_auth(sa.name(), eap_->peer.method_name()), env);
    }
    if (another_follows(response) != (remote_done_ < remote_all(sa))) {
        return fail(rounds_differ(sa.name(), remote_all(sa), another_follows(response)), env);
    }
    eap_.reset();
    if (auto more = next_round(sa, env)) { return std::move(*more); }
    return finish(response, sa, env);
}

// ---- the responder

AuthResponder::Outcome AuthResponder::begin_eap(const wire::Payloads& request, ConnectionRef view,
                                                wire::Payloads response, SaCore& sa,
                                                const Environment& env) {
    const AuthConfig& remote = view->remote;
    eap::Server server{wire::find<wire::IdInitiator>(request)->identity,
                       usable_methods(remote.eap_methods, *view), remote.asks_eap_id};
    eap_.emplace(
        EapResponder{.server = std::move(server), .view = std::move(view), .first = request});
    return answer_eap(eap_->server.begin(eap_context(sa, eap_->view, sa.local_id, env)),
                      std::move(response), sa, env);
}

AuthResponder::Outcome AuthResponder::handle_eap(const wire::Payloads& request, SaCore& sa,
                                                 const Environment& env) {
    if (eap_->succeeded) { return end_eap(request, sa, env); }
    const wire::Eap* const message = only_eap(request);
    if (message == nullptr) {
        return refuse(
            bad_payloads(wire::ExchangeType::ike_auth, "one EAP message and no AUTH", request));
    }
    const bool knew = eap_->server.identity_known();
    auto outcome =
        eap_->server.handle(message->message, eap_context(sa, eap_->view, sa.local_id, env));
    if (!knew && eap_->server.identity_known()) {
        note(sa, Severity::debug,
             fmt::format("received EAP identity '{}'", eap_->server.user().to_string()), env);
    }
    wire::Payloads response;
    // strongSwan 5.9.8 expects our next round in the next answer, whatever else is in it.
    const bool fails = std::holds_alternative<eap::Server::Failed>(outcome);
    if (rounds_ && !fails) {
        if (Status added = add_round(response, sa, env); !added) {
            return refuse(std::move(added).error());
        }
    }
    return answer_eap(std::move(outcome), std::move(response), sa, env);
}

AuthResponder::Outcome AuthResponder::answer_eap(eap::Server::Outcome outcome,
                                                 wire::Payloads response, SaCore& sa,
                                                 const Environment& env) {
    const auto failed = [&](Bytes message, Error error) {
        Refused out{.response = {}, .error = std::move(error)};
        out.response.emplace_back(wire::Eap{.message = std::move(message)});
        out.response.emplace_back(wire::Notify{.type = NotifyType::authentication_failed});
        return out;
    };
    if (auto* failure = std::get_if<eap::Server::Failed>(&outcome)) {
        return failed(std::move(failure->message), std::move(failure->error));
    }
    if (auto* ask = std::get_if<eap::Server::Ask>(&outcome)) {
        response.emplace_back(wire::Eap{.message = std::move(ask->message)});
        return Continues{.response = std::move(response)};
    }
    auto& done = std::get<eap::Server::Succeeded>(outcome);
    if (auto why = choose_by_user(done, sa, env)) {
        const std::uint8_t identifier = done.message.at(1);
        return failed(eap::Packet{.code = eap::Code::failure, .identifier = identifier}.write(),
                      std::move(*why));
    }
    note(sa, Severity::info, what_ended(done.method, !done.msk.empty()), env);
    eap_->succeeded = true;
    eap_->user = std::move(done.user);
    eap_->msk = std::move(done.msk);
    response.emplace_back(wire::Eap{.message = std::move(done.message)});
    return Continues{.response = std::move(response)};
}

AuthResponder::Outcome AuthResponder::end_eap(const wire::Payloads& request, SaCore& sa,
                                              const Environment& env) {
    const auto* auth = wire::find<wire::Authentication>(request);
    if (wire::count<wire::Authentication>(request) != 1 || wire::count<wire::Eap>(request) != 0) {
        return refuse(bad_payloads(wire::ExchangeType::ike_auth, "one AUTH after EAP", request));
    }
    const auto* idi = wire::find<wire::IdInitiator>(eap_->first);
    const wire::IdResponder idr{.identity = rounds_ ? rounds_->local_id : sa.local_id};
    const crypto::Prf prf = sa.prf();
    const wire::Authentication expected =
        eap_proof(prf, eap_->msk, init_.sk_pi,
                  signed_octets(prf, init_.request, init_.nr, init_.sk_pi, idi->rest_of_id(),
                                init_.intermediate.int_auth()));
    if (auth->method != expected.method || !constant_time_equal(auth->data, expected.data)) {
        return refuse(wrong_eap_auth(sa.name(), "the method"));
    }
    const bool more = rounds_ && rounds_->remote_done + 1 < remote_rounds(*sa.connection);
    if (another_follows(request) != more) {
        return refuse(
            rounds_differ(sa.name(), remote_rounds(*sa.connection), another_follows(request)));
    }
    if (!(eap_->user == sa.remote_id)) { sa.remote_eap_id = eap_->user; }
    if (sa.connection->unique == Unique::keep &&
        wire::find_notify(eap_->first, NotifyType::initial_contact) == nullptr &&
        has_other_sa(sa.connection, sa.local_id, sa.peer(), sa, env)) {
        env.alert(sa, "unique-keep", Severity::debug,
                  fmt::format("{} has an IKE SA already, which stays (unique = keep)",
                              sa.peer().to_string()));
        return refuse(duplicate_peer(sa.name(), sa.peer()));
    }
    wire::Payloads response;
    response.emplace_back(
        eap_proof(prf, eap_->msk, init_.sk_pr,
                  signed_octets(prf, init_.response, init_.ni, init_.sk_pr, idr.rest_of_id(),
                                init_.intermediate.int_auth())));
    const wire::Payloads first = std::move(eap_->first);
    if (!rounds_) { return finish(first, std::move(response), sa, env); }
    eap_.reset();
    ++rounds_->remote_done;
    return go_on(std::move(response), sa, env);
}

// Swanctl's remote.eap_id decides between connections that were alike so far. What we have proved
// to the peer already must stay true; of several rounds the first one has decided.
std::optional<Error> AuthResponder::choose_by_user(const eap::Server::Succeeded& done, SaCore& sa,
                                                   const Environment& env) const {
    if (rounds_) {
        const Identity& wanted = eap_->view->remote.eap_id;
        if (pattern_fit(wanted, done.user) != 0) { return std::nullopt; }
        return eap_user_not_here(sa.name(), done.user, wanted);
    }
    const Identity local = sa.local_id;
    const ConnectionRef chosen = connection_for(sa,
                                                {.local = &local,
                                                 .remote = sa.remote_id,
                                                 .shown = AuthMethodKind::eap,
                                                 .user = &done.user,
                                                 .method = done.method},
                                                env);
    if (!chosen) { return eap_user_not_here(sa.name(), done.user, sa.connection->remote.eap_id); }
    if (chosen != sa.connection) {
        note(sa, Severity::info,
             fmt::format("switching to connection {} for EAP identity '{}'", chosen->name,
                         done.user.to_string()),
             env);
        sa.connection = chosen;
    }
    return std::nullopt;
}

}  // namespace culvert::ike::v2
