#pragma once
// EAP types (RFC 3748 5) that are known here, and their names.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::ike::eap {

enum class Type : std::uint8_t {
    identity = 1,
    notification = 2,
    nak = 3,
    md5 = 4,
    gtc = 6,
    tls = 13,
    mschapv2 = 26,
    expanded = 254,
};

// As strongSwan shows them: "EAP_MSCHAPV2", "EAP_21".
std::string to_string(Type type);
std::string to_string(const std::vector<Type>& types);
// Swanctl's word behind "eap-": "mschapv2". Nothing for what is no method, or not built.
std::optional<Type> method_of(std::string_view word);
std::string_view word_of(Type type);

// Methods by preference, where any will do.
const std::vector<Type>& methods();
// Both ends prove themselves to each other, and somebody in between could not have been at it: fit
// to stand alone (RFC 5998 4). As in strongSwan EAP-MSCHAPv2 does not count.
bool is_mutual(Type type);

}  // namespace culvert::ike::eap
