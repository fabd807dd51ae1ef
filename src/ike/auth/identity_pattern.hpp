#pragma once
// Identities that stand for many: networks, ranges and regular expressions. Inside ike/auth only.

#include <string>
#include <string_view>

#include "ike/auth/identity.hpp"

namespace culvert::ike {

// Whether it is meant as one of these, well written or not.
bool is_pattern_text(std::string_view text);

// "10.0.0.0/16", "ipv6range:fd00::1-fd00::9".
Result<Identity> range_identity(std::string_view text);
// `regex` with its "^" and "$"; for identities of `type`, or any. Refused when it does not compile.
Result<Identity> regex_identity(std::string_view regex, IdType type);

// ---- of the data of such an identity

std::string range_text(ByteView data);
std::string regex_text(ByteView data);
bool in_range(const Identity& identity, ByteView range);
bool fits_regex(const Identity& identity, ByteView regex);

}  // namespace culvert::ike
