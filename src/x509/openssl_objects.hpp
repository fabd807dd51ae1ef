#pragma once
// The crypto library's certificate objects, for the sources of this room only.

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "x509/certificate.hpp"

// X509_NAME; ASN1_INTEGER and ASN1_TIME.
struct X509_name_st;
struct asn1_string_st;

namespace culvert::x509 {

// "C=CH, O=Example, CN=gw" in the order of the name; what is not printable as \xNN.
std::string name_text(const X509_name_st* name);
Bytes name_der(const X509_name_st* name);
std::string serial_text(const asn1_string_st* serial);
// Nothing if the field holds no time.
std::optional<Time> time_of(const asn1_string_st* time);

}  // namespace culvert::x509
