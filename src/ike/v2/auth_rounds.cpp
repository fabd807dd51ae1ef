#include "ike/v2/auth_rounds.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "ike/auth/psk.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/shared_secrets.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

ConnectionRef in_round(const ConnectionRef& connection, std::size_t local, std::size_t remote) {
    const bool further_local = local > 0 && local <= connection->local_more.size();
    const bool further_remote = remote > 0 && remote <= connection->remote_more.size();
    if (!further_local && !further_remote) { return connection; }
    auto view = std::make_shared<Connection>(*connection);
    if (further_local) { view->local = connection->local_more.at(local - 1); }
    if (further_remote) { view->remote = connection->remote_more.at(remote - 1); }
    return view;
}

bool another_follows(const wire::Payloads& payloads) {
    return wire::find_notify(payloads, NotifyType::another_auth_follows) != nullptr;
}

Error rounds_differ(std::string_view connection, std::size_t wanted, bool more) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("{} authentication round{} of the peer (the sections remote of "
                                  "connections.{})",
                                  wanted, wanted == 1 ? "" : "s", connection),
            .received = more ? "a peer that has more" : "a peer that has no more",
            .remedy = "give both sides the same number of local and remote sections"};
}

Error lacks_rounds(std::string_view connection) {
    return {.code = ErrorCode::unsupported,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("several authentication rounds (RFC 4739; the sections local and "
                                  "remote of connections.{})",
                                  connection),
            .received = "a peer without MULTIPLE_AUTH_SUPPORTED",
            .remedy = "leave one section local and one section remote, or let the peer have it"};
}

Result<RoundProof> prove_round(const Connection& view, const SaCore& sa, const Identity& remote,
                               const RoundKeys& keys, const AskedAuthorities& asked,
                               const SignatureHashes& hashes, const Environment& env) {
    RoundProof out;
    out.id = local_identity(view, nullptr, sa.local.address);
    const SharedSecret* const secret = find_secret(env.state.config->secrets, out.id, remote);
    if (view.local.method == AuthMethodKind::psk && secret == nullptr) {
        return std::unexpected(no_secret(view.name, out.id, remote));
    }
    const OwnCertificate* const own = choose_own(view, asked);
    const crypto::Prf prf = sa.prf();
    const wire::IdInitiator payload{.identity = out.id};
    auto auth = prove(view, secret, own, prf,
                      signed_octets(prf, keys.message, keys.nonce, keys.sk_p, payload.rest_of_id(),
                                    keys.int_auth),
                      hashes, keys.sk_p);
    if (!auth) { return std::unexpected(std::move(auth).error()); }
    out.auth = std::move(*auth);
    if (view.local.method == AuthMethodKind::psk) {
        out.secret_name = secret->name;
    } else if (own != nullptr) {
        out.certificate_name = own->certificate.to_string();
    }
    add_certificates(out.certificates, view, own, asked, env);
    return out;
}

Status verify_round(const Connection& view, const SaCore& sa, const Identity& id,
                    const wire::Authentication& auth, const RoundKeys& keys, ByteView rest_of_id,
                    const wire::Payloads& payloads, std::vector<RevocationSource>& sources,
                    const Environment& env) {
    const Identity& wanted = view.remote.id;
    if (wanted.type != IdType::any && !(id == wanted) && !id.matches(wanted)) {
        return std::unexpected(identity_mismatch(view.name, wanted, id));
    }
    const crypto::Prf prf = sa.prf();
    const Bytes octets =
        signed_octets(prf, keys.message, keys.nonce, keys.sk_p, rest_of_id, keys.int_auth);
    if (view.remote.method == AuthMethodKind::null) {
        return verify_null(view, auth, prf, keys.sk_p, octets);
    }
    if (id.type == IdType::null) {
        return std::unexpected(identity_mismatch(view.name, wanted, id));
    }
    if (view.remote.method == AuthMethodKind::pubkey) {
        return verify_signature({view, auth, octets, payloads, id, &sources}, env);
    }
    if (auth.method != wire::AuthMethod::shared_key) {
        return std::unexpected(
            auth_method_unsupported(view.name, "AUTH by " + wire::to_string(auth.method)));
    }
    const SharedSecret* const secret = find_secret(env.state.config->secrets, sa.local_id, id);
    if (secret == nullptr) { return std::unexpected(no_secret(view.name, sa.local_id, id)); }
    if (!constant_time_equal(psk_auth(prf, secret->secret, octets), auth.data)) {
        return std::unexpected(wrong_psk(view.name, sa.local_id, id, secret->name));
    }
    return {};
}

// ---- the initiator

