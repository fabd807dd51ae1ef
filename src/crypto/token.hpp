#pragma once
// Private keys that stay on a token (PKCS#11), and certificates beside them: through the crypto
// library's pkcs11 engine, which is loaded when the first one is asked for. For the daemon alone.

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/private_key.hpp"
#include "crypto/signature.hpp"

namespace culvert::crypto {

struct TokenObject {
    std::string module;                 // the path of the token's PKCS#11 library
    std::optional<std::uint32_t> slot;  // none: any
    std::string id;                     // CKA_ID, hex
};

// Fails with unsupported (the engine is not installed, another module is in use already),
// not_found (no such module, token or object, or a PIN that does not open it).
Result<PrivateKey> load_token_key(const TokenObject& object, const Secret& pin);
// The certificate of the same id, DER; not_found if the token has none.
Result<Bytes> load_token_certificate(const TokenObject& object, const Secret& pin);

// PSS by a key that only the engine has, which pads by itself in the older way alone. Nothing if
// the key is none of those, or the token does not sign.
std::optional<Bytes> sign_pss_on_token(evp_pkey_st* key, const SignatureScheme& scheme,
                                       ByteView message);

}  // namespace culvert::crypto
