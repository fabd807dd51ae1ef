#include "x509/pkcs12.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/assert.hpp"

namespace culvert::x509 {
namespace {

Error no_container() {
    return {.code = ErrorCode::malformed,
            .wanted = "a PKCS#12 container",
            .received = "something else",
            .remedy = "look at the file with: openssl pkcs12 -in FILE -info"};
}

Error does_not_open() {
    return {.code = ErrorCode::bad_key_material,
            .wanted = "to open a PKCS#12 container",
            .received =
                "a passphrase that does not open it, or a cipher that the crypto library "
                "has no more (RC2)",
            .remedy =
                "correct the passphrase in the secrets section (pkcs12.<name>.secret), or "
                "make it again with: openssl pkcs12 -export"};
}

Result<Certificate> certificate_of(const X509* object) {
    std::uint8_t* encoded = nullptr;
    const int size = i2d_X509(object, &encoded);
    ASSERT(size > 0);
    auto out = Certificate::parse({encoded, static_cast<std::size_t>(size)});
    OPENSSL_free(encoded);
    return out;
}

Result<crypto::PrivateKey> key_of(const EVP_PKEY* object) {
    const int size = i2d_PrivateKey(object, nullptr);
    ASSERT(size > 0);
    Secret encoded{static_cast<std::size_t>(size)};
    std::uint8_t* at = encoded.write().data();
    i2d_PrivateKey(object, &at);
    return crypto::PrivateKey::parse(encoded.reveal());
}

struct FreeCertificates {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};

}  // namespace

Result<Pkcs12> open_pkcs12(ByteView file, const Secret& passphrase) {
    const std::uint8_t* at = file.data();
    const std::unique_ptr<PKCS12, decltype(&PKCS12_free)> container{
        d2i_PKCS12(nullptr, &at, static_cast<long>(file.size())), PKCS12_free};
    if (container == nullptr) {
        ERR_clear_error();
        return std::unexpected(no_container());
    }
    // The library wants it to end in a zero.
    Secret text{passphrase.size() + 1};
    std::ranges::copy(passphrase.reveal(), text.write().begin());
    const void* const words = text.reveal().data();
    EVP_PKEY* key_object = nullptr;
    X509* own_object = nullptr;
    STACK_OF(X509)* more_objects = nullptr;
    const int opened = PKCS12_parse(container.get(), static_cast<const char*>(words), &key_object,
                                    &own_object, &more_objects);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{key_object, EVP_PKEY_free};
    const std::unique_ptr<X509, decltype(&X509_free)> own{own_object, X509_free};
    const std::unique_ptr<STACK_OF(X509), FreeCertificates> more{more_objects};
    ERR_clear_error();
    if (opened != 1) { return std::unexpected(does_not_open()); }
    Pkcs12 out;
    if (key != nullptr) {
        auto parsed = key_of(key.get());
        if (!parsed) { return std::unexpected(std::move(parsed).error()); }
        out.key = std::move(*parsed);
    }
    std::vector<const X509*> objects;
    if (own != nullptr) { objects.push_back(own.get()); }
    for (int i = 0; more != nullptr && i < sk_X509_num(more.get()); ++i) {
        objects.push_back(sk_X509_value(more.get(), i));
    }
    for (const X509* const object : objects) {
        auto parsed = certificate_of(object);
        if (!parsed) { return std::unexpected(std::move(parsed).error()); }
        out.certificates.push_back(std::move(*parsed));
    }
    return out;
}

}  // namespace culvert::x509
