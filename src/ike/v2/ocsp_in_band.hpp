#pragma once
// OCSP responses inside of IKE (RFC 4806): the peer may hand us those about its own certificates,
// so that we need not ask, and we hand it those about ours.

#include <vector>

#include "ike/connection.hpp"
#include "ike/v2/revocation.hpp"
#include "ike/wire/payload.hpp"
#include "x509/ocsp.hpp"

namespace culvert::ike::v2 {

struct Environment;

// Whether the peer of this connection is asked for OCSP responses.
bool requests_ocsp(const Connection& connection);
// CERTREQ for OCSP content: from any responder that the authority has appointed (RFC 4806 3.1: no
// hash in it).
wire::CertificateRequest ocsp_request_payload();
bool asks_for_ocsp(const wire::Payloads& payloads);

// What the peer sent, if the connection asks for it; believed no more than what is fetched.
std::vector<x509::OcspAnswer> sent_ocsp_answers(const wire::Payloads& payloads,
                                                const Connection& connection);

// About our certificate and those between it and its authority.
struct OwnStanding {
    std::vector<Bytes> answers;             // current ones, DER
    std::vector<RevocationSource> sources;  // where those that we lack are to be had
};
OwnStanding own_standing(const Connection& connection, const OwnCertificate* own,
                         const Environment& env);
void add_ocsp_answers(wire::Payloads& out, const OwnStanding& standing);

}  // namespace culvert::ike::v2
