#pragma once
// CERT payloads of a peer: whole certificates, or where one or a bundle of them lies (RFC
// 7296 3.6).

#include <string>
#include <vector>

#include "base/error.hpp"
#include "ike/v2/revocation.hpp"
#include "ike/wire/payload.hpp"
#include "x509/certificate.hpp"
#include "x509/crl.hpp"

namespace culvert::ike::v2 {

struct Environment;

// The peer's own; null: it sent none.
const wire::Certificate* first_certificate(const wire::Payloads& payloads);

// The certificate of a payload; of a bundle the first one, which is the sender's own. `sources`:
// gets what must be fetched first, and then this fails.
Result<x509::Certificate> certificate_of(const wire::Certificate& one,
                                         std::vector<RevocationSource>* sources,
                                         const Environment& env);

struct SentCertificates {
    std::vector<x509::Certificate> certificates;  // all that can be read
    std::vector<x509::Crl> crls;                  // in bundles
    std::string lost;                             // why others are not among them
};
SentCertificates sent_certificates(const wire::Payloads& payloads,
                                   std::vector<RevocationSource>* sources, const Environment& env);

}  // namespace culvert::ike::v2
