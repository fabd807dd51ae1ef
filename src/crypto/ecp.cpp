// ECP groups over primes: NIST's (RFC 5903) and Brainpool's (RFC 6954). A public value is x | y, a
// shared secret x alone, each coordinate as long as the prime.

#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "base/assert.hpp"
#include "crypto/dh_group.hpp"
#include "crypto/limits.hpp"
#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

using Number = Handle<BIGNUM>;
using Point = Handle<EC_POINT>;

class EcpGroup final : public DhGroup {
 public:
    explicit EcpGroup(int curve_id) : curve_(EC_GROUP_new_by_curve_name(curve_id)) {
        MUST(curve_ != nullptr);
        // RFC 6989 2.3 asks no more than "on the curve" only because all these cofactors are 1.
        ASSERT(BN_is_one(EC_GROUP_get0_cofactor(curve_.get())));
    }

    std::size_t public_size() const override { return 2 * coordinate_size(); }

    // Uniform in 1..n-1, by drawing again what lies outside.
    Secret draw_private(Random& random) const override {
        const auto bits = static_cast<std::size_t>(BN_num_bits(order()));
        Secret out{(bits + 7) / 8};
        const auto top_mask = static_cast<std::uint8_t>(0xffU >> (out.size() * 8 - bits));
        for (int draw = 0; draw < private_value_draws_max; ++draw) {
            random.fill(out.write());
            out.write().front() &= top_mask;
            if (is_private(*number_of(out.reveal()))) { return out; }
        }
        constexpr bool random_source_gave_a_private_value = false;
        ASSERT(random_source_gave_a_private_value);
        return {};
    }

    Result<std::unique_ptr<DhKey>> key(Secret private_value) const override;

    Result<Bytes> public_of(const Secret& private_value) const {
        const Number scalar = number_of(private_value.reveal());
        if (!is_private(*scalar)) { return std::unexpected(bad_private_value()); }
        const Point point = new_point();
        const Handle<BN_CTX> scratch = new_scratch();
        MUST(EC_POINT_mul(curve_.get(), point.get(), scalar.get(), nullptr, nullptr,
                          scratch.get()) == 1);
        const Secret both = coordinates(*point, scratch.get());
        return to_bytes(both.reveal());
    }

    Result<Secret> shared(const Secret& private_value, ByteView peer) const {
        const Number x = number_of(peer.first(coordinate_size()));
        const Number y = number_of(peer.subspan(coordinate_size()));
        // RFC 6989 2.3: 0 <= x, y < p and y^2 = x^3 + ax + b. The point at infinity has no such
        // form, so it cannot be sent.
        if (BN_cmp(x.get(), EC_GROUP_get0_field(curve_.get())) >= 0 ||
            BN_cmp(y.get(), EC_GROUP_get0_field(curve_.get())) >= 0) {
            return std::unexpected(
                bad_public_value("coordinates less than the prime of the curve", "a greater one"));
        }
        const Point theirs = new_point();
        const Handle<BN_CTX> scratch = new_scratch();
        if (EC_POINT_set_affine_coordinates(curve_.get(), theirs.get(), x.get(), y.get(),
                                            scratch.get()) != 1) {
            clear_openssl_errors();
            return std::unexpected(
                bad_public_value("a point on the curve", "one that is not on it"));
        }
        const Point product = new_point();
        const Number scalar = number_of(private_value.reveal());
        MUST(EC_POINT_mul(curve_.get(), product.get(), nullptr, theirs.get(), scalar.get(),
                          scratch.get()) == 1);
        // Of prime order and times 1..n-1: never the point at infinity.
        ASSERT(EC_POINT_is_at_infinity(curve_.get(), product.get()) == 0);
        return Secret::copy_of(
            coordinates(*product, scratch.get()).reveal().first(coordinate_size()));
    }

 private:
    const BIGNUM* order() const { return EC_GROUP_get0_order(curve_.get()); }

    std::size_t coordinate_size() const {
        return (static_cast<std::size_t>(EC_GROUP_get_degree(curve_.get())) + 7) / 8;
    }

    bool is_private(const BIGNUM& scalar) const {
        return !BN_is_zero(&scalar) && BN_cmp(&scalar, order()) < 0;
    }

    static Number number_of(ByteView octets) {
        Number out{BN_secure_new()};
        MUST(out != nullptr);
        MUST(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), out.get()) != nullptr);
        BN_set_flags(out.get(), BN_FLG_CONSTTIME);
        return out;
    }

    Point new_point() const {
        Point out{EC_POINT_new(curve_.get())};
        MUST(out != nullptr);
        return out;
    }

    static Handle<BN_CTX> new_scratch() {
        Handle<BN_CTX> out{BN_CTX_secure_new()};
        MUST(out != nullptr);
        return out;
    }

    // x | y
    Secret coordinates(const EC_POINT& point, BN_CTX* scratch) const {
        const Number x{BN_secure_new()};
        const Number y{BN_secure_new()};
        MUST(x != nullptr && y != nullptr);
        MUST(EC_POINT_get_affine_coordinates(curve_.get(), &point, x.get(), y.get(), scratch) == 1);
        const std::size_t size = coordinate_size();
        Secret out{2 * size};
        MUST(BN_bn2binpad(x.get(), out.write().data(), static_cast<int>(size)) >= 0);
        MUST(BN_bn2binpad(y.get(), out.write().subspan(size).data(), static_cast<int>(size)) >= 0);
        return out;
    }

    Handle<EC_GROUP> curve_;
};

class EcpKey final : public DhKey {
 public:
    EcpKey(const EcpGroup& group, Secret private_value, Bytes public_value)
        : DhKey(std::move(public_value)), group_(group), private_value_(std::move(private_value)) {}

    Result<Secret> shared(ByteView peer) const override {
        return group_.shared(private_value_, peer);
    }

 private:
    const EcpGroup& group_;
    Secret private_value_;
};

Result<std::unique_ptr<DhKey>> EcpGroup::key(Secret private_value) const {
    auto public_value = public_of(private_value);
    if (!public_value) { return std::unexpected(std::move(public_value).error()); }
    return std::make_unique<EcpKey>(*this, std::move(private_value), std::move(*public_value));
}

}  // namespace

const DhGroup* ecp_group(KeMethod method) {
    switch (method) {
        case KeMethod::ecp256: {
            static const EcpGroup group{NID_X9_62_prime256v1};
            return &group;
        }
        case KeMethod::ecp384: {
            static const EcpGroup group{NID_secp384r1};
            return &group;
        }
        case KeMethod::ecp521: {
            static const EcpGroup group{NID_secp521r1};
            return &group;
        }
        case KeMethod::ecp256bp: {
            static const EcpGroup group{NID_brainpoolP256r1};
            return &group;
        }
        case KeMethod::ecp384bp: {
            static const EcpGroup group{NID_brainpoolP384r1};
            return &group;
        }
        case KeMethod::ecp512bp: {
            static const EcpGroup group{NID_brainpoolP512r1};
            return &group;
        }
        default: return nullptr;
    }
}

}  // namespace culvert::crypto
