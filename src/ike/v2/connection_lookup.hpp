#pragma once
// Which connections.<name> serves a peer: by addresses for IKE_SA_INIT, then also by identities in
// IKE_AUTH.

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "ike/connection.hpp"

namespace culvert::ike::v2 {

using ConnectionRef = std::shared_ptr<const Connection>;  // keeps its snapshot alive
using ChildRef = std::shared_ptr<const ChildConfig>;

ConnectionRef find_connection(const ConfigSnapshot& config, std::string_view name);
ChildRef find_child(const ConnectionRef& connection, std::string_view name);

// Those whose addresses fit, the most specific first (an address before a subnet before %any), then
// in order of configuration.
std::vector<ConnectionRef> connections_by_address(const ConfigSnapshot& config,
                                                  const IpAddress& local, const IpAddress& remote);

// Where to send to: the first single remote address of a family that local_addrs has. Nothing if
// the connection only answers.
std::optional<IpAddress> remote_address_of(const Connection& connection);
// The first single local address of the family.
std::optional<IpAddress> local_address_of(const Connection& connection, IpFamily family);
// Whether one of the patterns has it; a list without entries is %any.
bool fits(const std::vector<AddressPattern>& patterns, const IpAddress& address);

// How well identities fit: 0 not at all; exact above pattern above %any. `local`: the IDr that the
// peer asked for, if it did.
unsigned identity_fit(const Connection& connection, const Identity* local, const Identity& remote);

// Whether one of its proposals has all of what was chosen.
bool proposes(const Connection& connection, const ChosenIkeSuite& suite);

// 0 not at all; %any 1, a pattern 2, the very one 3.
unsigned pattern_fit(const Identity& pattern, const Identity& identity);

// Our own identity on this connection: as configured, else as asked for, else the address.
Identity local_identity(const Connection& connection, const Identity* asked,
                        const IpAddress& local);

}  // namespace culvert::ike::v2
