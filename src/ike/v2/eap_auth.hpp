#pragma once
// EAP inside of IKE_AUTH (RFC 7296 2.16, RFC 5998): what its exchanges keep between their messages.
// The initiator is EAP's peer, the responder its server.

#include <optional>

#include "ike/eap/peer.hpp"
#include "ike/eap/server.hpp"
#include "ike/v2/environment.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

struct EapInitiator {
    eap::Peer peer;
    ConnectionRef view;      // in_round() of this round
    Identity id;             // ours in it
    bool begun = false;      // the peer takes part
    bool auth_sent = false;  // EAP is through
    Secret msk{};            // empty: the method makes none
};

struct EapResponder {
    eap::Server server;
    ConnectionRef view;    // in_round() of this round
    wire::Payloads first;  // the request that began it, with its IDi
    bool succeeded = false;
    Identity user{};  // proved
    Secret msk{};
};

// For a call in which we are, or the peer is, `server`. `connection`: in_round(). It must not
// outlive `env` and `sa`.
eap::Context eap_context(const SaCore& sa, const ConnectionRef& connection, Identity server,
                         const Environment& env);

// AUTH behind EAP: with the method's key, or for methods without one with the side's own SK_p (RFC
// 7296 2.16).
wire::Authentication eap_proof(const crypto::Prf& prf, const Secret& msk, const Secret& own_sk_p,
                               ByteView octets);

}  // namespace culvert::ike::v2
