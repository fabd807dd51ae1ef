#pragma once
// Announcements of authentication methods (RFC 9593): what each side takes of the other, so that
// who has several credentials shows the right one, and who has none that fit hears why.

#include <span>
#include <string>
#include <vector>

#include "crypto/public_key.hpp"
#include "crypto/signature.hpp"
#include "ike/v2/connection_lookup.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

struct AnnouncedMethod {
    wire::AuthMethod method{};
    // Of digital_signature; nothing: an algorithm that we do not have.
    std::optional<crypto::SignatureScheme> scheme{};
};
using AnnouncedMethods = std::vector<AnnouncedMethod>;

// N(SUPPORTED_AUTH_METHODS) with what any of the connections takes of its peer; nothing where that
// is any key at all, or EAP alone, which has a negotiation of its own.
std::optional<wire::Notify> announced_methods_notify(std::span<const ConnectionRef> connections);
// What the peer announces, up to a bound; empty: nothing, or what cannot be read.
AnnouncedMethods announced_methods_in(const wire::Payloads& payloads);

// Whether a signature of this key may do; yes where nothing is announced.
bool takes_key(const AnnouncedMethods& announced, const crypto::PublicKey& key);
bool takes_method(const AnnouncedMethods& announced, wire::AuthMethod method);
// "pre-shared secrets, ECDSA_SHA2_256", for people; empty: nothing is announced.
std::string words_of(const AnnouncedMethods& announced);

}  // namespace culvert::ike::v2
