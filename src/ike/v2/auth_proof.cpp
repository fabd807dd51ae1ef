// Making and checking AUTH payloads, by whatever the connection says.

#include <algorithm>

#include <fmt/format.h>

#include "ike/auth/psk.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/signature_auth.hpp"

namespace culvert::ike::v2 {

namespace {

Error no_private_key(const Connection& connection) {
    return {.code = ErrorCode::authentication_failed,
            .notify = wire::NotifyType::authentication_failed,
            .wanted = fmt::format("a private key to sign with (connections.{}.local.auth = pubkey)",
                                  connection.name),
            .received = "none is loaded",
            .remedy =
                "put the private key into the directory private, and its certificate into "
                "x509 (named by local.certs, or found by local.id)"};
}

}  // namespace

Result<wire::Authentication> prove(const Connection& connection, const SharedSecret* secret,
                                   const OwnCertificate* own, const crypto::Prf& prf,
                                   ByteView octets, const SignatureHashes& peer,
                                   const Secret& own_sk_p) {
    if (connection.local.method == AuthMethodKind::null) {
        return wire::Authentication{.method = wire::AuthMethod::null,
                                    .data = psk_auth(prf, own_sk_p, octets)};
    }
    if (connection.local.method == AuthMethodKind::psk) {
        return wire::Authentication{.method = wire::AuthMethod::shared_key,
                                    .data = psk_auth(prf, secret->secret, octets)};
    }
    const auto& key = own == nullptr ? connection.local.key : own->key;
    if (key == nullptr) { return std::unexpected(no_private_key(connection)); }
    return sign_auth(connection.name, *key, octets, peer, connection.local.auth_rules);
}

Status verify_null(const Connection& connection, const wire::Authentication& auth,
                   const crypto::Prf& prf, const Secret& peer_sk_p, ByteView octets) {
    if (auth.method != wire::AuthMethod::null) {
        return std::unexpected(auth_method_unsupported(
            connection.name, "AUTH by " + wire::to_string(auth.method), "null"));
    }
    if (!constant_time_equal(psk_auth(prf, peer_sk_p, octets), auth.data)) {
        return std::unexpected(wrong_null_auth(connection.name));
    }
    return {};
}

Status verify_signature(const PeerProof& proof, const Environment& env) {
    const std::string& name = proof.connection.name;
    if (!is_signature(proof.auth.method)) {
        return std::unexpected(auth_method_unsupported(
            name, "AUTH by " + wire::to_string(proof.auth.method), "pubkey"));
    }
    const AuthConfig& remote = proof.connection.remote;
    std::optional<Error> first;
    const std::size_t tries = std::min(remote.pubkeys.size(), peer_keys_tried_max);
    for (std::size_t i = 0; i < tries; ++i) {
        Status done =
            verify_auth(name, remote.pubkeys.at(i), proof.auth, proof.octets, remote.auth_rules);
        if (done) { return done; }
        if (!first) { first = std::move(done).error(); }
    }
    // With keys named, only they count, unless certificates are as well.
    if (first && remote.pinned.empty() && remote.cacerts.empty()) {
        return std::unexpected(std::move(*first));
    }
    return verify_by_certificate(proof, env);
}

}  // namespace culvert::ike::v2
