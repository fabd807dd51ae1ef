#pragma once
// Identities inside of EAP: a text, which is one of ours once read as swanctl.conf reads it.

#include <string>

#include "base/bytes.hpp"
#include "ike/auth/identity.hpp"

namespace culvert::ike::eap {

// What goes on the wire for it: the name alone, an address or a DN in its written form.
std::string to_text(const Identity& identity);

// The other way; what is no name of a form that we know, or would be a pattern, is a key id. Never
// %any.
Identity from_text(ByteView text);

}  // namespace culvert::ike::eap
