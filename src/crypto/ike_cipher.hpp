#pragma once
// What protects an IKE SA in one direction: a cipher with its integrity algorithm, or an AEAD (RFC
// 7296 3.14, RFC 5282).

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class IkeCipher {
 public:
    static bool supports(EncryptionAlgorithm encryption, std::uint16_t key_bits,
                         IntegrityAlgorithm integrity);
    // Octets of SK_e (salt included) and SK_a.
    static std::size_t encryption_key_size(EncryptionAlgorithm encryption, std::uint16_t key_bits);
    static std::size_t integrity_key_size(IntegrityAlgorithm integrity);

    // The combination must be supported and the keys have exactly those sizes.
    IkeCipher(EncryptionAlgorithm encryption, std::uint16_t key_bits, IntegrityAlgorithm integrity,
              Secret encryption_key, Secret integrity_key);
    IkeCipher(IkeCipher&&) noexcept;
    IkeCipher& operator=(IkeCipher&&) noexcept;
    IkeCipher(const IkeCipher&) = delete;
    IkeCipher& operator=(const IkeCipher&) = delete;
    ~IkeCipher();

    // Length of the SK payload's body (IV, ciphertext with padding and pad length, ICV) for a
    // plaintext of this length: it has to be in the headers before they are authenticated.
    std::size_t sealed_size(std::size_t plaintext_size) const;
    std::size_t iv_size() const;
    std::size_t icv_size() const;

    // The body of an SK payload. `headers`: from the IKE header to the SK payload's generic header
    // (and fragment fields), lengths already final. AEAD: associated data (RFC 5282 5.1). Else:
    // MACed before IV and ciphertext. CBC takes its IV from `random`; counter modes count on
    // their own, from a first IV of `random`, and never repeat. Fails with exhausted.
    Result<Bytes> seal(ByteView headers, ByteView plaintext, Random& random);
    // The plaintext without padding. integrity_check_failed without a word on where.
    Result<Bytes> open(ByteView headers, ByteView body) const;

    // For the key log and vectors.
    const Secret& encryption_key() const;
    const Secret& integrity_key() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::crypto
