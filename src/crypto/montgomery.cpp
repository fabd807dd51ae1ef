// Curve25519 and Curve448 (RFC 7748, RFC 8031). Curve25519 is libsodium's: it takes octets and
// makes nothing of them, and knows multiples of Edwards' base point by table.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <gmp.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sodium/core.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/crypto_scalarmult_ed25519.h>

#include "base/assert.hpp"
#include "crypto/dh_group.hpp"
#include "crypto/openssl_handles.hpp"
#include "crypto/openssl_memory.hpp"

namespace culvert::crypto {
namespace {

using Key = Handle<EVP_PKEY>;
using KeyContext = Handle<EVP_PKEY_CTX>;

// Kept, as to name the type of a key to the library takes as long as to make one of it; by thread,
// as the library has it.
EVP_PKEY_CTX* importer() {
    const auto make = [] {
        KeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, "X448", nullptr)};
        or_no_memory(context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
        return context;
    };
    thread_local const KeyContext context = make();
    return context.get();
}

// Takes both values as they are. To be given a private value alone, or to draw one, has the library
// work out the public one by a way that is slower than the function itself.
Key make_key(ByteView private_value, ByteView public_value) {
    // The library takes pointers to what may be written, and does not write.
    const auto parameter = [](const char* name, ByteView value) {
        return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(value.data()),
                                                 value.size());
    };
    std::array<OSSL_PARAM, 3> values{parameter(OSSL_PKEY_PARAM_PUB_KEY, public_value),
                                     OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
    if (!private_value.empty()) {
        values.at(1) = parameter(OSSL_PKEY_PARAM_PRIV_KEY, private_value);
    }
    EVP_PKEY* key = nullptr;
    const int kind = private_value.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
    or_no_memory(EVP_PKEY_fromdata(importer(), &key, kind, values.data()) == 1);
    return Key{key};
}

// A key of this thread that is given one public value after the other: to make one takes longer.
EVP_PKEY* peer_key(ByteView public_value) {
    thread_local Key key;
    if (!key) {
        key = make_key({}, public_value);
    } else {
        or_no_memory(EVP_PKEY_set1_encoded_public_key(key.get(), public_value.data(),
                                                      public_value.size()) == 1);
    }
    return key.get();
}

// A number of any size. For what is public: how long its operations take, and what stays in memory,
// depends on its value.
class PublicInteger {
 public:
    explicit PublicInteger(unsigned long value) { mpz_init_set_ui(value_, value); }
    explicit PublicInteger(ByteView little_endian) : PublicInteger(0) {
        mpz_import(value_, little_endian.size(), -1, 1, 0, 0, little_endian.data());
    }
    PublicInteger(const PublicInteger&) = delete;
    PublicInteger& operator=(const PublicInteger&) = delete;
    PublicInteger(PublicInteger&&) = delete;
    PublicInteger& operator=(PublicInteger&&) = delete;
    ~PublicInteger() { mpz_clear(value_); }

    mpz_ptr get() { return value_; }
    void write_little_endian(MutableByteView out) const {
        ASSERT(mpz_sgn(value_) >= 0 && mpz_sizeinbase(value_, 256) <= out.size());
        std::ranges::fill(out, 0);
        mpz_export(out.data(), nullptr, -1, 1, 0, 0, value_);
    }

 private:
    mpz_t value_;
};

// The u-coordinate on Curve25519 of the point that has this y on edwards25519, in place:
// u = (1 + y) / (1 - y) (RFC 7748 4.1).
void montgomery_of_edwards(MutableByteView point) {
    point.back() &= 0x7f;  // the sign of x, which u does not have
    PublicInteger prime{1};
    mpz_mul_2exp(prime.get(), prime.get(), 255);
    mpz_sub_ui(prime.get(), prime.get(), 19);
    PublicInteger y{point};
    PublicInteger u{1};
    mpz_ui_sub(u.get(), 1, y.get());
    ASSERT(mpz_invert(u.get(), u.get(), prime.get()) != 0);
    mpz_add_ui(y.get(), y.get(), 1);
    mpz_mul(u.get(), u.get(), y.get());
    mpz_mod(u.get(), u.get(), prime.get());
    u.write_little_endian(point);
}

// X25519 (RFC 7748 5) of one private value and any u-coordinate.
class X25519 {
 public:
    static constexpr std::size_t size = crypto_scalarmult_curve25519_BYTES;

