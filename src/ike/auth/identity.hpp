#pragma once
// Identities of RFC 7296 3.5, their text forms in swanctl.conf, and matching.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/ip.hpp"

namespace culvert::ike {

// Up to 255 as on the wire.
enum class IdType : std::uint16_t {
    any = 0,  // %any: a pattern only, never on the wire
    ipv4_addr = 1,
    fqdn = 2,
    rfc822_addr = 3,
    ipv6_addr = 5,
    der_asn1_dn = 9,
    der_asn1_gn = 10,
    key_id = 11,
    null = 13,  // RFC 7619
    // Patterns only, beyond what an ID payload can say.
    address_range = 256,
    regex = 257,
};

struct Identity {
    IdType type = IdType::any;
    Bytes data;  // exactly as in the ID payload

    // swanctl's rules: an address, "user@host", "@fqdn" or a plain name (fqdn), "C=CH, O=x, CN=y"
    // or "/C=CH/O=x" (DN; what has a "=" and is none is a key-id), "%any", "@#hex" or "keyid:text"
    // (key-id), and the prefixes "ipv4:", "ipv6:", "fqdn:", "email:" (also "rfc822:", "userfqdn:"),
    // "asn1dn:", "asn1gn:" and "keyid:", in any case, or "{2}:" with the number of the type;
    // behind them "#hex" may stand for the octets.
    static Result<Identity> parse(std::string_view text);
    // The same, for whoever the other side may be. Besides: networks and ranges of addresses
    // ("10.0.0.0/16", "10.0.0.1-10.0.0.9", also behind "ipv4net:", "ipv4range:", "ipv6net:",
    // "ipv6range:"), and a POSIX extended regular expression between "^" and "$", which sees what
    // to_string() says, in any case of letters; behind a prefix like "email:" identities of that
    // type alone. Never for text that a peer sends.
    static Result<Identity> parse_pattern(std::string_view text);
    static Identity of(const IpAddress& address);

    // As swanctl prints it: "moon.example.org", "10.0.0.1", "C=CH, CN=x", "%any"; printable
    // whatever the octets are.
    std::string to_string() const;
    // "FQDN", "IPV4_ADDR"...
    std::string_view type_name() const;

    // `pattern` may be %any, what parse_pattern gives, or an fqdn/email with a leading "*", or a DN
    // with "*" values; case does not matter in fqdn and email. Everything else is compared octet by
    // octet.
    bool matches(const Identity& pattern) const;
    // Whether it may stand for more than one identity.
    bool is_pattern() const;
    // As in an ID payload. Of no pattern.
    std::uint8_t wire_type() const { return static_cast<std::uint8_t>(type); }

    friend bool operator==(const Identity&, const Identity&) = default;
};

}  // namespace culvert::ike
