#include "ike/v2/certificate_auth.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "ike/v2/environment.hpp"
#include "ike/v2/hash_and_url.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/ocsp_in_band.hpp"
#include "ike/v2/sent_certificates.hpp"
#include "ike/v2/signature_auth.hpp"
#include "x509/chain.hpp"
#include "x509/delta.hpp"
#include "x509/policies.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;
using x509::Certificate;

namespace {

constexpr std::size_t key_hash_size = 20;  // RFC 7296 3.7: SHA-1

Error refused(std::string wanted, std::string received, std::string remedy) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = std::move(wanted),
            .received = std::move(received),
            .remedy = std::move(remedy)};
}

Error no_certificate(const PeerProof& proof) {
    const std::string& name = proof.connection.name;
    return refused(fmt::format("a certificate of {} (connections.{}.remote.auth = pubkey)",
                               proof.identity.to_string(), name),
                   "none: the peer sent none, and none of ours is for it",
                   "let the peer send its certificate (send_cert = always), or put it into the "
                   "directory x509, or its public key into connections." +
                       name + ".remote.pubkeys");
}

Error unreadable_certificate(const PeerProof& proof, const Error& why) {
    return refused(fmt::format("a certificate of {}", proof.identity.to_string()),
                   "one that cannot be used: " + why.received, why.remedy);
}

Error not_for_identity(const PeerProof& proof, const Certificate& leaf) {
    return refused(
        fmt::format("a certificate for the identity that the peer claims, {}",
                    proof.identity.to_string()),
        fmt::format("{}, which is for {}", leaf.to_string(), names_of(leaf)),
        fmt::format("issue it with {} as subjectAltName, or let the peer claim a name that is in "
                    "it, and set connections.{}.remote.id to that",
                    proof.identity.to_string(), proof.connection.name));
}

Error not_pinned(const PeerProof& proof, const Certificate& leaf) {
    return refused(fmt::format("one of the certificates in connections.{}.remote.certs",
                               proof.connection.name),
                   leaf.to_string(), "name that certificate there, if the peer has a new one");
}

Error no_calendar() {
    return refused("the time of day, to judge certificates", "an engine that was given none", "");
}

Error no_authority(const PeerProof& proof, const Certificate& leaf) {
    return refused(
        fmt::format("an authority to trust {} by", proof.identity.to_string()),
        fmt::format("{}, and no authority is loaded", leaf.to_string()),
        fmt::format("put the certificate of \"{}\" into the directory x509ca", leaf.issuer()));
}

Error rule_broken(const PeerProof& proof, const Certificate& one, std::string_view what) {
    return refused(
        fmt::format("{} (connections.{}.remote.auth)",
                    to_string(proof.connection.remote.chain_rules), proof.connection.name),
        fmt::format("{}, {}", one.to_string(), what),
        "issue a certificate with a stronger key or hash, or change remote.auth");
}

Error policy_missing(const PeerProof& proof, Error missing) {
    const std::string wanted =
        missing.wanted.empty()
            ? "policies as the authorities of its chain ask for them"
            : fmt::format("the certificate policy {} (connections.{}.remote.cert_policy)",
                          missing.wanted, proof.connection.name);
    return refused(wanted, std::move(missing.received), std::move(missing.remedy));
}

Error authority_missing(const PeerProof& proof, const Certificate& leaf) {
    return refused(fmt::format("a chain with the authority {} (connections.{}.remote.ca_id)",
                               proof.connection.remote.ca_id.to_string(), proof.connection.name),
                   leaf.to_string() + " under another one",
                   "use a certificate of that authority, or change ca_id");
}

const CredentialSet& credentials_of(const Environment& env) {
    static const CredentialSet none;
    const auto& set = env.state.config->credentials;
    return set == nullptr ? none : *set;
}

bool has(const std::vector<Certificate>& list, const Certificate& one) {
    return std::ranges::find(list, one) != list.end();
}

// Those of ours that may be the peer's.
std::vector<Certificate> known_certificates(const PeerProof& proof, const CredentialSet& set) {
    std::vector<Certificate> out;
    for (const auto* list : {&proof.connection.remote.pinned, &set.certificates}) {
        for (const Certificate& one : *list) {
            if (out.size() < peer_keys_tried_max && certifies(one, proof.identity) &&
                !has(out, one)) {
                out.push_back(one);
            }
        }
    }
    return out;
}

