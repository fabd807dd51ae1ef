#include "ike/v2/auth_rounds.hpp"

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

}  // namespace culvert::ike::v2
