#pragma once
// Public keys that verify AUTH payloads, certificates, CRLs and OCSP responses.

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "crypto/signature.hpp"

struct evp_pkey_st;

namespace culvert::crypto {

class PublicKey {
 public:
    // A SubjectPublicKeyInfo (RFC 5280 4.1.2.7), DER. Fails with malformed, or unsupported: a key
    // of another type or on another curve than P-256, P-384, P-521 and Brainpool's three.
    static Result<PublicKey> parse(ByteView spki);
    // The same, or as PEM ("-----BEGIN PUBLIC KEY-----").
    static Result<PublicKey> parse_file(ByteView octets);
    // For the rooms that use the crypto library themselves; shares the key.
    static Result<PublicKey> of(std::shared_ptr<evp_pkey_st> key);

    KeyType type() const { return type_; }
    unsigned bits() const { return bits_; }
    std::string_view curve() const;  // of ECDSA: "P-256", "brainpoolP384r1"; else empty
    std::string to_string() const;   // "RSA 2048", "ECDSA 256 (P-256)", "Ed25519"
    Bytes spki() const;
    std::string pem() const;
    // SHA-1 of spki(): what CERTREQ names an authority by (RFC 7296 3.7).
    Bytes spki_hash() const;
    // SHA-1 of the subjectPublicKey alone: what VICI calls the id of a key.
    Bytes key_hash() const;
    // Symmetric strength as NIST SP 800-57 table 2 has it: 112, 128, 192, 256; less: weak.
    unsigned strength() const;

    // False for a bad signature and for one of another kind of key.
    bool verify(const SignatureScheme& scheme, ByteView message, ByteView signature) const;

    friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.spki() == b.spki(); }

 private:
    PublicKey(std::shared_ptr<evp_pkey_st> key, KeyType type, unsigned bits)
        : key_(std::move(key)), type_(type), bits_(bits) {}

    std::shared_ptr<evp_pkey_st> key_;
    KeyType type_;
    unsigned bits_;
};

}  // namespace culvert::crypto