Status check_rules(const PeerProof& proof, const std::vector<Certificate>& chain) {
    const AuthConfig& remote = proof.connection.remote;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const Certificate& one = chain.at(i);
        if (!allow(remote.chain_rules, one.public_key())) {
            return std::unexpected(
                rule_broken(proof, one, "whose key is " + one.public_key().to_string()));
        }
        // What the anchor is signed with says nothing: it is trusted as it is.
        if (i + 1 == chain.size()) { continue; }
        const auto scheme = one.signature_scheme();
        if (!remote.chain_rules.empty() &&
            (!scheme || !allow(remote.chain_rules, chain.at(i + 1).public_key(), *scheme))) {
            return std::unexpected(rule_broken(
                proof, one,
                "which is signed by " + (scheme ? crypto::to_string(*scheme) : "something else")));
        }
    }
    const bool named = remote.ca_id.type == IdType::any ||
                       std::ranges::any_of(chain.begin() + 1, chain.end(), [&](const auto& one) {
                           return certifies(one, remote.ca_id);
                       });
    if (!named) { return std::unexpected(authority_missing(proof, chain.front())); }
    return {};
}

// Where the standing of a certificate can be asked, OCSP first: it is the shorter answer.
std::vector<RevocationSource> sources_of(const Certificate& one, const Certificate& issuer,
                                         const CredentialSet& set) {
    std::vector<std::string> responders = one.ocsp_urls();
    std::vector<std::string> lists = one.crl_urls();
    for (const AuthorityInfo& info : set.infos) {
        if (!(info.certificate == issuer)) { continue; }
        responders.insert(responders.end(), info.ocsp_urls.begin(), info.ocsp_urls.end());
        lists.insert(lists.end(), info.crl_urls.begin(), info.crl_urls.end());
    }
    std::vector<RevocationSource> out;
    for (std::size_t i = 0; i < std::min(responders.size(), revocation_urls_max); ++i) {
        out.push_back({.kind = FetchRevocation::Kind::ocsp,
                       .url = responders.at(i),
                       .request = x509::ocsp_request(one, issuer)});
    }
    for (std::size_t i = 0; i < std::min(lists.size(), revocation_urls_max); ++i) {
        out.push_back(
            {.kind = FetchRevocation::Kind::crl, .url = lists.at(i), .request = issuer.der()});
    }
    return out;
}

// A list that is current, and one that completes it: asked for, but not insisted on.
void ask_for_delta(const PeerProof& proof, const x509::TrustQuestion& question,
                   const Certificate& one, const Certificate& issuer, const Environment& env) {
    const auto urls = x509::delta_sources(question, one, issuer);
    for (std::size_t i = 0; i < std::min(urls.size(), revocation_urls_max); ++i) {
        RevocationSource source{
            .kind = FetchRevocation::Kind::crl, .url = urls.at(i), .request = issuer.der()};
        if (env.state.revocation.asked_lately(source, env.now)) { continue; }
        proof.sources->push_back(std::move(source));
        return;
    }
}

// Of each certificate of a chain that holds, whose standing is not known, the first source that was
// not asked lately: a peer's certificates name URLs, so nothing is fetched before its AUTH and its
// chain are right. What was asked in vain, for people.
std::string find_sources(const PeerProof& proof, const x509::TrustQuestion& question,
                         const std::vector<Certificate>& chain, const CredentialSet& set,
                         const Environment& env) {
    std::string tried;
    const RevocationBook& book = env.state.revocation;
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        if (x509::revoked_for_good(question, chain.at(i), chain.at(i + 1))) { return tried; }
    }
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        if (x509::standing_known(question, chain.at(i), chain.at(i + 1))) {
            ask_for_delta(proof, question, chain.at(i), chain.at(i + 1), env);
            continue;
        }
        for (RevocationSource& source : sources_of(chain.at(i), chain.at(i + 1), set)) {
            if (!book.asked_lately(source, env.now)) {
                proof.sources->push_back(std::move(source));
                break;
            }
            const std::string why = book.why(source);
            tried +=
                fmt::format("; {}: {}", source.url, why.empty() ? "nothing current about it" : why);
        }
    }
    return tried;
}

// The one that held before, or a new one.
Result<std::vector<Certificate>> chain_for(const PeerProof& proof, x509::TrustQuestion& question,
                                           const Environment& env) {
    const auto* const known = env.state.chains.find(question.leaf->der());
    if (known != nullptr && x509::still_holds(question, *known)) { return *known; }
    const CredentialSet& set = credentials_of(env);
    SentCertificates sent = sent_certificates(proof.payloads, proof.sources, env);
    question.intermediates = std::move(sent.certificates);
    // They count by their signatures, as those that are loaded do.
    std::ranges::move(sent.crls, std::back_inserter(question.crls));
    for (const auto* list : {&set.certificates, &set.authorities}) {
        question.intermediates.insert(question.intermediates.end(), list->begin(), list->end());
    }
    auto chain = x509::chain_of(question);
    if (!chain) { chain.error().received += sent.lost; }
    return chain;
}

