#include "x509/crl_scope.hpp"

#include <algorithm>
#include <array>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "x509/openssl_objects.hpp"

namespace culvert::x509 {
namespace {

// What we look at ourselves, or what says nothing about whom a list is about. The certificateIssuer
// of an entry is read by the library as it looks for a certificate (RFC 5280 5.3.3).
constexpr std::array known_of_lists{
    NID_authority_key_identifier,   NID_issuer_alt_name, NID_crl_number, NID_delta_crl,
    NID_issuing_distribution_point, NID_freshest_crl};
constexpr std::array known_of_entries{NID_crl_reason, NID_invalidity_date, NID_certificate_issuer};

template <std::size_t n>
bool all_known(const STACK_OF(X509_EXTENSION) * extensions, const std::array<int, n>& known) {
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
        X509_EXTENSION* const one = sk_X509_EXTENSION_value(extensions, i);
        if (X509_EXTENSION_get_critical(one) == 0) { continue; }
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(one));
        if (std::ranges::find(known, nid) == known.end()) { return false; }
    }
    return true;
}

bool criticals_known(const X509_CRL* list) {
    if (!all_known(X509_CRL_get0_extensions(list), known_of_lists)) { return false; }
    // The library's signature lacks a const; nothing is changed.
    STACK_OF(X509_REVOKED)* const entries = X509_CRL_get_REVOKED(const_cast<X509_CRL*>(list));
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
        const auto* const extensions =
            X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(entries, i));
        if (!all_known(extensions, known_of_entries)) { return false; }
    }
    return true;
}

// A name below that of an issuer, made whole; null: it is another kind of name.
X509_NAME* whole_name(const DIST_POINT_NAME& name) {
    return name.type == 1 ? name.dpname : nullptr;
}

bool has_name(const GENERAL_NAMES* names, const X509_NAME* wanted) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* const one = sk_GENERAL_NAME_value(names, i);
        if (one->type == GEN_DIRNAME && X509_NAME_cmp(one->d.directoryName, wanted) == 0) {
            return true;
        }
    }
    return false;
}

// RFC 5280 6.3.3 (b) (2) (i): one name in common.
bool one_in_common(const DIST_POINT_NAME& a, const DIST_POINT_NAME& b) {
    const X509_NAME* const whole_a = whole_name(a);
    const X509_NAME* const whole_b = whole_name(b);
    if (a.type == 1 && b.type == 1) {
        return whole_a != nullptr && whole_b != nullptr && X509_NAME_cmp(whole_a, whole_b) == 0;
    }
    if (a.type == 1) { return whole_a != nullptr && has_name(b.name.fullname, whole_a); }
    if (b.type == 1) { return whole_b != nullptr && has_name(a.name.fullname, whole_b); }
    for (int i = 0; i < sk_GENERAL_NAME_num(a.name.fullname); ++i) {
        for (int k = 0; k < sk_GENERAL_NAME_num(b.name.fullname); ++k) {
            if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a.name.fullname, i),
                                 sk_GENERAL_NAME_value(b.name.fullname, k)) == 0) {
                return true;
            }
        }
    }
    return false;
}

// Whether the certificate says that it is in the list which is distributed under this name. A point
// for some reasons, or of another authority's lists, leaves open what we want to know.
bool distributed_at(const Certificate& one, const DIST_POINT_NAME& name) {
    const X509_NAME* const issuer = X509_get_issuer_name(one.object());
    const std::unique_ptr<CRL_DIST_POINTS, decltype(&CRL_DIST_POINTS_free)> points{
        static_cast<CRL_DIST_POINTS*>(
            X509_get_ext_d2i(one.object(), NID_crl_distribution_points, nullptr, nullptr)),
        CRL_DIST_POINTS_free};
    for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
        const DIST_POINT* const point = sk_DIST_POINT_value(points.get(), i);
        if (point->distpoint == nullptr || point->reasons != nullptr ||
            point->CRLissuer != nullptr) {
            continue;
        }
        DIST_POINT_set_dpname(point->distpoint, issuer);
        if (one_in_common(*point->distpoint, name)) { return true; }
    }
    // RFC 5280 6.3.3, at its end: for a list that no point names, its issuer's name stands.
    if (name.type == 1) {
        return name.dpname != nullptr && X509_NAME_cmp(name.dpname, issuer) == 0;
    }
    return has_name(name.name.fullname, issuer);
}

}  // namespace

CrlScope CrlScope::of(const X509_CRL* list) {
    CrlScope out;
    out.usable_ = criticals_known(list);
    int found = 0;
    auto* const point = static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, &found, nullptr));
    ERR_clear_error();
    if (point == nullptr) {
        if (found != -1) { out.usable_ = false; }  // there is one, and it is malformed
        return out;
    }
    out.point_ = {point, ISSUING_DIST_POINT_free};
    out.der_ = extension_der(list, NID_issuing_distribution_point);
    const int limits =
        (point->onlyuser > 0 ? 1 : 0) + (point->onlyCA > 0 ? 1 : 0) + (point->onlyattr > 0 ? 1 : 0);
    if (point->onlyattr > 0 || limits > 1) { out.usable_ = false; }
    if (point->distpoint != nullptr) {
        DIST_POINT_set_dpname(point->distpoint, X509_CRL_get_issuer(list));
    }
    return out;
}

bool CrlScope::covers(const Certificate& one) const {
    if (!usable_ || point_ == nullptr) { return usable_; }
    const bool authority = (X509_get_extension_flags(one.object()) & EXFLAG_CA) != 0;
    if (authority ? point_->onlyuser > 0 : point_->onlyCA > 0) { return false; }
    if (point_->onlysomereasons != nullptr) { return false; }
    return point_->distpoint == nullptr || distributed_at(one, *point_->distpoint);
}

}  // namespace culvert::x509
