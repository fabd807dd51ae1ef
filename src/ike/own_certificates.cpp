#include "ike/own_certificates.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "x509/limits.hpp"

namespace culvert::ike {

namespace {

using x509::Certificate;

std::shared_ptr<const crypto::PrivateKey> key_of(const crypto::PublicKey& shown,
                                                 const CredentialSet& credentials) {
    for (const auto& key : credentials.keys) {
        if (key->public_key() == shown) { return key; }
    }
    return nullptr;
}

const Certificate* issuer_of(const Certificate& one, const CredentialSet& credentials) {
    for (const auto* list : {&credentials.authorities, &credentials.certificates}) {
        for (const Certificate& candidate : *list) {
            if (candidate.is_authority() && one.is_issued_by(candidate)) { return &candidate; }
        }
    }
    return nullptr;
}

// RFC 7296 3.6: with those in between; the peer has the root, or nothing that we send helps.
OwnCertificate with_chain(const Certificate& certificate,
                          std::shared_ptr<const crypto::PrivateKey> key,
                          const CredentialSet& credentials) {
    OwnCertificate out{.key = std::move(key),
                       .certificate = certificate,
                       .chain = {certificate.der()},
                       .authorities = {}};
    const Certificate* at = &certificate;
    for (int i = 0; i <= x509::intermediates_max && !at->is_self_signed(); ++i) {
        at = issuer_of(*at, credentials);
        if (at == nullptr) { break; }
        out.authorities.push_back(at->public_key().spki_hash());
        if (!at->is_self_signed()) { out.chain.push_back(at->der()); }
    }
    return out;
}

// Those of the store that speak for the id; without one, the first that we have a key for.
std::vector<Certificate> found_by_id(const Identity& id, const CredentialSet& credentials) {
    std::vector<Certificate> out;
    for (const Certificate& one : credentials.certificates) {
        if (key_of(one.public_key(), credentials) == nullptr) { continue; }
        if (id.type == IdType::any) { return {one}; }
        if (certifies(one, id)) { out.push_back(one); }
    }
    return out;
}

// EAP-TLS shows a certificate for the EAP identity; what IKE says of us stays what it is.
std::vector<std::string> bind_for_tls(AuthConfig& local, const CredentialSet& credentials) {
    const Identity& user = local.eap_id.type == IdType::any ? local.id : local.eap_id;
    local.usable.clear();
    for (const Certificate& one : local.own.empty() ? found_by_id(user, credentials) : local.own) {
        if (auto key = key_of(one.public_key(), credentials)) {
            local.usable.push_back(with_chain(one, std::move(key), credentials));
        }
    }
    return {};
}

bool proves_by_tls(const AuthConfig& local) {
    return local.method == AuthMethodKind::eap &&
           std::ranges::find(local.eap_methods, eap::Type::tls) != local.eap_methods.end();
}

void bind_remote(AuthConfig& remote) {
    if (remote.id.type == IdType::any && remote.pinned.size() == 1) {
        remote.id = subject_of(remote.pinned.front());
    }
}

std::vector<std::string> bind_local(const Connection& connection, AuthConfig& local,
                                    const CredentialSet& credentials) {
    std::vector<std::string> notes;
    if (proves_by_tls(local)) { return bind_for_tls(local, credentials); }
    if (local.method != AuthMethodKind::pubkey) { return notes; }
    if (local.own.empty() && local.own_handles.empty() && !local.pubkeys.empty()) {
        for (const crypto::PublicKey& shown : local.pubkeys) {
            local.key = key_of(shown, credentials);
            if (local.key != nullptr) { break; }
        }
        return notes;
    }
    std::vector<Certificate> candidates = local.own;
    for (const std::string& handle : local.own_handles) {
        const auto found =
            std::ranges::find(credentials.on_tokens, handle, &TokenCertificate::handle);
        if (found != credentials.on_tokens.end()) {
            candidates.push_back(found->certificate);
        } else {
            notes.push_back(fmt::format(
                "connections.{}.local.cert: there is no certificate {} on a token. To fix it: add "
                "secrets.token<suffix> with that handle, and put the certificate beside the key",
                connection.name, handle));
        }
    }
    if (local.own.empty() && local.own_handles.empty()) {
        candidates = found_by_id(local.id, credentials);
    }
    local.usable.clear();
    for (const Certificate& one : candidates) {
        if (auto key = key_of(one.public_key(), credentials)) {
            local.usable.push_back(with_chain(one, std::move(key), credentials));
        } else {
            notes.push_back(fmt::format(
                "connections.{}.local.certs: there is no private key for {}. To fix it: put its "
                "key into the directory private, or into secrets if it is encrypted",
                connection.name, one.to_string()));
        }
    }
    if (local.usable.empty()) { return notes; }
    const bool confirmed = std::ranges::any_of(local.usable, [&](const OwnCertificate& one) {
        return certifies(one.certificate, local.id);
    });
    if (confirmed) { return notes; }
    const Certificate& first = local.usable.front().certificate;
    // As strongSwan does: the peer would refuse an identity that the certificate does not have.
    if (local.id.type != IdType::any) {
        notes.push_back(fmt::format(
            "connections.{}.local.id: {} is not in the certificate, which is for {}; its subject "
            "is "
            "used. To fix it: issue it with the id as subjectAltName, or use one of its names",
            connection.name, local.id.to_string(), names_of(first)));
    }
    local.id = subject_of(first);
    return notes;
}

}  // namespace

std::vector<std::string> bind(Connection& connection, const CredentialSet& credentials) {
    bind_remote(connection.remote);
    for (AuthConfig& further : connection.remote_more) { bind_remote(further); }
    std::vector<std::string> notes = bind_local(connection, connection.local, credentials);
    for (AuthConfig& further : connection.local_more) {
        std::ranges::move(bind_local(connection, further, credentials), std::back_inserter(notes));
    }
    return notes;
}

}  // namespace culvert::ike
