// Curve25519 and Curve448 (RFC 7748, RFC 8031).

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/assert.hpp"
#include "crypto/dh_group.hpp"
#include "crypto/openssl_handles.hpp"
#include "crypto/openssl_memory.hpp"

namespace culvert::crypto {
namespace {

using Key = Handle<EVP_PKEY>;
using KeyContext = Handle<EVP_PKEY_CTX>;

enum class Curve : std::uint8_t { x25519, x448 };

// Kept, as to name the type of a key to the library takes as long as to make one of it; by thread,
// as the library has it.
EVP_PKEY_CTX* importer(Curve curve) {
    const auto make = [](const char* type) {
        KeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
        or_no_memory(context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
        return context;
    };
    if (curve == Curve::x25519) {
        thread_local const KeyContext x25519 = make("X25519");
        return x25519.get();
    }
    thread_local const KeyContext x448 = make("X448");
    return x448.get();
}

// Takes both values as they are. To be given a private value alone, or to draw one, has the library
// work out the public one by a way that is slower than the function itself.
Key make_key(Curve curve, ByteView private_value, ByteView public_value) {
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
    or_no_memory(EVP_PKEY_fromdata(importer(curve), &key, kind, values.data()) == 1);
    return Key{key};
}

// A key of this thread that is given one public value after the other: to make one takes longer.
EVP_PKEY* peer_key(Curve curve, ByteView public_value) {
    thread_local std::array<Key, 2> keys;
    Key& key = keys.at(std::to_underlying(curve));
    if (!key) {
        key = make_key(curve, {}, public_value);
    } else {
        or_no_memory(EVP_PKEY_set1_encoded_public_key(key.get(), public_value.data(),
                                                      public_value.size()) == 1);
    }
    return key.get();
}

// X25519 or X448 (RFC 7748 5) of one private value and any u-coordinate.
class Function {
 public:
    // Of the key's own public value nothing is used: the base point stands in for it.
    Function(Curve curve, const Secret& private_value, ByteView base_point)
        : curve_(curve),
          key_(make_key(curve, private_value.reveal(), base_point)),
          context_(EVP_PKEY_CTX_new(key_.get(), nullptr)) {
        or_no_memory(context_ != nullptr && EVP_PKEY_derive_init(context_.get()) == 1);
    }

    // False: the result is zero.
    bool operator()(ByteView u, MutableByteView out) const {
        ASSERT(EVP_PKEY_derive_set_peer_ex(context_.get(), peer_key(curve_, u), 0) == 1);
        std::size_t length = out.size();
        const bool derived = EVP_PKEY_derive(context_.get(), out.data(), &length) == 1;
        clear_openssl_errors();
        ASSERT(!derived || length == out.size());
        return derived;
    }

 private:
    Curve curve_;
    Key key_;
    KeyContext context_;
};

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

class MontgomeryGroup final : public DhGroup {
 public:
    MontgomeryGroup(Curve curve, std::size_t size, std::uint8_t base_point)
        : curve_(curve), base_point_(size) {
        base_point_.front() = base_point;
    }

    std::size_t public_size() const override { return base_point_.size(); }

    // Any octets do; the function itself clamps them (RFC 7748 5).
    Secret draw_private(Random& random) const override {
        Secret out{public_size()};
        random.fill(out.write());
        return out;
    }

    Result<std::unique_ptr<DhKey>> key(Secret private_value) const override {
        if (private_value.size() != public_size()) { return std::unexpected(bad_private_value()); }
        Function function{curve_, private_value, base_point_};
        // RFC 7748 6: the public value is the function of the base point.
        Bytes public_value(public_size());
        ASSERT(function(base_point_, public_value));
        return std::make_unique<MontgomeryKey>(std::move(function), std::move(public_value));
    }

 private:
    Curve curve_;
    Bytes base_point_;
};

}  // namespace

const DhGroup* montgomery_group(KeMethod method) {
    static const MontgomeryGroup curve25519{Curve::x25519, 32, 9};
    static const MontgomeryGroup curve448{Curve::x448, 56, 5};
    if (method == KeMethod::curve25519) { return &curve25519; }
    if (method == KeMethod::curve448) { return &curve448; }
    return nullptr;
}

}  // namespace culvert::crypto
