#pragma once
// Signature schemes as IKE names them: AlgorithmIdentifiers (RFC 7427 A), and the methods of RFC
// 7296 3.8 and RFC 4754 that came before.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "crypto/hash.hpp"

namespace culvert::crypto {

enum class KeyType : std::uint8_t { rsa, ecdsa, ed25519, ed448 };

std::string_view name(KeyType type);  // swanctl's words: "rsa", "ecdsa", "ed25519", "ed448"

struct SignatureScheme {
    KeyType key = KeyType::rsa;
    bool pss = false;                              // RSA alone: RSASSA-PSS, else PKCS#1 v1.5
    HashAlgorithm hash = HashAlgorithm::sha2_256;  // of EdDSA without meaning
    std::size_t salt_size = 0;                     // PSS: octets; the hash's size where we sign
    bool fixed_form = false;  // ECDSA: r | s of equal length (RFC 4754), else DER (RFC 7427 A.3)

    friend bool operator==(const SignatureScheme&, const SignatureScheme&) = default;
};

std::string to_string(const SignatureScheme& scheme);  // "RSA_PSS_SHA2_256"

// The DER of the AlgorithmIdentifier. The scheme must not be of fixed form.
Bytes algorithm_identifier(const SignatureScheme& scheme);

// Fails with unsupported: an algorithm that we have not, or PSS with parameters that no key
// exchange uses (MGF1 over another hash than the signature's, a trailer field).
Result<SignatureScheme> parse_algorithm_identifier(ByteView der);

}  // namespace culvert::crypto
