#include "ike/v2/sent_certificates.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "ike/v2/environment.hpp"
#include "ike/v2/hash_and_url.hpp"
#include "ike/v2/limits.hpp"
#include "x509/bundle.hpp"

namespace culvert::ike::v2 {

namespace {

bool is_certificate(const wire::Payload& payload) {
    const auto* one = std::get_if<wire::Certificate>(&payload);
    return one != nullptr && (one->encoding == wire::CertEncoding::x509_signature ||
                              one->encoding == wire::CertEncoding::hash_and_url_x509 ||
                              one->encoding == wire::CertEncoding::hash_and_url_bundle);
}

Result<x509::Bundle> alone(Result<x509::Certificate> certificate) {
    if (!certificate) { return std::unexpected(std::move(certificate).error()); }
    return x509::Bundle{.certificates = {std::move(*certificate)}, .crls = {}};
}

// What stands in a CERT payload, or lies where it says.
Result<x509::Bundle> bundle_of(const wire::Certificate& one, std::vector<RevocationSource>* sources,
                               const Environment& env) {
    if (one.encoding == wire::CertEncoding::x509_signature) {
        return alone(x509::Certificate::parse(one.data));
    }
    Named named = named_certificate(one.data, env);
    if (named.der) {
        return one.encoding == wire::CertEncoding::hash_and_url_bundle
                   ? x509::parse_bundle(*named.der)
                   : alone(x509::Certificate::parse(*named.der));
    }
    if (named.source && sources != nullptr) { sources->push_back(*std::move(named.source)); }
    return std::unexpected(Error{
        .code = ErrorCode::malformed,
        .received = std::move(named.why),
        .remedy = "let the peer send its certificates whole (its hash_and_url, or cert_uri_base)"});
}

template <class T>
void keep_first(std::vector<T>& list, std::size_t most) {
    if (list.size() > most) {
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(most), list.end());
    }
}

}  // namespace

const wire::Certificate* first_certificate(const wire::Payloads& payloads) {
    const auto first = std::ranges::find_if(payloads, is_certificate);
    return first == payloads.end() ? nullptr : &std::get<wire::Certificate>(*first);
}

Result<x509::Certificate> certificate_of(const wire::Certificate& one,
                                         std::vector<RevocationSource>* sources,
                                         const Environment& env) {
    auto bundle = bundle_of(one, sources, env);
    if (!bundle) { return std::unexpected(std::move(bundle).error()); }
    if (bundle->certificates.empty()) {
        return std::unexpected(Error{.code = ErrorCode::malformed,
                                     .received = "a bundle without certificates",
                                     .remedy = "put the peer's certificate into it, as the first"});
    }
    return std::move(bundle->certificates.front());
}

SentCertificates sent_certificates(const wire::Payloads& payloads,
                                   std::vector<RevocationSource>* sources, const Environment& env) {
    SentCertificates out;
    std::size_t seen = 0;
    for (const wire::Payload& payload : payloads) {
        if (!is_certificate(payload)) { continue; }
        if (++seen > peer_certificates_max) { break; }
        const auto& one = std::get<wire::Certificate>(payload);
        auto bundle = bundle_of(one, sources, env);
        if (bundle) {
            std::ranges::move(bundle->certificates, std::back_inserter(out.certificates));
            std::ranges::move(bundle->crls, std::back_inserter(out.crls));
        } else if (one.encoding != wire::CertEncoding::x509_signature) {
            out.lost += "; beside it came " + bundle.error().received;
        }
    }
    keep_first(out.certificates, peer_certificates_max);
    keep_first(out.crls, peer_certificates_max);
    return out;
}

}  // namespace culvert::ike::v2
