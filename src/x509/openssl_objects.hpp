#pragma once
// The crypto library's certificate objects, for the sources of this room only.

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "x509/certificate.hpp"

// X509_NAME; X509_CRL; ASN1_INTEGER and ASN1_TIME; GENERAL_NAME; CRL_DIST_POINTS.
struct X509_name_st;
struct X509_crl_st;
struct asn1_string_st;
struct GENERAL_NAME_st;
struct stack_st_DIST_POINT;

namespace culvert::x509 {

// "C=CH, O=Example, CN=gw" in the order of the name; what is not printable as \xNN.
std::string name_text(const X509_name_st* name);
Bytes name_der(const X509_name_st* name);
std::string serial_text(const asn1_string_st* serial);
// Nothing if the field holds no time.
std::optional<Time> time_of(const asn1_string_st* time);

// The value of an extension of a list; empty: it has none.
Bytes extension_der(const X509_crl_st* list, int nid);

// http and https alone: what else certificates name (ldap, file) we do not follow.
void add_url(std::vector<std::string>& out, const GENERAL_NAME_st* name);
// Those of distribution points (RFC 5280 4.2.1.13), which it frees.
std::vector<std::string> take_urls(stack_st_DIST_POINT* points);

}  // namespace culvert::x509
