#pragma once
// Certificates and lists of revoked ones in one file, as IKE's hash and URL of a bundle names them
// (RFC 7296 3.6).

#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "x509/certificate.hpp"
#include "x509/crl.hpp"

namespace culvert::x509 {

struct Bundle {
    std::vector<Certificate> certificates;  // in their order: the first is the sender's own
    std::vector<Crl> crls;
};
// DER of a CertificateBundle. Fails with malformed, or as a certificate or list in it does.
Result<Bundle> parse_bundle(ByteView der);

}  // namespace culvert::x509
