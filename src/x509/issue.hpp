#pragma once
// Makes keys and certificates: for `culvert pki`, a first set-up without other tools.

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/signature.hpp"
#include "x509/certificate.hpp"

namespace culvert::x509 {

struct Order {
    std::string organization;  // may be empty
    std::string common_name;
    std::vector<SubjectAltName> names;
    Time not_before{};
    Time not_after{};
    Bytes serial;  // random octets, 16 of them
    bool authority = false;
};

// A private key, PKCS#8 in PEM: RSA of 3072 bits, ECDSA on P-256, Ed25519, Ed448.
Result<Secret> make_key(crypto::KeyType type);

// The certificate for `key`, PEM. Without an issuer it signs itself; else `issuer_key` must be the
// issuer's. Fails with bad_key_material, or malformed: names that no certificate can hold.
Result<std::string> issue(const Order& order, const Secret& key, const Certificate* issuer,
                          const Secret& issuer_key);

}  // namespace culvert::x509