// Who comes back with a ticket has proved all that before (RFC 5723).
std::size_t AuthInitiator::local_all(const SaCore& sa) const {
    return init_.resumed ? 1 : local_rounds(*sa.connection);
}
std::size_t AuthInitiator::remote_all(const SaCore& sa) const {
    return init_.resumed ? 1 : remote_rounds(*sa.connection);
}

// RFC 4739 2: a round after the first one, if the peer has another.
std::optional<Error> AuthInitiator::verify_next(const wire::Payloads& response, const SaCore& sa,
                                                std::vector<RevocationSource>& sources,
                                                const Environment& env) const {
    if (remote_done_ == remote_all(sa)) { return std::nullopt; }
    const auto* id = wire::find<wire::IdResponder>(response);
    const auto* auth = wire::find<wire::Authentication>(response);
    if (wire::count<wire::IdResponder>(response) != 1 ||
        wire::count<wire::Authentication>(response) != 1) {
        return bad_payloads(wire::ExchangeType::ike_auth, "one IDr and AUTH each", response);
    }
    const ConnectionRef view = in_round(sa.connection, 0, remote_done_);
    const Status done =
        verify_round(*view, sa, id->identity, *auth,
                     {init_.response, init_.ni, init_.sk_pr, init_.intermediate.int_auth()},
                     id->rest_of_id(), response, sources, env);
    return done ? std::nullopt : std::optional{done.error()};
}

// The response was verified, with the round in it if the peer had one left.
std::optional<Error> AuthInitiator::count_round(const wire::Payloads& response, const SaCore& sa) {
    if (remote_done_ < remote_all(sa)) {
        ++remote_done_;
        idr_ = *wire::find<wire::IdResponder>(response);
    }
    if (another_follows(response) == (remote_done_ < remote_all(sa))) { return std::nullopt; }
    return rounds_differ(sa.name(), remote_all(sa), another_follows(response));
}

// Nothing when all rounds are done: then the response is the last one.
std::optional<AuthInitiator::Outcome> AuthInitiator::next_round(SaCore& sa,
                                                                const Environment& env) {
    if (local_done_ == local_all(sa)) {
        if (remote_done_ == remote_all(sa)) { return std::nullopt; }
        return Continues{};  // the peer's turn
    }
    ConnectionRef view = in_round(sa.connection, local_done_, 0);
    Continues next;
    if (view->local.method == AuthMethodKind::eap) {
        ++local_done_;
        const Identity id = local_identity(*view, nullptr, sa.local.address);
        next.request.emplace_back(wire::IdInitiator{.identity = id});
        begin_eap(std::move(view), id);
        return next;
    }
    auto proof = prove_round(*view, sa, sa.remote_id,
                             {init_.request, init_.nr, init_.sk_pi, init_.intermediate.int_auth()},
                             init_.peer_asks, init_.peer_hashes, env);
    if (!proof) { return fail(std::move(proof).error(), env); }
    ++local_done_;
    shown_id_ = proof->id;
    secret_name_ = std::move(proof->secret_name);
    own_name_ = std::move(proof->certificate_name);
    auth_.method = proof->auth.method;
    next.request.emplace_back(wire::IdInitiator{.identity = proof->id});
    next.request.insert(next.request.end(), proof->certificates.begin(), proof->certificates.end());
    next.request.emplace_back(std::move(proof->auth));
    if (local_done_ < local_all(sa)) {
        next.request.emplace_back(wire::Notify{.type = NotifyType::another_auth_follows});
    }
    return next;
}

// ---- the responder

bool AuthResponder::eap_is_next(const SaCore& sa) const {
    const Connection& connection = *sa.connection;
    const std::size_t done = rounds_->remote_done;
    return done > 0 && done < remote_rounds(connection) &&
           connection.remote_more.at(done - 1).method == AuthMethodKind::eap;
}

AuthResponder::Outcome AuthResponder::further_round(const wire::Payloads& request, SaCore& sa,
                                                    const Environment& env) {
    const std::size_t remote_all = remote_rounds(*sa.connection);
    const bool by_eap = eap_is_next(sa);
    const Status taken = take_round(request, sa, env);
    if (!sources_.empty()) { return Waits{std::exchange(sources_, {})}; }
    if (!taken) { return refuse(taken.error()); }
    wire::Payloads response;
    if (by_eap) {
        if (Status added = add_round(response, sa, env); !added) { return refuse(added.error()); }
        return begin_eap(request, in_round(sa.connection, 0, rounds_->remote_done),
                         std::move(response), sa, env);
    }
    const std::size_t remote_done = std::min(rounds_->remote_done + 1, remote_all);
    if (another_follows(request) != (remote_done < remote_all)) {
        return refuse(rounds_differ(sa.name(), remote_all, another_follows(request)));
    }
    if (Status added = add_round(response, sa, env); !added) { return refuse(added.error()); }
    rounds_->remote_done = remote_done;
    return go_on(std::move(response), sa, env);
}

