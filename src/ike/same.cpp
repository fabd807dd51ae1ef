#include "ike/same.hpp"

#include <algorithm>
#include <vector>

namespace culvert::ike {
namespace {

template <class T>
bool same_list(const std::vector<T>& a, const std::vector<T>& b) {
    return std::ranges::equal(a, b, [](const T& x, const T& y) { return same(x, y); });
}

bool same_info(const AuthorityInfo& a, const AuthorityInfo& b) {
    return a.name == b.name && a.certificate == b.certificate && a.crl_urls == b.crl_urls &&
           a.ocsp_urls == b.ocsp_urls && a.certificate_url_base == b.certificate_url_base;
}

}  // namespace

bool same(const AuthConfig& a, const AuthConfig& b) {
    return a.method == b.method && a.id == b.id && a.own == b.own &&
           a.own_handles == b.own_handles && a.pubkeys == b.pubkeys && a.pinned == b.pinned &&
           a.cacerts == b.cacerts && a.ca_id == b.ca_id && a.policies == b.policies &&
           a.revocation == b.revocation && a.chain_rules == b.chain_rules &&
           a.auth_rules == b.auth_rules && a.eap_methods == b.eap_methods && a.eap_id == b.eap_id &&
           a.aaa_id == b.aaa_id && a.asks_eap_id == b.asks_eap_id;
}

bool same_local_rounds(const Connection& a, const Connection& b) {
    return same(a.local, b.local) && same_list(a.local_more, b.local_more);
}

bool same_remote_rounds(const Connection& a, const Connection& b) {
    return same(a.remote, b.remote) && same_list(a.remote_more, b.remote_more);
}

bool same(const SharedSecret& a, const SharedSecret& b) {
    return a.name == b.name && a.kind == b.kind && a.owners == b.owners &&
           constant_time_equal(a.secret.reveal(), b.secret.reveal());
}

bool same_secrets(const Config& a, const Config& b) {
    return same_list(a.secrets, b.secrets) && same_list(a.ppks, b.ppks) &&
           same_list(a.passwords, b.passwords);
}

bool same(const std::shared_ptr<const CredentialSet>& a,
          const std::shared_ptr<const CredentialSet>& b) {
    static const CredentialSet none;
    if (a == b) { return true; }
    const CredentialSet& x = a == nullptr ? none : *a;
    const CredentialSet& y = b == nullptr ? none : *b;
    return x.authorities == y.authorities && x.certificates == y.certificates &&
           x.responders == y.responders &&
           std::ranges::equal(
               x.crls, y.crls,
               [](const x509::Crl& c, const x509::Crl& d) { return c.der() == d.der(); }) &&
           std::ranges::equal(
               x.keys, y.keys,
               [](const auto& c, const auto& d) { return c->public_key() == d->public_key(); }) &&
           std::ranges::equal(x.infos, y.infos, same_info);
}

}  // namespace culvert::ike
