#include "daemon/certificate_messages.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace culvert::daemon {
namespace {

std::string octets(ByteView bytes) { return std::string{as_text(bytes)}; }

std::string expiry(x509::Time end, x509::Time now) {
    const auto days = std::chrono::floor<std::chrono::days>(end < now ? now - end : end - now);
    return end < now ? fmt::format("expired {} days ago", days.count())
                     : fmt::format("in {} days", days.count());
}

bool has_key(const ike::CredentialSet& credentials, const x509::Certificate& one) {
    return std::ranges::any_of(
        credentials.keys, [&](const auto& key) { return key->public_key() == one.public_key(); });
}

vici::Message message_of(const ike::CredentialSet& credentials, const x509::Certificate& one,
                         std::string_view flag, x509::Time now) {
    vici::Message out;
    out.set("type", "X509").set("flag", flag);
    if (has_key(credentials, one)) { out.set("has_privkey", "yes"); }
    out.set("data", octets(one.der()));
    out.set("culvert-subject", ike::subject_of(one).to_string());
    out.set("culvert-issuer",
            ike::Identity{ike::IdType::der_asn1_dn, one.issuer_der()}.to_string());
    out.set("culvert-names", ike::names_of(one));
    out.set("culvert-serial", one.serial());
    out.set("culvert-key", one.public_key().to_string());
    out.set("culvert-valid", fmt::format("{} to {}{}", x509::to_string(one.not_before()),
                                         x509::to_string(one.not_after()),
                                         now < one.not_before() ? ", not yet" : ""));
    out.set("culvert-expiry", expiry(one.not_after(), now));
    out.set("culvert-not-after", fmt::format("{}", one.not_after().time_since_epoch().count()));
    return out;
}

}  // namespace

std::vector<vici::Message> list_cert_messages(const ike::CredentialSet& credentials,
                                              const CertificateFilter& filter, x509::Time now) {
    std::vector<vici::Message> out;
    const auto subject = ike::Identity::parse(filter.subject);
    const auto wanted = [&](const x509::Certificate& one) {
        return filter.subject.empty() || (subject && ike::certifies(one, *subject));
    };
    const auto add = [&](const std::vector<x509::Certificate>& list, std::string_view word,
                         std::string_view flag) {
        if ((filter.type != "any" && filter.type != "x509") ||
            (filter.flag != "any" && filter.flag != word)) {
            return;
        }
        for (const x509::Certificate& one : list) {
            if (wanted(one)) { out.push_back(message_of(credentials, one, flag, now)); }
        }
    };
    add(credentials.certificates, "none", "NONE");
    add(credentials.authorities, "ca", "CA");
    add(credentials.responders, "ocsp", "OCSP");
    if (filter.type != "any" && filter.type != "x509_crl") { return out; }
    for (const x509::Crl& crl : credentials.crls) {
        const ike::Identity issuer{ike::IdType::der_asn1_dn, crl.issuer_der()};
        if (!filter.subject.empty() && !(subject && issuer == *subject)) { continue; }
        vici::Message one;
        one.set("type", "X509_CRL").set("flag", "NONE").set("data", octets(crl.der()));
        one.set("culvert-subject", fmt::format("list of {}", issuer.to_string()));
        one.set("culvert-valid",
                fmt::format("{} to {}", x509::to_string(crl.this_update()),
                            crl.next_update() ? x509::to_string(*crl.next_update()) : "the next"));
        if (crl.next_update()) { one.set("culvert-expiry", expiry(*crl.next_update(), now)); }
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace culvert::daemon
