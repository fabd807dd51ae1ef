#pragma once
// Certificates by hash and URL (RFC 7296 3.6): small messages, and a fetch for whoever gets them.
// As anybody may send such a payload before he has proved anything, only what lies under an
// authority's cert_uri_base is fetched, and only so much at a time.

#include <optional>
#include <string>

#include "ike/v2/revocation.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

struct Environment;

// What we say when we fetch them: N(HTTP_CERT_LOOKUP_SUPPORTED).
void add_lookup_support(wire::Payloads& out, const Environment& env);

// The CERT payload of a certificate of ours: by hash and URL where the peer takes that and its
// issuer has a cert_uri_base, else whole.
wire::Certificate certificate_payload(const Bytes& der, bool peer_fetches, const Environment& env);

// What such a payload of the peer stands for.
struct Named {
    std::optional<Bytes> der;                  // fetched before, and of that hash
    std::optional<RevocationSource> source{};  // to be asked first
    std::string why{};                         // neither: what is wrong
};
Named named_certificate(ByteView data, const Environment& env);

}  // namespace culvert::ike::v2
