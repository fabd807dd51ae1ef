#include "crypto/integrity.hpp"

#include <optional>

#include "base/assert.hpp"
#include "crypto/mac.hpp"

namespace culvert::crypto {
namespace {

std::optional<MacAlgorithm> mac_of(IntegrityAlgorithm algorithm) {
    switch (algorithm) {
        case IntegrityAlgorithm::hmac_sha1_96: return MacAlgorithm::hmac_sha1;
        case IntegrityAlgorithm::aes_xcbc_96: return MacAlgorithm::aes128_xcbc;
        case IntegrityAlgorithm::aes_cmac_96: return MacAlgorithm::aes128_cmac;
        case IntegrityAlgorithm::hmac_sha2_256_128:
        case IntegrityAlgorithm::hmac_sha2_256_96: return MacAlgorithm::hmac_sha2_256;
        case IntegrityAlgorithm::hmac_sha2_384_192: return MacAlgorithm::hmac_sha2_384;
        case IntegrityAlgorithm::hmac_sha2_512_256: return MacAlgorithm::hmac_sha2_512;
        case IntegrityAlgorithm::none:
        case IntegrityAlgorithm::hmac_md5_96:  // RFC 8247 2.3: MUST NOT
        // GMAC needs a nonce: an AEAD without plaintext, not a plain MAC (RFC 4543).
        case IntegrityAlgorithm::aes128_gmac:
        case IntegrityAlgorithm::aes192_gmac:
        case IntegrityAlgorithm::aes256_gmac: break;
    }
    return std::nullopt;
}

}  // namespace

struct Integrity::Impl {
    Mac mac;
    std::size_t icv_size;
};

bool Integrity::supports(IntegrityAlgorithm algorithm) { return mac_of(algorithm).has_value(); }

Integrity::Integrity(IntegrityAlgorithm algorithm, ByteView key) {
    ASSERT(supports(algorithm));
    ASSERT(key.size() == sizes_of(algorithm).key);
    impl_ = std::make_unique<Impl>(Mac{*mac_of(algorithm), key}, sizes_of(algorithm).icv);
}
Integrity::Integrity(Integrity&&) noexcept = default;
Integrity& Integrity::operator=(Integrity&&) noexcept = default;
Integrity::~Integrity() = default;

std::size_t Integrity::icv_size() const { return impl_->icv_size; }

Bytes Integrity::icv(std::initializer_list<ByteView> data) const {
    return to_bytes(impl_->mac.compute(data).reveal().first(impl_->icv_size));
}

bool Integrity::verify(std::initializer_list<ByteView> data, ByteView icv) const {
    return constant_time_equal(impl_->mac.compute(data).reveal().first(impl_->icv_size), icv);
}

}  // namespace culvert::crypto
