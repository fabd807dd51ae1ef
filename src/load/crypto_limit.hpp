#pragma once
// The limit that libcrypto sets: the public-key operations of one handshake alone, with nothing
// around them, a CPU second of this thread.

namespace culvert::load {

struct CryptoLimit {
    double x25519 = 0;  // generate a key and derive a secret
    double p256_sign = 0;
    double p256_verify = 0;

    double psk() const { return x25519; }
    // AUTH is signed and verified, and the peer's certificate is verified.
    double ecdsa() const { return 1 / (1 / x25519 + 1 / p256_sign + 2 / p256_verify); }
};

CryptoLimit measure_crypto_limit();

}  // namespace culvert::load
