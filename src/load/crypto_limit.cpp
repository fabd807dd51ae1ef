#include "load/crypto_limit.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <vector>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "base/assert.hpp"

namespace culvert::load {
namespace {

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeKeyContext {
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeDigestContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeKeyContext>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigestContext>;

double cpu_seconds() {
    timespec now{};
    ASSERT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Operation>
double rate_of(Operation operation) {
    constexpr double long_enough_s = 0.3;
    for (int i = 0; i < 20; ++i) { operation(); }
    const double begin = cpu_seconds();
    double now = begin;
    std::uint64_t count = 0;
    while (now - begin < long_enough_s) {
        for (int i = 0; i < 50; ++i) { operation(); }
        count += 50;
        now = cpu_seconds();
    }
    return static_cast<double>(count) / (now - begin);
}

double x25519_rate() {
    const Key peer{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
    ASSERT(peer);
    return rate_of([&] {
        const Key own{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
        const KeyContext context{EVP_PKEY_CTX_new(own.get(), nullptr)};
        std::array<std::uint8_t, 32> secret{};
        std::size_t size = secret.size();
        ASSERT(EVP_PKEY_derive_init(context.get()) == 1);
        ASSERT(EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1);
        ASSERT(EVP_PKEY_derive(context.get(), secret.data(), &size) == 1);
    });
}

}  // namespace

CryptoLimit measure_crypto_limit() {
    CryptoLimit limit;
    limit.x25519 = x25519_rate();
    const Key key{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
    ASSERT(key);
    const std::array<std::uint8_t, 256> octets{};
    std::vector<std::uint8_t> signature(256);
    std::size_t size = 0;
    limit.p256_sign = rate_of([&] {
        const DigestContext context{EVP_MD_CTX_new()};
        size = signature.size();
        ASSERT(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
        ASSERT(EVP_DigestSign(context.get(), signature.data(), &size, octets.data(),
                              octets.size()) == 1);
    });
    limit.p256_verify = rate_of([&] {
        const DigestContext context{EVP_MD_CTX_new()};
        ASSERT(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
        ASSERT(EVP_DigestVerify(context.get(), signature.data(), size, octets.data(),
                                octets.size()) == 1);
    });
    return limit;
}

}  // namespace culvert::load
