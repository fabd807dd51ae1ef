#pragma once
// PKCS#12 containers (RFC 7292): a key with its certificates, under a passphrase.

#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/private_key.hpp"
#include "x509/certificate.hpp"

namespace culvert::x509 {

struct Pkcs12 {
    std::optional<crypto::PrivateKey> key;
    std::vector<Certificate> certificates;  // the key's own first
};

// Fails with malformed, or bad_key_material: a passphrase that does not open it.
Result<Pkcs12> open_pkcs12(ByteView file, const Secret& passphrase);

}  // namespace culvert::x509
