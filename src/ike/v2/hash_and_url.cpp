#include "ike/v2/hash_and_url.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "crypto/hash.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

constexpr std::size_t hash_size = 20;  // RFC 7296 3.6: SHA-1

Bytes sha1(ByteView octets) { return crypto::hash(crypto::HashAlgorithm::sha1, {octets}); }

const std::vector<AuthorityInfo>& infos_of(const Environment& env) {
    static const std::vector<AuthorityInfo> none;
    const auto& set = env.state.config->credentials;
    return set == nullptr ? none : set->infos;
}

// Under a base, and nothing that a server could take for another place.
bool is_under(std::string_view url, std::string_view base) {
    if (base.empty() || !url.starts_with(base) || url.size() > certificate_url_max) {
        return false;
    }
    const std::string_view rest = url.substr(base.size());
    return !rest.contains("..") && std::ranges::all_of(rest, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '/' || c == '.' || c == '-' || c == '_';
    });
}

}  // namespace

void add_lookup_support(wire::Payloads& out, const Environment& env) {
    if (!env.settings().hash_and_url || !env.state.revocation.on) { return; }
    out.emplace_back(wire::Notify{.type = wire::NotifyType::http_cert_lookup_supported});
}

wire::Certificate certificate_payload(const Bytes& der, bool peer_fetches, const Environment& env) {
    wire::Certificate whole{.encoding = wire::CertEncoding::x509_signature, .data = der};
    if (!peer_fetches || !env.settings().hash_and_url) { return whole; }
    const auto parsed = x509::Certificate::parse(der);
    if (!parsed) { return whole; }
    const Bytes issuer = parsed->issuer_der();
    for (const AuthorityInfo& info : infos_of(env)) {
        if (info.certificate_url_base.empty() || info.certificate.subject_der() != issuer) {
            continue;
        }
        Bytes data = sha1(der);
        append(data, as_bytes(info.certificate_url_base + to_hex(data)));
        return {.encoding = wire::CertEncoding::hash_and_url_x509, .data = std::move(data)};
    }
    return whole;
}

Named named_certificate(ByteView data, const Environment& env) {
    if (!env.settings().hash_and_url) {
        return {.why = "a hash and a URL, which charon.hash_and_url = no does not take"};
    }
    if (data.size() <= hash_size) { return {.why = "a hash without a URL"}; }
    const Bytes wanted = to_bytes(data.first(hash_size));
    const RevocationBook& book = env.state.revocation;
    if (const auto known = book.certificate(wanted)) { return {.der = *known}; }
    const std::string url{as_text(data.subspan(hash_size))};
    const bool allowed = std::ranges::any_of(infos_of(env), [&](const AuthorityInfo& info) {
        return is_under(url, info.certificate_url_base);
    });
    if (!allowed) {
        return {.why = fmt::format("the URL {}, which is under no authorities.<name>.cert_uri_base",
                                   printable(url, 200))};
    }
    RevocationSource source{
        .kind = FetchRevocation::Kind::certificate, .url = url, .request = wanted};
    if (book.asked_lately(source, env.now)) {
        const std::string why = book.why(source);
        return {.why = fmt::format("{}: {}", printable(url, 200),
                                   why.empty() ? "it was no use a moment ago" : why)};
    }
    if (!book.on || book.under_way() >= certificate_fetches_max) {
        return {.why = printable(url, 200) + ", and too much is being fetched already"};
    }
    return {.source = std::move(source)};
}

}  // namespace culvert::ike::v2
