#include "crypto/public_key.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/assert.hpp"
#include "crypto/digest_context.hpp"
#include "crypto/limits.hpp"
#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

struct Curve {
    std::string_view group;  // the library's name
    std::string_view shown;
};
constexpr std::array curves{
    Curve{"prime256v1", "P-256"},
    Curve{"secp384r1", "P-384"},
    Curve{"secp521r1", "P-521"},
    Curve{"brainpoolP256r1", "brainpoolP256r1"},
    Curve{"brainpoolP384r1", "brainpoolP384r1"},
    Curve{"brainpoolP512r1", "brainpoolP512r1"},
};

std::optional<std::string_view> curve_of(const EVP_PKEY* key) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1) {
        return std::nullopt;
    }
    const auto* const found =
        std::ranges::find(curves, std::string_view{group.data(), size}, &Curve::group);
    return found == curves.end() ? std::nullopt : std::optional{found->shown};
}

// The library's way to end what was put beside a key.
void free_octets(void*, void* octets, CRYPTO_EX_DATA*, int, long, void*) {
    const std::unique_ptr<Bytes> owned{static_cast<Bytes*>(octets)};
}

Error unsupported_key(std::string received) {
    return {.code = ErrorCode::unsupported,
            .wanted =
                "an RSA key, an ECDSA key on P-256, P-384, P-521 or a Brainpool curve, Ed25519 "
                "or Ed448",
            .received = std::move(received),
            .remedy = "use another key: RSA, or ECDSA on P-256, say"};
}

Error broken_rsa(std::string received) {
    return {.code = ErrorCode::bad_key_material,
            .wanted = fmt::format("an RSA key with an odd modulus of at most {} bits and an odd "
                                  "exponent from 3 to {} bits",
                                  rsa_modulus_bits_max, rsa_exponent_bits_max),
            .received = std::move(received),
            .remedy = "make the key anew with: openssl genpkey -algorithm RSA"};
}

// What anybody could forge for (an exponent of 1), nothing can verify, or takes long to.
std::optional<Error> check_rsa(const EVP_PKEY* key) {
    const auto number = [&](const char* name) {
        BIGNUM* out = nullptr;
        EVP_PKEY_get_bn_param(key, name, &out);
        return Handle<BIGNUM>{out};
    };
    const Handle<BIGNUM> modulus = number(OSSL_PKEY_PARAM_RSA_N);
    const Handle<BIGNUM> exponent = number(OSSL_PKEY_PARAM_RSA_E);
    if (modulus == nullptr || exponent == nullptr) { return broken_rsa("one without them"); }
    const auto bits = static_cast<unsigned>(BN_num_bits(modulus.get()));
    const auto exponent_bits = static_cast<unsigned>(BN_num_bits(exponent.get()));
    if (bits > rsa_modulus_bits_max) { return broken_rsa(fmt::format("{} bits", bits)); }
    if (BN_is_odd(modulus.get()) == 0) { return broken_rsa("an even modulus"); }
    if (exponent_bits > rsa_exponent_bits_max) {
        return broken_rsa(fmt::format("an exponent of {} bits", exponent_bits));
    }
    if (exponent_bits < 2 || BN_is_odd(exponent.get()) == 0) {
        return broken_rsa("an exponent of 0, 1, or an even one");
    }
    return std::nullopt;
}

}  // namespace

Result<PublicKey> PublicKey::of(std::shared_ptr<evp_pkey_st> key) {
    if (key == nullptr) { return std::unexpected(malformed("public key", "cannot be read")); }
    const auto bits = static_cast<unsigned>(std::max(0, EVP_PKEY_get_bits(key.get())));
    const auto is = [&](const char* type) { return EVP_PKEY_is_a(key.get(), type) == 1; };
    if (is("RSA") || is("RSA-PSS")) {
        if (auto broken = check_rsa(key.get())) { return std::unexpected(std::move(*broken)); }
        return PublicKey{std::move(key), KeyType::rsa, bits};
    }
    if (is("ED25519")) { return PublicKey{std::move(key), KeyType::ed25519, 256}; }
    if (is("ED448")) { return PublicKey{std::move(key), KeyType::ed448, 456}; }
    if (is("EC")) {
        if (!curve_of(key.get())) {
            return std::unexpected(unsupported_key("an EC key on another curve"));
        }
        // RFC 5480 2.1.1: a curve is named; one that is spelled out may differ where nobody looks.
        int spelled_out = 0;
        if (EVP_PKEY_get_int_param(key.get(), OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                   &spelled_out) == 1 &&
            spelled_out != 0) {
            return std::unexpected(unsupported_key("an EC key whose curve is spelled out"));
        }
        return PublicKey{std::move(key), KeyType::ecdsa, bits};
    }
    const char* const type = EVP_PKEY_get0_type_name(key.get());
    return std::unexpected(
        unsupported_key(fmt::format("a key of type {}", type == nullptr ? "unknown" : type)));
}

