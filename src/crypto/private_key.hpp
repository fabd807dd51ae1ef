#pragma once
// Private keys that sign AUTH payloads.

#include <memory>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/public_key.hpp"
#include "crypto/signature.hpp"

namespace culvert::crypto {

class PrivateKey {
 public:
    // PEM or DER: PKCS#1, SEC 1, PKCS#8, encrypted or not. Fails with bad_key_material: no such
    // key, encrypted and no passphrase given, a wrong passphrase, a kind that is not supported.
    static Result<PrivateKey> parse(ByteView file, const Secret* passphrase = nullptr);

    // For the rooms that use the crypto library themselves; shares the key, which may stay on a
    // token.
    static Result<PrivateKey> of(std::shared_ptr<evp_pkey_st> key);

    const PublicKey& public_key() const { return public_; }
    KeyType type() const { return public_.type(); }

    // Fails with unsupported (a scheme of another kind of key) or exhausted (the crypto library
    // refused: an RSA key too short for the hash).
    Result<Bytes> sign(const SignatureScheme& scheme, ByteView message) const;

    // For this room's sources.
    evp_pkey_st* object() const { return key_.get(); }

 private:
    PrivateKey(std::shared_ptr<evp_pkey_st> key, PublicKey public_key)
        : key_(std::move(key)), public_(std::move(public_key)) {}

    std::shared_ptr<evp_pkey_st> key_;
    PublicKey public_;
};

}  // namespace culvert::crypto