    explicit X25519(Secret private_value) : private_value_(std::move(private_value)) {
        // Has the library choose what suits the processor; once.
        static const bool ready = sodium_init() >= 0;
        ASSERT(ready);
        // The bit that is taken as set (RFC 7748 5): to be given none at all the library refuses.
        private_value_.write().back() |= 0x40;
    }

    // False: the result is zero.
    bool operator()(ByteView u, MutableByteView out) const {
        ASSERT(u.size() == size && out.size() == size);
        return crypto_scalarmult_curve25519(out.data(), private_value_.reveal().data(), u.data()) ==
               0;
    }

    // Of the base point, by the table that the library has of edwards25519: less than half the time
    // of any other point. The library clamps as X25519 does, to eight times less than the point's
    // order, which is a prime: no such multiple is the neutral element.
    Bytes public_value() const {
        Bytes out(size);
        ASSERT(crypto_scalarmult_ed25519_base(out.data(), private_value_.reveal().data()) == 0);
        montgomery_of_edwards(out);
        return out;
    }

 private:
    Secret private_value_;
};

// X448, the same way.
class X448 {
 public:
    static constexpr std::size_t size = 56;

    // Of the key's own public value nothing is used: zeros stand in for it.
    explicit X448(const Secret& private_value)
        : key_(make_key(private_value.reveal(), Bytes(size))),
          context_(EVP_PKEY_CTX_new(key_.get(), nullptr)) {
        or_no_memory(context_ != nullptr && EVP_PKEY_derive_init(context_.get()) == 1);
    }

    // False: the result is zero.
    bool operator()(ByteView u, MutableByteView out) const {
        ASSERT(EVP_PKEY_derive_set_peer_ex(context_.get(), peer_key(u), 0) == 1);
        std::size_t length = out.size();
        const bool derived = EVP_PKEY_derive(context_.get(), out.data(), &length) == 1;
        clear_openssl_errors();
        ASSERT(!derived || length == out.size());
        return derived;
    }

    // RFC 7748 6.2: the function of the base point.
    Bytes public_value() const {
        constexpr std::array<std::uint8_t, size> base_point{5};
        Bytes out(size);
        ASSERT((*this)(base_point, out));
        return out;
    }

 private:
    Key key_;
    KeyContext context_;
};

template <class Function>
class MontgomeryKey final : public DhKey {
 public:
    MontgomeryKey(Function function, Bytes public_value)
        : DhKey(std::move(public_value)), function_(std::move(function)) {}

    Result<Secret> shared(ByteView peer) const override {
        // RFC 7748 5, RFC 8031 3.2: the high bit of a Curve25519 value is ignored, and values that
        // are not less than p are accepted and reduced.
        Secret out{peer.size()};
        const bool derived = function_(peer, out.write());
        // RFC 7748 6, RFC 8031: the all-zero secret, which values of small order give, is refused.
        // The library refuses it too; we do not depend on it.
        const Secret zeros{out.size()};
        if (!derived || constant_time_equal(out.reveal(), zeros.reveal())) {
            return std::unexpected(bad_public_value(
                "a public value that gives a shared secret other than zero", "one of small order"));
        }
        return out;
    }

 private:
    Function function_;
};

template <class Function>
class MontgomeryGroup final : public DhGroup {
 public:
    std::size_t public_size() const override { return Function::size; }

    // Any octets do; the function itself clamps them (RFC 7748 5).
    Secret draw_private(Random& random) const override {
        Secret out{public_size()};
        random.fill(out.write());
        return out;
    }

    Result<std::unique_ptr<DhKey>> key(Secret private_value) const override {
        if (private_value.size() != public_size()) { return std::unexpected(bad_private_value()); }
        Function function{std::move(private_value)};
        Bytes public_value = function.public_value();
        return std::make_unique<MontgomeryKey<Function>>(std::move(function),
                                                         std::move(public_value));
    }
};

}  // namespace

const DhGroup* montgomery_group(KeMethod method) {
    static const MontgomeryGroup<X25519> curve25519;
    static const MontgomeryGroup<X448> curve448;
    if (method == KeMethod::curve25519) { return &curve25519; }
    if (method == KeMethod::curve448) { return &curve448; }
    return nullptr;
}

}  // namespace culvert::crypto
