#pragma once
// Certificates as list-certs tells of them.

#include <string>
#include <vector>

#include "ike/credentials.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

// Lower case; "any" and an empty subject let all through.
struct CertificateFilter {
    std::string type;     // "x509", "x509_crl"
    std::string flag;     // "none", "ca", "ocsp"
    std::string subject;  // an identity
};

// strongSwan's keys, and ours for people ("culvert-subject" ...).
std::vector<vici::Message> list_cert_messages(const ike::CredentialSet& credentials,
                                              const CertificateFilter& filter, x509::Time now);

}  // namespace culvert::daemon
