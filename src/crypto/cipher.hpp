#pragma once
// Ciphers that hide and do not authenticate: AES-CBC, AES-CTR, 3DES-CBC. They stand under an
// integrity algorithm (IKEv2, ESP) or are chained by IKEv1.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class Cipher {
 public:
    static bool supports(EncryptionAlgorithm algorithm, std::uint16_t key_bits);

    // Must be supported; `key` holds key and salt (AES-CTR: 4 octets of nonce, RFC 3686 5.1).
    Cipher(EncryptionAlgorithm algorithm, std::uint16_t key_bits, ByteView key);
    Cipher(Cipher&&) noexcept;
    Cipher& operator=(Cipher&&) noexcept;
    Cipher(const Cipher&) = delete;
    Cipher& operator=(const Cipher&) = delete;
    ~Cipher();

    std::size_t iv_size() const;
    std::size_t block_size() const;

    // In place, without padding: `iv` has iv_size() octets, `data` whole blocks.
    void encrypt(ByteView iv, MutableByteView data) const;
    void decrypt(ByteView iv, MutableByteView data) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::crypto