Error not_trusted(const PeerProof& proof, Error error, const std::string& tried) {
    error.notify = NotifyType::authentication_failed;
    error.received += tried;
    if (!proof.connection.remote.cacerts.empty() && error.remedy.contains("x509ca")) {
        error.remedy = fmt::format(
            "name the authority of that certificate in connections.{}.remote.cacerts, which "
            "count instead of all others",
            proof.connection.name);
    }
    error.wanted = fmt::format("a certificate of {} that can be trusted (connections.{}.remote)",
                               proof.identity.to_string(), proof.connection.name);
    return error;
}

Status check_trust(const PeerProof& proof, const Certificate& leaf, const Environment& env) {
    const CredentialSet& set = credentials_of(env);
    const AuthConfig& remote = proof.connection.remote;
    if (!env.state.calendar) { return std::unexpected(no_calendar()); }
    x509::TrustQuestion question{.leaf = &leaf,
                                 .intermediates = {},
                                 .anchors = remote.cacerts,
                                 .crls = set.crls,
                                 .revocation = remote.revocation,
                                 .now = env.state.calendar(env.now)};
    if (remote.cacerts.empty()) {
        question.anchors = set.authorities;
        // What the operator put into x509 is trusted as it is.
        if (has(remote.pinned, leaf) || has(set.certificates, leaf)) {
            question.anchors.push_back(leaf);
        }
    }
    if (question.anchors.empty()) { return std::unexpected(no_authority(proof, leaf)); }
    question.responders = set.responders;
    for (const AuthorityInfo& info : set.infos) {
        if (info.crl_urls.empty() && info.ocsp_urls.empty()) { continue; }
        question.asked.push_back(info.certificate);
    }
    const RevocationBook& book = env.state.revocation;
    question.crls.insert(question.crls.end(), book.crls().begin(), book.crls().end());
    question.answers = book.answers();
    std::ranges::move(sent_ocsp_answers(proof.payloads, proof.connection),
                      std::back_inserter(question.answers));
    auto chain = chain_for(proof, question, env);
    if (!chain) { return std::unexpected(not_trusted(proof, std::move(chain).error(), {})); }
    const auto whole =
        x509::up_to_root(*chain, {&question.anchors, &set.authorities, &set.certificates});
    std::string tried;
    if (book.on && proof.sources != nullptr) {
        tried = find_sources(proof, question, whole, set, env);
    }
    if (Status done = x509::check_standing(question, whole); !done) {
        return std::unexpected(not_trusted(proof, std::move(done).error(), tried));
    }
    if (Status held = x509::check_policies(whole, remote.policies); !held) {
        return std::unexpected(policy_missing(proof, std::move(held).error()));
    }
    Status done = check_rules(proof, *chain);
    if (done) { env.state.chains.keep(*chain); }
    return done;
}

Status check_names(const PeerProof& proof, const Certificate& leaf) {
    const auto& pinned = proof.connection.remote.pinned;
    if (!pinned.empty() && !has(pinned, leaf)) { return std::unexpected(not_pinned(proof, leaf)); }
    if (!certifies(leaf, proof.identity)) { return std::unexpected(not_for_identity(proof, leaf)); }
    return {};
}

Status verify_with(const PeerProof& proof, const Certificate& leaf, const Environment& env) {
    if (Status named = check_names(proof, leaf); !named) { return named; }
    Status done = verify_auth(proof.connection.name, leaf.public_key(), proof.auth, proof.octets,
                              proof.connection.remote.auth_rules);
    return done ? check_trust(proof, leaf, env) : done;
}

}  // namespace

AskedAuthorities asked_authorities(const wire::Payloads& payloads) {
    AskedAuthorities out{
        .ocsp = asks_for_ocsp(payloads),
        .urls = wire::find_notify(payloads, NotifyType::http_cert_lookup_supported) != nullptr,
        .methods = announced_methods_in(payloads)};
    for (const wire::Payload& payload : payloads) {
        const auto* request = std::get_if<wire::CertificateRequest>(&payload);
        if (request == nullptr || request->encoding != wire::CertEncoding::x509_signature) {
            continue;
        }
        out.certificates = true;
        ByteView rest{request->data};
        while (rest.size() >= key_hash_size && out.key_hashes.size() < asked_authorities_max) {
            out.key_hashes.push_back(to_bytes(rest.first(key_hash_size)));
            rest = rest.subspan(key_hash_size);
        }
    }
    return out;
}

