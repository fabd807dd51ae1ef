// Curve25519 and Curve448 (RFC 7748, RFC 8031).

#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "crypto/dh_group.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

using Key = Handle<EVP_PKEY>;

// Keeps the library's form of the key: making it computes the public value, which would double the
// cost of a shared secret.
class MontgomeryKey final : public DhKey {
 public:
    MontgomeryKey(int type, Key ours, Bytes public_value)
        : DhKey(std::move(public_value)), type_(type), ours_(std::move(ours)) {}

    Result<Secret> shared(ByteView peer) const override {
        // RFC 7748 5, RFC 8031 3.2: the high bit of a Curve25519 value is ignored, and values that
        // are not less than p are accepted and reduced.
        const Key theirs{EVP_PKEY_new_raw_public_key(type_, nullptr, peer.data(), peer.size())};
        const Handle<EVP_PKEY_CTX> context{EVP_PKEY_CTX_new(ours_.get(), nullptr)};
        ASSERT(theirs != nullptr && context != nullptr);
        ASSERT(EVP_PKEY_derive_init(context.get()) == 1);
        ASSERT(EVP_PKEY_derive_set_peer_ex(context.get(), theirs.get(), 0) == 1);
        Secret out{peer.size()};
        std::size_t length = out.size();
        const bool derived = EVP_PKEY_derive(context.get(), out.write().data(), &length) == 1;
        // RFC 7748 6, RFC 8031: the all-zero secret, which values of small order give, is refused.
        // The library refuses it too; we do not depend on it.
        const Secret zeros{out.size()};
        if (!derived || constant_time_equal(out.reveal(), zeros.reveal())) {
            clear_openssl_errors();
            return std::unexpected(bad_public_value(
                "a public value that gives a shared secret other than zero", "one of small order"));
        }
        ASSERT(length == out.size());
        return out;
    }

 private:
    int type_;
    Key ours_;
};

class MontgomeryGroup final : public DhGroup {
 public:
    MontgomeryGroup(int type, std::size_t size) : type_(type), size_(size) {}

    std::size_t public_size() const override { return size_; }

    // Any octets do; the function itself clamps them (RFC 7748 5).
    Secret draw_private(Random& random) const override {
        Secret out{size_};
        random.fill(out.write());
        return out;
    }

    Result<std::unique_ptr<DhKey>> key(Secret private_value) const override {
        if (private_value.size() != size_) { return std::unexpected(bad_private_value()); }
        Key key{EVP_PKEY_new_raw_private_key(type_, nullptr, private_value.reveal().data(),
                                             private_value.size())};
        ASSERT(key != nullptr);
        Bytes public_value(size_);
        std::size_t length = size_;
        ASSERT(EVP_PKEY_get_raw_public_key(key.get(), public_value.data(), &length) == 1);
        ASSERT(length == size_);
        return std::make_unique<MontgomeryKey>(type_, std::move(key), std::move(public_value));
    }

 private:
    int type_;
    std::size_t size_;
};

}  // namespace

const DhGroup* montgomery_group(KeMethod method) {
    static const MontgomeryGroup curve25519{EVP_PKEY_X25519, 32};
    static const MontgomeryGroup curve448{EVP_PKEY_X448, 56};
    if (method == KeMethod::curve25519) { return &curve25519; }
    if (method == KeMethod::curve448) { return &curve448; }
    return nullptr;
}

}  // namespace culvert::crypto
