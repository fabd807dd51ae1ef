#pragma once
// Several authentication rounds (RFC 4739): what either side proves after its first identity.

#include <optional>
#include <string>

#include "ike/v2/auth.hpp"

namespace culvert::ike::v2 {

// The connection as it is in the n-th round of its own side and of the peer's; what is past the
// last round stays what it is in the first.
ConnectionRef in_round(const ConnectionRef& connection, std::size_t local, std::size_t remote);
inline std::size_t local_rounds(const Connection& c) { return 1 + c.local_more.size(); }
inline std::size_t remote_rounds(const Connection& c) { return 1 + c.remote_more.size(); }
inline bool has_rounds(const Connection& c) {
    return !c.local_more.empty() || !c.remote_more.empty();
}

bool another_follows(const wire::Payloads& payloads);

// What all rounds of a side have in common (RFC 7296 2.15): its first message, the other's nonce,
// its own SK_p.
struct RoundKeys {
    const Bytes& message;
    const Bytes& nonce;
    const Secret& sk_p;
    Bytes int_auth;
};

// Our identity of this round and AUTH; its certificates go in between.
struct RoundProof {
    Identity id;
    wire::Payloads certificates;
    wire::Authentication auth;
    std::string secret_name;       // that made it, or
    std::string certificate_name;  // that it goes with
};
// `view`: in_round(). `remote`: who the peer is, for its secret.
Result<RoundProof> prove_round(const Connection& view, const SaCore& sa, const Identity& remote,
                               const RoundKeys& keys, const AskedAuthorities& asked,
                               const SignatureHashes& hashes, const Environment& env);
// The peer's. `sources` as with verify_signature().
Status verify_round(const Connection& view, const SaCore& sa, const Identity& id,
                    const wire::Authentication& auth, const RoundKeys& keys, ByteView rest_of_id,
                    const wire::Payloads& payloads, std::vector<RevocationSource>& sources,
                    const Environment& env);

// The peer has another number of rounds than we.
Error rounds_differ(std::string_view connection, std::size_t wanted, bool more);
Error lacks_rounds(std::string_view connection);

}  // namespace culvert::ike::v2
