#pragma once
// The crypto library's certificate objects, for the sources of this room only.

#include <string>

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include "base/bytes.hpp"
#include "x509/certificate.hpp"

namespace culvert::x509 {

// "C=CH, O=Example, CN=gw" in the order of the name; what is not printable as \xNN.
std::string name_text(const X509_NAME* name);
Bytes name_der(const X509_NAME* name);
std::string serial_text(const ASN1_INTEGER* serial);
// Nothing if the field holds no time.
std::optional<Time> time_of(const ASN1_TIME* time);

}  // namespace culvert::x509