Result<PublicKey> PublicKey::parse(ByteView spki) {
    const std::uint8_t* at = spki.data();
    std::shared_ptr<EVP_PKEY> key{d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())),
                                  EVP_PKEY_free};
    clear_openssl_errors();
    if (key != nullptr && at != spki.data() + spki.size()) { key.reset(); }
    return of(std::move(key));
}

Result<PublicKey> PublicKey::parse_file(ByteView octets) {
    if (as_text(octets).find("-----BEGIN") == std::string_view::npos) { return parse(octets); }
    const std::unique_ptr<BIO, decltype(&BIO_free)> in{
        BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())), BIO_free};
    MUST(in != nullptr);
    std::shared_ptr<EVP_PKEY> key{PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr),
                                  EVP_PKEY_free};
    clear_openssl_errors();
    return of(std::move(key));
}

std::string_view PublicKey::curve() const {
    return type_ == KeyType::ecdsa ? curve_of(key_.get()).value_or("?") : std::string_view{};
}

std::string PublicKey::to_string() const {
    switch (type_) {
        case KeyType::rsa: return fmt::format("RSA {}", bits_);
        case KeyType::ecdsa: return fmt::format("ECDSA {} ({})", bits_, curve());
        case KeyType::ed25519: return "Ed25519";
        case KeyType::ed448: return "Ed448";
    }
    return "?";
}

Bytes PublicKey::spki() const {
    const int size = i2d_PUBKEY(key_.get(), nullptr);
    ASSERT(size > 0);
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_PUBKEY(key_.get(), &at);
    return out;
}

std::string PublicKey::pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
    MUST(out != nullptr && PEM_write_bio_PUBKEY(out.get(), key_.get()) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

Bytes PublicKey::key_hash() const {
    const Bytes info = spki();
    const std::uint8_t* at = info.data();
    const std::unique_ptr<X509_PUBKEY, decltype(&X509_PUBKEY_free)> parsed{
        d2i_X509_PUBKEY(nullptr, &at, static_cast<long>(info.size())), X509_PUBKEY_free};
    MUST(parsed != nullptr);
    const std::uint8_t* key = nullptr;
    int size = 0;
    X509_PUBKEY_get0_param(nullptr, &key, &size, nullptr, parsed.get());
    return hash(HashAlgorithm::sha1, {ByteView{key, static_cast<std::size_t>(size)}});
}

// Asked for with each CERTREQ that we send, and dear: it stays with the key.
Bytes PublicKey::spki_hash() const {
    static const int index = EVP_PKEY_get_ex_new_index(0, nullptr, nullptr, nullptr, free_octets);
    if (const auto* known = static_cast<const Bytes*>(EVP_PKEY_get_ex_data(key_.get(), index))) {
        return *known;
    }
    auto made = std::make_unique<Bytes>(hash(HashAlgorithm::sha1, {spki()}));
    const Bytes out = *made;
    if (EVP_PKEY_set_ex_data(key_.get(), index, made.get()) == 1) { (void)made.release(); }
    return out;
}

unsigned PublicKey::strength() const {
    const int bits = EVP_PKEY_get_security_bits(key_.get());
    return bits < 0 ? 0 : static_cast<unsigned>(bits);
}

bool PublicKey::verify(const SignatureScheme& scheme, ByteView message, ByteView signature) const {
    if (scheme.key != type_) { return false; }
    Bytes der;
    if (scheme.fixed_form) {
        if (signature.size() != 2 * ((bits_ + 7) / 8)) { return false; }
        der = fixed_to_der(signature);
        signature = der;
    }
    const Handle<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    MUST(context != nullptr);
    EVP_PKEY_CTX* parameters = nullptr;  // the context's own
    const bool right = EVP_DigestVerifyInit_ex(context.get(), &parameters, digest_name(scheme),
                                               nullptr, nullptr, key_.get(), nullptr) == 1 &&
                       set_padding(parameters, scheme) &&
                       EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                        message.data(), message.size()) == 1;
    clear_openssl_errors();
    return right;
}

}  // namespace culvert::crypto
