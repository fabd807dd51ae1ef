#include "ike/v2/ocsp_in_band.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "ike/v2/environment.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

using x509::Certificate;

namespace {

bool replies(const Connection& connection) {
    return connection.ocsp == OcspInBand::reply || connection.ocsp == OcspInBand::both;
}

const CredentialSet* credentials_of(const Environment& env) {
    return env.state.config->credentials.get();
}

// The chain that we send, and the authority at its end where we know it.
std::vector<Certificate> whole_chain(const OwnCertificate& own, const CredentialSet& set) {
    std::vector<Certificate> out;
    for (const Bytes& der : own.chain) {
        auto parsed = Certificate::parse(der);
        if (!parsed) { return out; }
        out.push_back(std::move(*parsed));
    }
    if (out.empty()) { return out; }
    const Certificate last = out.back();
    const auto issuer = std::ranges::find_if(
        set.authorities, [&](const Certificate& one) { return last.is_issued_by(one); });
    if (issuer != set.authorities.end()) { out.push_back(*issuer); }
    return out;
}

std::optional<Bytes> known_answer(const Certificate& one, const Certificate& issuer,
                                  const CredentialSet& set, const Environment& env) {
    const x509::Time now = env.state.calendar(env.now);
    for (const x509::OcspAnswer& answer : env.state.revocation.answers()) {
        if (answer.status_of(one, issuer, set.responders, now)) { return answer.der(); }
    }
    return std::nullopt;
}

std::optional<RevocationSource> source_of(const Certificate& one, const Certificate& issuer,
                                          const CredentialSet& set, const Environment& env) {
    std::vector<std::string> urls = one.ocsp_urls();
    for (const AuthorityInfo& info : set.infos) {
        if (!(info.certificate == issuer)) { continue; }
        urls.insert(urls.end(), info.ocsp_urls.begin(), info.ocsp_urls.end());
    }
    for (std::size_t i = 0; i < std::min(urls.size(), revocation_urls_max); ++i) {
        RevocationSource source{.kind = FetchRevocation::Kind::ocsp,
                                .url = urls.at(i),
                                .request = x509::ocsp_request(one, issuer)};
        if (!env.state.revocation.asked_lately(source, env.now)) { return source; }
    }
    return std::nullopt;
}

}  // namespace

bool requests_ocsp(const Connection& connection) {
    return (connection.ocsp == OcspInBand::request || connection.ocsp == OcspInBand::both) &&
           connection.remote.method == AuthMethodKind::pubkey;
}

wire::CertificateRequest ocsp_request_payload() {
    return {.encoding = wire::CertEncoding::ocsp_content};
}

bool asks_for_ocsp(const wire::Payloads& payloads) {
    return std::ranges::any_of(payloads, [](const wire::Payload& payload) {
        const auto* request = std::get_if<wire::CertificateRequest>(&payload);
        return request != nullptr && request->encoding == wire::CertEncoding::ocsp_content;
    });
}

std::vector<x509::OcspAnswer> sent_ocsp_answers(const wire::Payloads& payloads,
                                                const Connection& connection) {
    std::vector<x509::OcspAnswer> out;
    if (!requests_ocsp(connection)) { return out; }
    for (const wire::Payload& payload : payloads) {
        const auto* one = std::get_if<wire::Certificate>(&payload);
        if (one == nullptr || one->encoding != wire::CertEncoding::ocsp_content) { continue; }
        if (out.size() == peer_certificates_max) { break; }
        if (auto answer = x509::OcspAnswer::parse(one->data)) { out.push_back(std::move(*answer)); }
    }
    return out;
}

OwnStanding own_standing(const Connection& connection, const OwnCertificate* own,
                         const Environment& env) {
    OwnStanding out;
    const CredentialSet* const set = credentials_of(env);
    if (own == nullptr || set == nullptr || !replies(connection) || !env.state.calendar ||
        !env.state.revocation.on) {
        return out;
    }
    const std::vector<Certificate> chain = whole_chain(*own, *set);
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        if (auto answer = known_answer(chain.at(i), chain.at(i + 1), *set, env)) {
            out.answers.push_back(std::move(*answer));
        } else if (auto source = source_of(chain.at(i), chain.at(i + 1), *set, env)) {
            out.sources.push_back(std::move(*source));
        }
    }
    return out;
}

void add_ocsp_answers(wire::Payloads& out, const OwnStanding& standing) {
    for (const Bytes& answer : standing.answers) {
        out.emplace_back(
            wire::Certificate{.encoding = wire::CertEncoding::ocsp_content, .data = answer});
    }
}

}  // namespace culvert::ike::v2
