// MODP groups (RFC 2409 6, RFC 3526). Their primes are safe: (p - 1) / 2 is prime too, so checking
// 1 < y < p - 1 is all that RFC 6989 2.1 asks.

#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/bn.h>

#include "crypto/dh_group.hpp"
#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

using Number = Handle<BIGNUM>;

Number number_of(ByteView octets) {
    Number out{BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr)};
    MUST(out != nullptr);
    return out;
}

class ModpGroup final : public DhGroup {
 public:
    // Private values of `private_bits`: at least twice the strength in bits that the group has
    // against the number field sieve (SP 800-56A rev. 3, appendix D: 112, 128, 152, 176 and 200
    // bits for 2048 to 8192). Longer ones cost time and add nothing: the best attack on a short
    // exponent takes 2^(private_bits / 2) steps.
    ModpGroup(BIGNUM* prime, std::size_t private_bits)
        : prime_(prime), private_size_(private_bits / 8), context_(BN_MONT_CTX_new()) {
        MUST(prime_ != nullptr && context_ != nullptr);
        last_.reset(BN_dup(prime_.get()));
        generator_.reset(BN_new());
        const Handle<BN_CTX> scratch{BN_CTX_new()};
        MUST(last_ != nullptr && generator_ != nullptr && scratch != nullptr);
        MUST(BN_sub_word(last_.get(), 1) == 1);
        MUST(BN_set_word(generator_.get(), 2) == 1);
        MUST(BN_MONT_CTX_set(context_.get(), prime_.get(), scratch.get()) == 1);
    }

    std::size_t public_size() const override {
        return static_cast<std::size_t>(BN_num_bytes(prime_.get()));
    }

    Secret draw_private(Random& random) const override {
        Secret out{private_size_};
        random.fill(out.write());
        // A random source that gives zeros must not give us y = 1; costs a bit of 256 or more.
        out.write().front() |= 0x80U;
        return out;
    }

    Result<std::unique_ptr<DhKey>> key(Secret private_value) const override;

    Result<Bytes> public_of(const Secret& private_value) const {
        const Number exponent = number_of(private_value.reveal());
        if (BN_is_zero(exponent.get()) || BN_cmp(exponent.get(), last_.get()) >= 0) {
            return std::unexpected(bad_private_value());
        }
        return to_bytes(power(*generator_, *exponent).reveal());
    }

    Result<Secret> shared(const Secret& private_value, ByteView peer) const {
        const Number base = number_of(peer);
        // RFC 6989 2.1: 1 < y < p - 1.
        if (BN_is_zero(base.get()) || BN_is_one(base.get())) {
            return std::unexpected(
                bad_public_value("a MODP public value greater than 1", "0 or 1"));
        }
        if (BN_cmp(base.get(), last_.get()) >= 0) {
            return std::unexpected(
                bad_public_value("a MODP public value less than p - 1", "p - 1 or more"));
        }
        return power(*base, *number_of(private_value.reveal()));
    }

 private:
    // base^exponent mod p, padded to the length of p (RFC 7296 2.14). Takes the same time for all
    // exponents of one length.
    Secret power(const BIGNUM& base, BIGNUM& exponent) const {
        BN_set_flags(&exponent, BN_FLG_CONSTTIME);
        const Number result{BN_new()};
        const Handle<BN_CTX> scratch{BN_CTX_secure_new()};
        MUST(result != nullptr && scratch != nullptr);
        MUST(BN_mod_exp_mont_consttime(result.get(), &base, &exponent, prime_.get(), scratch.get(),
                                       context_.get()) == 1);
        Secret out{public_size()};
        MUST(BN_bn2binpad(result.get(), out.write().data(), static_cast<int>(out.size())) >= 0);
        return out;
    }

    Number prime_;
    Number last_;  // p - 1
    Number generator_;
    std::size_t private_size_;
    Handle<BN_MONT_CTX> context_;
};

class ModpKey final : public DhKey {
 public:
    ModpKey(const ModpGroup& group, Secret private_value, Bytes public_value)
        : DhKey(std::move(public_value)), group_(group), private_value_(std::move(private_value)) {}

    Result<Secret> shared(ByteView peer) const override {
        return group_.shared(private_value_, peer);
    }

 private:
    const ModpGroup& group_;
    Secret private_value_;
};

Result<std::unique_ptr<DhKey>> ModpGroup::key(Secret private_value) const {
    auto public_value = public_of(private_value);
    if (!public_value) { return std::unexpected(std::move(public_value).error()); }
    return std::make_unique<ModpKey>(*this, std::move(private_value), std::move(*public_value));
}

}  // namespace

const DhGroup* modp_group(KeMethod method) {
    // Made when first used: the Montgomery form of a prime is not free.
    switch (method) {
        case KeMethod::modp1024: {
            static const ModpGroup group{BN_get_rfc2409_prime_1024(nullptr), 256};
            return &group;
        }
        case KeMethod::modp1536: {
            static const ModpGroup group{BN_get_rfc3526_prime_1536(nullptr), 256};
            return &group;
        }
        case KeMethod::modp2048: {
            static const ModpGroup group{BN_get_rfc3526_prime_2048(nullptr), 256};
            return &group;
        }
        case KeMethod::modp3072: {
            static const ModpGroup group{BN_get_rfc3526_prime_3072(nullptr), 320};
            return &group;
        }
        case KeMethod::modp4096: {
            static const ModpGroup group{BN_get_rfc3526_prime_4096(nullptr), 384};
            return &group;
        }
        case KeMethod::modp6144: {
            static const ModpGroup group{BN_get_rfc3526_prime_6144(nullptr), 384};
            return &group;
        }
        case KeMethod::modp8192: {
            static const ModpGroup group{BN_get_rfc3526_prime_8192(nullptr), 448};
            return &group;
        }
        default: return nullptr;
    }
}

}  // namespace culvert::crypto
