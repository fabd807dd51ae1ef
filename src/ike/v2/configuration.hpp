#pragma once
// The Configuration payload (RFC 7296 2.19, 3.15): virtual addresses for peers from our pools, and
// for us from a peer.

#include <optional>
#include <string>
#include <vector>

#include "ike/v2/environment.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// Letters, digits, "-", "_" and dots, as the DNS has them.
bool is_domain_name(std::string_view name);

// ---- asking

// CP(CFG_REQUEST) for the connection's vips; nothing without them. `before`: addresses that we had
// from this peer, which are asked for again.
std::optional<wire::Configuration> address_request(const Connection& connection,
                                                   const std::vector<IpAddress>& before);
// Takes CP(CFG_REPLY) into the SA and, as actions, to the host. Without one address for us it
// fails.
Status take_address_reply(const wire::Payloads& response, SaCore& sa, const Environment& env);

// ---- giving

// Answers CP(CFG_REQUEST) in IKE_AUTH: leases go into the SA. Nothing if the peer asks for no
// address and we give none by configuration. Fails with internal_address_failure (no pool, or none
// left) and failed_cp_required (RFC 7296 3.15.4).
Result<std::optional<wire::Configuration>> answer_address_request(const wire::Payloads& request,
                                                                  SaCore& sa,
                                                                  const Environment& env);
// CP in an INFORMATIONAL exchange (3.15): what we support, or nothing that we would take.
std::optional<wire::Configuration> answer_informational_cp(const wire::Payloads& request);

// After the peer may have moved: its address stays its own, wherever it asks for it again from.
void tell_where_it_is(SaCore& sa, Leases& leases);

// ---- the end

// Leases go back to their pools, our own addresses off the host.
void give_back_addresses(SaCore& sa, const Environment& env);

}  // namespace culvert::ike::v2
