#pragma once
// Which certificates of its issuer a list is about (RFC 5280 5.2.5), and whether it may be used at
// all (RFC 5280 5.2, 5.3). For the sources of this room only.

#include <memory>

#include "base/bytes.hpp"
#include "x509/certificate.hpp"

struct X509_crl_st;
struct ISSUING_DIST_POINT_st;

namespace culvert::x509 {

class CrlScope {
 public:
    static CrlScope of(const X509_crl_st* list);

    // False: the list, or an entry of it, has a critical extension that we do not know, or its
    // issuingDistributionPoint cannot be read, or speaks of attribute certificates. Such a list
    // says nothing about any certificate.
    bool usable() const { return usable_; }
    // Whether a certificate of the list's issuer that is not in it is in good standing, whatever
    // the reason of a revocation would be (RFC 5280 6.3.3 (b) (2)).
    bool covers(const Certificate& one) const;

    // Whether both lists are about the same certificates and reasons, in the same words.
    friend bool operator==(const CrlScope& a, const CrlScope& b) { return a.der_ == b.der_; }

 private:
    std::shared_ptr<ISSUING_DIST_POINT_st> point_;  // null: all certificates, for all reasons
    Bytes der_;                                     // of the extension
    bool usable_ = true;
};

}  // namespace culvert::x509
