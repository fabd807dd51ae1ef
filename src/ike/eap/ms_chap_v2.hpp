#pragma once
// The functions of MS-CHAP-V2 (RFC 2759 8), and the keys that EAP-MSCHAPv2 makes of them (RFC 3079
// 3.4, draft-kamath-pppext-eap-mschapv2 2).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"

namespace culvert::ike::eap {

using Challenge = std::array<std::uint8_t, 16>;
using NtResponse = std::array<std::uint8_t, 24>;

// MD4 over the password in UTF-16. A password that is no UTF-8 counts octet by octet. Fails where
// there is no MD4.
Result<Secret> nt_hash(const Secret& password);

// What the peer proves with. Of `user` only what is behind the last backslash counts (RFC 2759 4:
// without the domain).
NtResponse nt_response(const Challenge& authenticator, const Challenge& peer, std::string_view user,
                       const Secret& hash);

// "S=" and 40 hex digits: what the authenticator proves with.
Result<std::string> authenticator_response(const Secret& hash, const NtResponse& response,
                                           const Challenge& peer, const Challenge& authenticator,
                                           std::string_view user);

// The 16 octets of RFC 3079's MasterKey.
Result<Secret> master_key(const Secret& hash, const NtResponse& response);
// MasterReceiveKey | MasterSendKey of the authenticator | 32 zero octets.
Result<Secret> mschapv2_msk(const Secret& hash, const NtResponse& response);

}  // namespace culvert::ike::eap
