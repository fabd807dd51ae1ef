#pragma once
// Diffie-Hellman groups (transform type 4). One object is one ephemeral private value, used once.

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class KeyExchange {
 public:
    static bool supports(KeMethod method);
    // Octets of the public value on the wire (ECP: x and y); 0 if not supported.
    static std::size_t public_size(KeMethod method);

    // A fresh private value, drawn from `random`. Fails with unsupported.
    static Result<KeyExchange> create(KeMethod method, Random& random);

    // With a private value that was drawn elsewhere: big endian (MODP, ECP) or as RFC 7748 writes
    // it. For vectors and replays. Fails with unsupported, or bad_key_material if the group has no
    // such private value.
    static Result<KeyExchange> from_private(KeMethod method, Secret private_value);

    KeyExchange(KeyExchange&&) noexcept;
    KeyExchange& operator=(KeyExchange&&) noexcept;
    KeyExchange(const KeyExchange&) = delete;
    KeyExchange& operator=(const KeyExchange&) = delete;
    ~KeyExchange();

    KeMethod method() const;
    // As it goes into the KE payload (RFC 7296 3.4, RFC 5903, RFC 6954, RFC 8031).
    const Bytes& public_value() const;
    // g^ir as RFC 7296 2.14 wants it (MODP: padded to the length of the modulus; ECP: x alone). The
    // peer's value is checked first (RFC 6989, RFC 7748 6); what fails is bad_key_material and says
    // which check failed.
    Result<Secret> derive(ByteView peer_public_value) const;

 private:
    struct Impl;
    explicit KeyExchange(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::crypto
