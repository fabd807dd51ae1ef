#include "x509/delta.hpp"

#include <memory>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "x509/lists.hpp"
#include "x509/openssl_objects.hpp"

namespace culvert::x509 {
namespace {

// A certificate names its authority's list for all; a list says it for itself (RFC 5280 5.2.6).
std::vector<std::string> named_by(const Certificate& one) {
    return take_urls(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(one.object(), NID_freshest_crl, nullptr, nullptr)));
}
std::vector<std::string> named_by(const Crl& list) {
    const Bytes der = list.der();
    const std::uint8_t* at = der.data();
    const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> object{
        d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())), X509_CRL_free};
    ERR_clear_error();
    if (object == nullptr) { return {}; }
    return take_urls(static_cast<CRL_DIST_POINTS*>(
        X509_CRL_get_ext_d2i(object.get(), NID_freshest_crl, nullptr, nullptr)));
}

}  // namespace

std::vector<std::string> delta_sources(const TrustQuestion& question, const Certificate& one,
                                       const Certificate& issuer) {
    for (const OcspAnswer& answer : question.answers) {
        if (answer.status_of(one, issuer, question.responders, question.now)) { return {}; }
    }
    std::vector<std::string> out = named_by(one);
    const Crl* const base = newest_list(question, one, issuer);
    if (base == nullptr) { return out; }
    if (newest_delta(question, *base, issuer) != nullptr) { return {}; }
    if (!base->is_current(question.now)) { return out; }
    const auto more = named_by(*base);
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

}  // namespace culvert::x509