std::optional<wire::CertificateRequest> certificate_request(
    std::span<const ConnectionRef> connections, const Config& config) {
    const bool any = config.credentials != nullptr && !config.credentials->authorities.empty();
    std::vector<const AuthConfig*> rounds;  // in which certificates may be shown
    const auto consider = [&](const AuthConfig& remote) {
        const bool raw_keys_alone = remote.cacerts.empty() && remote.pinned.empty() && !any;
        if (remote.method == AuthMethodKind::pubkey && !raw_keys_alone) {
            rounds.push_back(&remote);
        }
    };
    for (const ConnectionRef& connection : connections) {
        if (!connection->send_certreq || rounds.size() >= asked_rounds_max) { continue; }
        consider(connection->remote);
        std::ranges::for_each(connection->remote_more, consider);
    }
    if (rounds.empty()) { return std::nullopt; }
    wire::CertificateRequest request{.encoding = wire::CertEncoding::x509_signature};
    std::set<Bytes> asked;
    const auto add = [&](const std::vector<Certificate>& authorities) {
        for (const Certificate& authority : authorities) {
            Bytes hash = to_bytes(authority.public_key().spki_hash());
            if (asked.size() == asked_authorities_max || !asked.insert(hash).second) { continue; }
            append(request.data, hash);
        }
    };
    const bool takes_any = any && std::ranges::any_of(rounds, [](const AuthConfig* remote) {
                               return remote->cacerts.empty();
                           });
    if (takes_any) { add(config.credentials->authorities); }
    for (const AuthConfig* const remote : rounds) { add(remote->cacerts); }
    return request;
}

const OwnCertificate* choose_own(const Connection& connection, const AskedAuthorities& asked) {
    const auto& usable = connection.local.usable;
    if (usable.empty()) { return nullptr; }
    const auto usual = [&](const OwnCertificate& own) {
        return certifies(own.certificate, connection.local.id) &&
               takes_key(asked.methods, own.certificate.public_key());
    };
    const auto fits = [&](const OwnCertificate& own) {
        return usual(own) && std::ranges::any_of(own.authorities, [&](const Bytes& hash) {
                   return std::ranges::find(asked.key_hashes, hash) != asked.key_hashes.end();
               });
    };
    if (const auto best = std::ranges::find_if(usable, fits); best != usable.end()) {
        return &*best;
    }
    if (const auto next = std::ranges::find_if(usable, usual); next != usable.end()) {
        return &*next;
    }
    const auto named = std::ranges::find_if(usable, [&](const OwnCertificate& own) {
        return certifies(own.certificate, connection.local.id);
    });
    return named == usable.end() ? &usable.front() : &*named;
}

void add_certificates(wire::Payloads& out, const Connection& connection, const OwnCertificate* own,
                      const AskedAuthorities& asked, const Environment& env) {
    if (connection.local.method != AuthMethodKind::pubkey ||
        connection.send_cert == SendCertificate::never) {
        return;
    }
    if (own != nullptr && connection.send_cert == SendCertificate::if_asked &&
        !asked.certificates) {
        return;
    }
    for (const Bytes& certificate : own == nullptr ? connection.local.certs : own->chain) {
        out.emplace_back(certificate_payload(certificate, asked.urls, env));
    }
}

Status verify_by_certificate(const PeerProof& proof, const Environment& env) {
    if (const wire::Certificate* const first = first_certificate(proof.payloads)) {
        if (const auto* const known = env.state.chains.find(first->data)) {
            const Certificate leaf = known->front();
            return verify_with(proof, leaf, env);
        }
        const auto leaf = certificate_of(*first, proof.sources, env);
        if (!leaf) { return std::unexpected(unreadable_certificate(proof, leaf.error())); }
        return verify_with(proof, *leaf, env);
    }
    std::optional<Error> first;
    for (const Certificate& one : known_certificates(proof, credentials_of(env))) {
        Status done = verify_with(proof, one, env);
        if (done) { return done; }
        if (!first) { first = std::move(done).error(); }
    }
    return std::unexpected(first ? std::move(*first) : no_certificate(proof));
}

Status verify_shown(const Connection& connection, const Identity& identity,
                    const std::vector<Bytes>& chain, const Environment& env) {
    const wire::Authentication none;
    wire::Payloads payloads;
    for (const Bytes& one : chain) {
        payloads.emplace_back(
            wire::Certificate{.encoding = wire::CertEncoding::x509_signature, .data = one});
    }
    const PeerProof proof{connection, none, {}, payloads, identity};
    if (chain.empty()) { return std::unexpected(no_certificate(proof)); }
    const auto leaf = Certificate::parse(chain.front());
    if (!leaf) { return std::unexpected(unreadable_certificate(proof, leaf.error())); }
    if (Status named = check_names(proof, *leaf); !named) { return named; }
    return check_trust(proof, *leaf, env);
}

}  // namespace culvert::ike::v2
