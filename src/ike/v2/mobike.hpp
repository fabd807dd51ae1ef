#pragma once
// MOBIKE (RFC 4555): the payloads of address changes. What an IKE SA does with them is in
// ike_sa_mobike.cpp.

#include <optional>
#include <vector>

#include "ike/v2/sa_core.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// Which addresses of ours the peer may know besides the one in use: no loopback, link-local or
// multicast, no virtual ones.
std::vector<IpAddress> additional_addresses(const SaCore& sa, const std::vector<IpAddress>& host);

// N(MOBIKE_SUPPORTED) and the additional addresses, for IKE_AUTH (RFC 4555 3.1, 3.4).
void add_mobike_support(wire::Payloads& out, const std::vector<IpAddress>& additional);
// N(ADDITIONAL_*_ADDRESS), or N(NO_ADDITIONAL_ADDRESSES) if there are none.
void add_additional_addresses(wire::Payloads& out, const std::vector<IpAddress>& additional);
// What a message says of them; nothing if it says nothing.
std::optional<std::vector<IpAddress>> additional_addresses_in(const wire::Payloads& payloads);

// RFC 4555 3.9, 4.2.6: a request that forbids NATs came through one.
bool nat_forbidden_and_there(const wire::Payloads& request, const Endpoint& local,
                             const Endpoint& remote);

}  // namespace culvert::ike::v2
