#pragma once
// AUTH by signature with certificates (RFC 7296 2.15, 3.6, 3.7; RFC 4945): which of ours we send,
// and whether the peer's are to be trusted.

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "ike/connection.hpp"
#include "ike/v2/announced_methods.hpp"
#include "ike/v2/connection_lookup.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

struct Environment;
struct RevocationSource;

// What a peer asks for: its CERTREQ payloads, and what it announces to take.
struct AskedAuthorities {
    bool certificates = false;      // X.509 certificates at all
    std::vector<Bytes> key_hashes;  // SHA-1 of the public keys of authorities; may be empty: any
    bool ocsp = false;              // OCSP responses about what we send (RFC 4806)
    bool urls = false;              // takes certificates by hash and URL
    AnnouncedMethods methods{};     // RFC 9593
};
AskedAuthorities asked_authorities(const wire::Payloads& payloads);

// CERTREQ with the authorities that any of these connections would take, if one takes certificates
// and asks for them (send_certreq).
std::optional<wire::CertificateRequest> certificate_request(
    std::span<const ConnectionRef> connections, const Config& config);

// The one of ours that the peer is most likely to trust; null: we have none.
const OwnCertificate* choose_own(const Connection& connection, const AskedAuthorities& asked);
// It and its chain, as send_cert says.
void add_certificates(wire::Payloads& out, const Connection& connection, const OwnCertificate* own,
                      const AskedAuthorities& asked, const Environment& env);

// The peer's AUTH over `octets`, which comes from `identity`.
struct PeerProof {
    const Connection& connection;
    const wire::Authentication& auth;
    ByteView octets;
    const wire::Payloads& payloads;
    const Identity& identity;
    // Gets what must be asked before it can be decided; then what comes back says nothing.
    std::vector<RevocationSource>* sources = nullptr;
};
// Fails with authentication_failed: no certificate for the identity, a signature that is not its
// key's, a chain that is not to be trusted.
Status verify_by_certificate(const PeerProof& proof, const Environment& env);

// Certificates (DER, the end's own first) that were shown in TLS by who has the key, as `identity`.
// Nothing is fetched: lists and answers that are here must do.
Status verify_shown(const Connection& connection, const Identity& identity,
                    const std::vector<Bytes>& chain, const Environment& env);

}  // namespace culvert::ike::v2
