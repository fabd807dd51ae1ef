// Who the initiator is, and of which connection: the first of those it may be whose demands it
// meets.

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "ike/auth/psk.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/auth_rounds.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/shared_secrets.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

AuthMethodKind shown_by(wire::AuthMethod method) {
    if (method == wire::AuthMethod::null) { return AuthMethodKind::null; }
    return is_signature(method) ? AuthMethodKind::pubkey : AuthMethodKind::psk;
}

// One that would be it, did the peer prove itself in another way.
ConnectionRef connection_of_other_method(const SaCore& sa, ConnectionWish wish,
                                         const Environment& env) {
    const AuthMethodKind shown = wish.shown;
    for (const AuthMethodKind other :
         {AuthMethodKind::pubkey, AuthMethodKind::psk, AuthMethodKind::eap}) {
        if (other == shown) { continue; }
        wish.shown = other;
        if (ConnectionRef found = connection_for(sa, wish, env)) { return found; }
    }
    return nullptr;
}

}  // namespace

AuthResponder::PpkChoice AuthResponder::choose_ppk(const wire::Payloads& request,
                                                   const wire::Authentication& auth,
                                                   const Connection* connection, const SaCore& sa,
                                                   const Environment& env) const {
    const auto* identity = wire::find_notify(request, NotifyType::ppk_identity);
    if (!init_.ppk_possible || identity == nullptr) { return {.auth = &auth.data}; }
    PpkChoice choice{.named = true};
    const ByteView data{identity->data};
    if (data.size() > 1 && data.front() == ppk_id_fixed) {
        const ByteView id = data.subspan(1);
        const bool may = connection == nullptr || connection->ppk_id.type == IdType::any ||
                         std::ranges::equal(connection->ppk_id.data, id);
        if (const SharedSecret* ppk = may ? find_ppk(env.state.config->ppks, id) : nullptr) {
            choice.keys = mix_ppk(sa.prf(), ppk->secret, sa.sk_d, init_.sk_pi, init_.sk_pr);
            choice.auth = &auth.data;
            return choice;
        }
    }
    const auto* without = wire::find_notify(request, NotifyType::no_ppk_auth);
    if (without != nullptr) { choice.auth = &without->data; }
    return choice;
}

Result<wire::IdResponder> AuthResponder::authenticate(const wire::Payloads& request, SaCore& sa,
                                                      const Environment& env) {
    const auto* idi = wire::find<wire::IdInitiator>(request);
    const auto* idr = wire::find<wire::IdResponder>(request);
    const auto* auth = wire::find<wire::Authentication>(request);
    if (init_.resumed) { return authenticate_resumed(request, sa, env); }
    if (auth == nullptr) { return expect_eap(request, sa, env); }
    const bool unproved = auth->method == wire::AuthMethod::null;
    if (auth->method != wire::AuthMethod::shared_key && !unproved && !is_signature(auth->method)) {
        return std::unexpected(
            auth_method_unsupported(sa.name(), "AUTH by " + wire::to_string(auth->method)));
    }
    const ConnectionWish wish{.local = idr == nullptr ? nullptr : &idr->identity,
                              .remote = idi->identity,
                              .shown = shown_by(auth->method),
                              .more = another_follows(request)};
    const auto candidates = connections_for(sa, wish, env);
    if (candidates.empty()) {
        // S-07: an unknown identity costs the same work, and gets the same answer, as a wrong
        // secret.
        const PpkChoice ppk = choose_ppk(request, *auth, nullptr, sa, env);
        static_cast<void>(knows_secret(nullptr, *idi, ppk, sa, env));
        return std::unexpected(nobody_for(wish, *auth, sa, env));
    }
    std::optional<Error> refusal;
    for (const ConnectionRef& connection : candidates | std::views::take(connections_tried_max)) {
        PpkChoice ppk = choose_ppk(request, *auth, connection.get(), sa, env);
        const Identity local = local_identity(*connection, wish.local, sa.local.address);
        Status done = check_proof({request, *auth, *idi, local}, *connection, ppk, sa, env);
        if (!sources_.empty()) { return wire::IdResponder{.identity = local}; }
        if (!done) {
            if (!refusal) { refusal = std::move(done).error(); }
            continue;
        }
        if (!unproved && connection->unique == Unique::keep &&
            wire::find_notify(request, NotifyType::initial_contact) == nullptr &&
            has_other_sa(connection, local, idi->identity, sa, env)) {
            env.alert(sa, "unique-keep", Severity::debug,
                      fmt::format("{} has an IKE SA already, which stays (unique = keep)",
                                  idi->identity.to_string()));
            return std::unexpected(duplicate_peer(connection->name, idi->identity));
        }
        sa.connection = connection;
        sa.local_id = local;
        sa.remote_id = unproved ? nobody() : idi->identity;
        ppk_ = std::move(ppk.keys);
        return wire::IdResponder{.identity = local};
    }
    return std::unexpected(*std::move(refusal));
}

