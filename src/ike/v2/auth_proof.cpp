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
            .remedy = "load the private key of that certificate or public key"};
}

Error no_public_key(const Connection& connection, bool with_certificate) {
    return {.code = ErrorCode::authentication_failed,
            .notify = wire::NotifyType::authentication_failed,
            .wanted = fmt::format("a public key of the peer (connections.{}.remote.pubkeys)",
                                  connection.name),
            .received = with_certificate ? "a certificate, and certificates are not verified yet"
                                         : "a signature, and no key is loaded",
            .remedy = fmt::format("load the peer's public key and name it in "
                                  "connections.{}.remote.pubkeys, or use auth = psk",
                                  connection.name)};
}

}  // namespace

Result<wire::Authentication> prove(const Connection& connection, const SharedSecret* secret,
                                   const crypto::Prf& prf, ByteView octets,
                                   const SignatureHashes& peer) {
    if (connection.local.method == AuthMethodKind::psk) {
        return wire::Authentication{.method = wire::AuthMethod::shared_key,
                                    .data = psk_auth(prf, secret->secret, octets)};
    }
    if (connection.local.key == nullptr) { return std::unexpected(no_private_key(connection)); }
    return sign_auth(connection.name, *connection.local.key, octets, peer);
}

Status verify_signature(const Connection& connection, const wire::Authentication& auth,
                        ByteView octets, const wire::Payloads& payloads) {
    if (!is_signature(auth.method)) {
        return std::unexpected(auth_method_unsupported(
            connection.name, "AUTH by " + wire::to_string(auth.method), "pubkey"));
    }
    const auto& keys = connection.remote.pubkeys;
    if (keys.empty()) {
        return std::unexpected(
            no_public_key(connection, wire::count<wire::Certificate>(payloads) > 0));
    }
    std::optional<Error> first;
    const std::size_t tries = std::min(keys.size(), peer_keys_tried_max);
    for (std::size_t i = 0; i < tries; ++i) {
        Status done = verify_auth(connection.name, keys.at(i), auth, octets);
        if (done) { return done; }
        if (!first) { first = std::move(done).error(); }
    }
    return std::unexpected(std::move(*first));
}

void add_certificates(wire::Payloads& out, const Connection& connection) {
    if (connection.local.method != AuthMethodKind::pubkey) { return; }
    for (const Bytes& certificate : connection.local.certs) {
        out.emplace_back(
            wire::Certificate{.encoding = wire::CertEncoding::x509_signature, .data = certificate});
    }
}

}  // namespace culvert::ike::v2
