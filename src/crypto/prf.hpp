#pragma once
// Pseudo-random functions of IKE (RFC 7296 2.13; transform type 2) and prf+.

#include <cstddef>
#include <initializer_list>
#include <span>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class Prf {
 public:
    static bool supports(PrfAlgorithm algorithm);
    // `algorithm` must be supported.
    explicit Prf(PrfAlgorithm algorithm);

    PrfAlgorithm algorithm() const { return algorithm_; }
    // Octets of output, and of SK_d, SK_pi and SK_pr (RFC 7296 2.14).
    std::size_t output_size() const;
    // For PRFs with a fixed key size (RFC 4434, RFC 4615 take any length): how many octets of each
    // nonce make the key of SKEYSEED (RFC 7296 2.14 last paragraph: AES128-XCBC/CMAC use 8 + 8); 0:
    // all of both.
    std::size_t nonce_part_for_skeyseed() const;

    // prf(key, data[0] | data[1] | ...)
    Secret operator()(ByteView key, std::initializer_list<ByteView> data) const;
    // prf+(key, data[0] | ...), `length` octets (RFC 7296 2.13); at most 255 blocks, more is a bug
    // of the caller.
    Secret plus(ByteView key, std::initializer_list<ByteView> data, std::size_t length) const;

 private:
    PrfAlgorithm algorithm_;
};

}  // namespace culvert::crypto
