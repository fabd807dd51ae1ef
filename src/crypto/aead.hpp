#pragma once
// Authenticated encryption with associated data: AES-GCM, AES-CCM, ChaCha20-Poly1305, and GMAC as
// the AES-GCM that it is. The nonce is the caller's business; see IvCounter.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class Aead {
 public:
    static bool supports(EncryptionAlgorithm algorithm, std::uint16_t key_bits);

    // Must be supported; `key` without salt.
    Aead(EncryptionAlgorithm algorithm, std::uint16_t key_bits, ByteView key);
    Aead(Aead&&) noexcept;
    Aead& operator=(Aead&&) noexcept;
    Aead(const Aead&) = delete;
    Aead& operator=(const Aead&) = delete;
    ~Aead();

    // Salt and IV together: 12 octets, AES-CCM 11 (RFC 4309 4).
    std::size_t nonce_size() const;
    std::size_t icv_size() const;

    // Ciphertext, then ICV. Never twice with one nonce.
    Bytes seal(ByteView nonce, ByteView associated, ByteView plaintext) const;
    // Of ciphertext, then ICV. integrity_check_failed without a word on why.
    Result<Bytes> open(ByteView nonce, ByteView associated, ByteView sealed) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Whatever fails to authenticate fails with this one, so that nobody learns where.
Error integrity_check_failed();

}  // namespace culvert::crypto
