#pragma once
// X.501 names: as DER in ID payloads (RFC 7296 3.5, ID_DER_ASN1_DN) and certificates, as text in
// swanctl.conf.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert::ike {

// One attribute of a name: type and value, the value with its string tag.
struct NameAttribute {
    Bytes oid;  // contents octets of the OBJECT IDENTIFIER
    std::uint8_t tag = 0;
    Bytes value;
    bool joined = false;  // in one RDN with the attribute before it

    friend bool operator==(const NameAttribute&, const NameAttribute&) = default;
};
using NameAttributes = std::vector<NameAttribute>;

// Fails with malformed on anything that is not one complete DER Name.
Result<NameAttributes> parse_name_der(ByteView der);
Bytes write_name_der(const NameAttributes& name);

// "C=CH, O=strongSwan, CN=moon" or "/C=CH/O=x"; types by name or as dotted OID, "\," and quotes for
// commas in values, "#hex" for a whole DER value. PrintableString where that can hold the value,
// else UTF8String; IA5String for e-mail and DC.
Result<NameAttributes> parse_name_text(std::string_view text);
// "C=CH, O=x, CN=y"; printable whatever the octets are.
std::string name_to_text(const NameAttributes& name);

// Same attribute types in the same order, values equal but for the case of ASCII letters and the
// kind of string (X.520 caseIgnoreMatch); a "*" in the pattern stands for any value.
bool name_matches(const NameAttributes& name, const NameAttributes& pattern);

}  // namespace culvert::ike
