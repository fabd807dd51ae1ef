#pragma once
// Redirects to another gateway (RFC 5685): the payloads, and how often we follow.

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/instant.hpp"
#include "ike/auth/identity.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// N(REDIRECT) to a gateway (an address or an FQDN, which is_gateway() has seen). `nonce`: Ni, where
// it answers IKE_SA_INIT.
wire::Notify redirect_notify(const Identity& gateway, ByteView nonce = {});
// N(REDIRECTED_FROM): who sent us, in the first message to the new gateway.
wire::Notify redirected_from_notify(const IpAddress& gateway);

struct RedirectTarget {
    Identity gateway;  // is_gateway()
    Bytes nonce;
};
// Nothing if it names no gateway.
std::optional<RedirectTarget> redirect_target(const wire::Notify& notify);
// The gateway of N(REDIRECTED_FROM), if there is one.
std::optional<Identity> redirected_from(const wire::Payloads& payloads);

// An address that a host can have, or a domain name.
bool is_gateway(const Identity& identity);
bool is_gateway_address(const IpAddress& address);

// How often each connection was redirected lately.
class RedirectBook {
 public:
    // False, and not counted, if it was often enough (redirects_max in redirect_window).
    bool allow(const std::string& connection, Instant now);

 private:
    std::map<std::string, std::deque<Instant>> lately_;
};

}  // namespace culvert::ike::v2
