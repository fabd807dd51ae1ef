#pragma once
// Quick crash detection (RFC 6290): a token that each end gives the other under the keys of their
// IKE SA, and shows in the clear once it has lost that.

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {

// RFC 6290 5.1: from the secret and the SPIs alone, so that it can be made again with nothing else.
Bytes crash_token(const Secret& secret, IkeSpi initiator, IkeSpi responder);

// INVALID_IKE_SPI with a token of ours. It answers nothing shorter.
constexpr std::size_t crash_answer_size = wire::IkeHeader::size + 8 + 8 + crash_token_size;
// A liveness check is shorter than that under an AEAD: longer, if the peer has tokens.
void make_room_for_token(wire::Payloads& request, const SaCore& sa);

// N(QUICK_CRASH_DETECTION) of our side for the SA, if we make tokens.
void add_crash_token(wire::Payloads& out, const SaCore& sa, const Environment& env);
// The peer's, from a protected message. A later one takes its place (4.3).
void take_crash_token(const wire::Payloads& payloads, SaCore& sa);

// An answer in the clear that only the peer can have made, and only without the IKE SA: 4.5.
bool shows_loss(const wire::Message& answer, const SaCore& sa);

}  // namespace culvert::ike::v2