AuthResponder::Outcome AuthResponder::go_on(wire::Payloads response, SaCore& sa,
                                            const Environment& env) {
    if (rounds_->remote_done < remote_rounds(*sa.connection) ||
        rounds_->local_done < local_rounds(*sa.connection)) {
        // Beside an AUTH of EAP there was no room for ours.
        if (rounds_->local_done < local_rounds(*sa.connection) && !another_follows(response)) {
            response.emplace_back(wire::Notify{.type = NotifyType::another_auth_follows});
        }
        return Continues{std::move(response)};
    }
    const wire::Payloads first = std::move(rounds_->first);
    return finish(first, std::move(response), sa, env);
}

// Our next round, if we have another.
Status AuthResponder::add_round(wire::Payloads& response, const SaCore& sa,
                                const Environment& env) {
    const std::size_t local_all = local_rounds(*sa.connection);
    if (rounds_->local_done == local_all) { return {}; }
    const ConnectionRef view = in_round(sa.connection, rounds_->local_done, 0);
    auto proof = prove_round(*view, sa, sa.remote_id,
                             {init_.response, init_.ni, init_.sk_pr, init_.intermediate.int_auth()},
                             asked_authorities(rounds_->first), init_.peer_hashes, env);
    if (!proof) { return std::unexpected(std::move(proof).error()); }
    rounds_->local_id = proof->id;
    response.emplace_back(wire::IdResponder{.identity = std::move(proof->id)});
    response.insert(response.end(), proof->certificates.begin(), proof->certificates.end());
    response.emplace_back(std::move(proof->auth));
    if (++rounds_->local_done < local_all) {
        response.emplace_back(wire::Notify{.type = NotifyType::another_auth_follows});
    }
    return {};
}

// RFC 4739 2: what the peer proves in this round, if it has another; with EAP, who it says it is.
Status AuthResponder::take_round(const wire::Payloads& request, const SaCore& sa,
                                 const Environment& env) {
    if (Status fits = check_round(request, sa); !fits) { return fits; }
    if (rounds_->remote_done == remote_rounds(*sa.connection)) { return {}; }
    const auto* id = wire::find<wire::IdInitiator>(request);
    const ConnectionRef view = in_round(sa.connection, 0, rounds_->remote_done);
    if (view->remote.method != AuthMethodKind::eap) {
        return verify_round(*view, sa, id->identity, *wire::find<wire::Authentication>(request),
                            {init_.request, init_.nr, init_.sk_pi, init_.intermediate.int_auth()},
                            id->rest_of_id(), request, sources_, env);
    }
    if (id->identity.type == IdType::null || pattern_fit(view->remote.id, id->identity) == 0) {
        return std::unexpected(identity_mismatch(sa.name(), view->remote.id, id->identity));
    }
    return {};
}

// Whether IDi and AUTH stand there as this round has them.
Status AuthResponder::check_round(const wire::Payloads& request, const SaCore& sa) const {
    const std::size_t expected = rounds_->remote_done < remote_rounds(*sa.connection) ? 1 : 0;
    const std::size_t ids = wire::count<wire::IdInitiator>(request);
    const std::size_t auths = wire::count<wire::Authentication>(request);
    const bool by_eap = eap_is_next(sa);
    if (ids == expected && auths == (by_eap ? 0 : expected)) { return {}; }
    if (ids == 1 && by_eap && auths == 1) {
        const auto* auth = wire::find<wire::Authentication>(request);
        const AuthConfig& remote = sa.connection->remote_more.at(rounds_->remote_done - 1);
        return std::unexpected(
            eap_wanted(sa.name(), remote.eap_methods, "AUTH by " + wire::to_string(auth->method)));
    }
    if (ids == 1 && expected == 1 && auths == 0) {
        const AuthMethodKind wanted =
            sa.connection->remote_more.at(rounds_->remote_done - 1).method;
        return std::unexpected(
            auth_method_unsupported(sa.name(), "a wish for EAP (no AUTH)",
                                    wanted == AuthMethodKind::psk ? "psk" : "pubkey"));
    }
    return std::unexpected(bad_payloads(
        wire::ExchangeType::ike_auth,
        expected == 0 ? "neither IDi nor AUTH" : (by_eap ? "one IDi" : "one IDi and AUTH each"),
        request));
}

}  // namespace culvert::ike::v2