Status AuthResponder::check_proof(const Shown& shown, const Connection& connection,
                                  const PpkChoice& ppk, const SaCore& sa, const Environment& env) {
    const SharedSecret* secret =
        find_secret(env.state.config->secrets, shown.local, shown.idi.identity);
    const bool by_secret = connection.remote.method == AuthMethodKind::psk;
    const bool right = by_secret && knows_secret(secret, shown.idi, ppk, sa, env);
    if (by_secret && secret == nullptr) {
        return std::unexpected(no_secret(connection.name, shown.local, shown.idi.identity));
    }
    if (!ppk.keys && (connection.ppk_required || ppk.auth == nullptr)) {
        return std::unexpected(no_ppk(connection.name, ppk.named ? "the id of one that we do not "
                                                                   "have"
                                                                 : "none"));
    }
    if (by_secret) {
        if (right) { return {}; }
        return std::unexpected(
            wrong_psk(connection.name, shown.local, shown.idi.identity, secret->name));
    }
    const wire::Authentication auth{.method = shown.auth.method, .data = *ppk.auth};
    const Bytes octets = octets_signed(shown.idi, ppk, sa);
    if (connection.remote.method == AuthMethodKind::null) {
        return verify_null(connection, auth, sa.prf(), ppk.keys ? ppk.keys->sk_pi : init_.sk_pi,
                           octets);
    }
    return verify_signature(
        {connection, auth, octets, shown.request, shown.idi.identity, &sources_}, env);
}

Bytes AuthResponder::octets_signed(const wire::IdInitiator& idi, const PpkChoice& ppk,
                                   const SaCore& sa) const {
    return signed_octets(sa.prf(), init_.request, init_.nr,
                         ppk.keys ? ppk.keys->sk_pi : init_.sk_pi, idi.rest_of_id(),
                         init_.intermediate.int_auth());
}

bool AuthResponder::knows_secret(const SharedSecret* secret, const wire::IdInitiator& idi,
                                 const PpkChoice& ppk, const SaCore& sa,
                                 const Environment& env) const {
    Secret stand_in;
    if (secret == nullptr) {
        stand_in = Secret{32};
        env.random().fill(stand_in.write());
    }
    const Bytes expected = psk_auth(sa.prf(), secret == nullptr ? stand_in : secret->secret,
                                    octets_signed(idi, ppk, sa));
    return ppk.auth != nullptr && constant_time_equal(expected, *ppk.auth) && secret != nullptr;
}

// What to tell of a peer for whom there is no connection.
Error AuthResponder::nobody_for(const ConnectionWish& wish, const wire::Authentication& auth,
                                const SaCore& sa, const Environment& env) {
    const ConnectionRef other = connection_of_other_method(sa, wish, env);
    if (!other) { return no_connection_for_identities(wish.remote, wish.local, sa.remote); }
    const std::string received = "AUTH by " + wire::to_string(auth.method);
    if (other->remote.method == AuthMethodKind::eap) {
        return eap_wanted(other->name, other->remote.eap_methods, received);
    }
    return auth_method_unsupported(other->name, received,
                                   other->remote.method == AuthMethodKind::psk ? "psk" : "pubkey");
}

// RFC 7296 2.16: without AUTH the peer wants to prove itself by EAP.
Result<wire::IdResponder> AuthResponder::expect_eap(const wire::Payloads& request, SaCore& sa,
                                                    const Environment& env) const {
    const auto* idi = wire::find<wire::IdInitiator>(request);
    const auto* idr = wire::find<wire::IdResponder>(request);
    ConnectionWish wish{.local = idr == nullptr ? nullptr : &idr->identity,
                        .remote = idi->identity,
                        .shown = AuthMethodKind::eap};
    const ConnectionRef connection = connection_for(sa, wish, env);
    if (!connection) {
        const ConnectionRef other = connection_of_other_method(sa, wish, env);
        if (!other) {
            return std::unexpected(
                no_connection_for_identities(idi->identity, wish.local, sa.remote));
        }
        return std::unexpected(auth_method_unsupported(
            other->name, "a wish for EAP (no AUTH)",
            other->remote.method == AuthMethodKind::psk ? "psk" : "pubkey"));
    }
    if (connection->local.method == AuthMethodKind::eap &&
        wire::find_notify(request, NotifyType::eap_only_authentication) == nullptr) {
        return std::unexpected(eap_alone_not_wanted(connection->name));
    }
    if (connection->ppk_required) {
        return std::unexpected(no_ppk(connection->name, "EAP, beside which there is none"));
    }
    sa.connection = connection;
    sa.local_id = local_identity(*connection, wish.local, sa.local.address);
    sa.remote_id = idi->identity;
    return wire::IdResponder{.identity = sa.local_id};
}

}  // namespace culvert::ike::v2
