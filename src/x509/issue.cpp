#include "x509/issue.hpp"

#include <memory>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"

namespace culvert::x509 {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Object = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Error not_made(std::string_view what, std::string received) {
    ERR_clear_error();
    return {.code = ErrorCode::malformed,
            .wanted = "to make " + std::string{what},
            .received = std::move(received)};
}

Error no_key() {
    ERR_clear_error();
    return {.code = ErrorCode::bad_key_material,
            .wanted = "a private key in PEM, not encrypted",
            .received = "something else",
            .remedy = "decrypt it with: openssl pkey -in FILE"};
}

Error not_the_issuers_key(const Certificate& issuer) {
    return {.code = ErrorCode::bad_key_material,
            .wanted = "the private key of " + issuer.to_string(),
            .received = "the key of something else",
            .remedy = "name the key and the certificate of one authority"};
}

Key read(const Secret& pem) {
    const ByteView octets = pem.reveal();
    const Bio in{BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())), BIO_free};
    MUST(in != nullptr);
    // Never asks on the terminal for a passphrase.
    const auto none = [](char*, int, int, void*) { return -1; };
    return {PEM_read_bio_PrivateKey(in.get(), nullptr, none, nullptr), EVP_PKEY_free};
}

Bytes contents(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return to_bytes(as_bytes({data, static_cast<std::size_t>(size)}));
}

bool add_name(X509_NAME* name, const char* field, std::string_view text) {
    if (text.empty()) { return true; }
    const ByteView octets = as_bytes(text);
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, octets.data(),
                                      static_cast<int>(octets.size()), -1, 0) == 1;
}

bool set_subject(X509* object, const Order& order) {
    const std::unique_ptr<X509_NAME, decltype(&X509_NAME_free)> name{X509_NAME_new(),
                                                                     X509_NAME_free};
    return name != nullptr && add_name(name.get(), "O", order.organization) &&
           add_name(name.get(), "CN", order.common_name) &&
           X509_set_subject_name(object, name.get()) == 1;
}

bool add_extension(X509* object, X509* issuer, int nid, const char* value) {
    X509V3_CTX context{};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, object, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
        X509V3_EXT_conf_nid(nullptr, &context, nid, value), X509_EXTENSION_free};
    return extension != nullptr && X509_add_ext(object, extension.get(), -1) == 1;
}

bool add_alternative_names(X509* object, const std::vector<SubjectAltName>& names) {
    if (names.empty()) { return true; }
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> out{GENERAL_NAMES_new(),
                                                                            GENERAL_NAMES_free};
    MUST(out != nullptr);
    for (const SubjectAltName& one : names) {
        const int type = one.kind == SubjectAltName::Kind::dns     ? GEN_DNS
                         : one.kind == SubjectAltName::Kind::email ? GEN_EMAIL
                                                                   : GEN_IPADD;
        ASSERT(one.kind != SubjectAltName::Kind::directory_name);
        ASN1_STRING* const text =
            type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
        GENERAL_NAME* const name = GENERAL_NAME_new();
        MUST(text != nullptr && name != nullptr);
        ASN1_STRING_set(text, one.value.data(), static_cast<int>(one.value.size()));
        GENERAL_NAME_set0_value(name, type, text);
        sk_GENERAL_NAME_push(out.get(), name);
    }
    return X509_add1_ext_i2d(object, NID_subject_alt_name, out.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

bool set_fields(X509* object, const Order& order, const EVP_PKEY* key, X509* issuer) {
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial{
        BN_bin2bn(order.serial.data(), static_cast<int>(order.serial.size()), nullptr), BN_free};
    MUST(serial != nullptr);
    BN_clear_bit(serial.get(), 127);  // RFC 5280 4.1.2.2: positive
    const auto seconds = [](Time time) { return std::time_t{time.time_since_epoch().count()}; };
    return X509_set_version(object, 2) == 1 &&
           BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(object)) != nullptr &&
           ASN1_TIME_set(X509_getm_notBefore(object), seconds(order.not_before)) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(object), seconds(order.not_after)) != nullptr &&
           set_subject(object, order) &&
           X509_set_issuer_name(object, X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(object, const_cast<EVP_PKEY*>(key)) == 1;  // NOLINT: reads it alone
}

bool set_extensions(X509* object, const Order& order, X509* issuer) {
    const char* const constraints = order.authority ? "critical,CA:TRUE" : "critical,CA:FALSE";
    const char* const usage =
        order.authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature";
    return add_extension(object, issuer, NID_basic_constraints, constraints) &&
           add_extension(object, issuer, NID_key_usage, usage) &&
           add_extension(object, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(object, issuer, NID_authority_key_identifier, "keyid:always") &&
           (order.authority ||
            add_extension(object, issuer, NID_ext_key_usage, "serverAuth,clientAuth")) &&
           add_alternative_names(object, order.names);
}

}  // namespace

Result<Secret> make_key(crypto::KeyType type) {
    constexpr std::size_t rsa_bits = 3072;
    EVP_PKEY* made = nullptr;
    switch (type) {
        case crypto::KeyType::rsa:
            made = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", rsa_bits);
            break;
        case crypto::KeyType::ecdsa:
            made = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
            break;
        case crypto::KeyType::ed25519: made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); break;
        case crypto::KeyType::ed448: made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"); break;
    }
    const Key key{made, EVP_PKEY_free};
    const Bio out{BIO_new(BIO_s_secmem()), BIO_free};
    if (key == nullptr || out == nullptr ||
        PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
            1) {
        return std::unexpected(not_made("a private key", "the crypto library refused"));
    }
    Bytes text = contents(out.get());
    Secret pem = Secret::copy_of(text);
    wipe(text);
    return pem;
}

Result<std::string> issue(const Order& order, const Secret& key, const Certificate* issuer,
                          const Secret& issuer_key) {
    const Key own = read(key);
    const Key signer = read(issuer == nullptr ? key : issuer_key);
    if (own == nullptr || signer == nullptr) { return std::unexpected(no_key()); }
    if (issuer != nullptr && X509_check_private_key(issuer->object(), signer.get()) != 1) {
        ERR_clear_error();
        return std::unexpected(not_the_issuers_key(*issuer));
    }
    const Object object{X509_new(), X509_free};
    MUST(object != nullptr);
    // Of one that signs itself the subject must be there before it is the issuer.
    X509* const above = issuer == nullptr ? object.get() : issuer->object();
    if ((issuer == nullptr && !set_subject(object.get(), order)) ||
        !set_fields(object.get(), order, own.get(), above) ||
        !set_extensions(object.get(), order, above)) {
        return std::unexpected(
            not_made("a certificate for " + printable(order.common_name, 100),
                     "a name that no certificate can hold (a common name has 64 octets at most)"));
    }
    const bool eddsa =
        EVP_PKEY_is_a(signer.get(), "ED25519") == 1 || EVP_PKEY_is_a(signer.get(), "ED448") == 1;
    const Bio out{BIO_new(BIO_s_mem()), BIO_free};
    if (X509_sign(object.get(), signer.get(), eddsa ? nullptr : EVP_sha256()) == 0 ||
        PEM_write_bio_X509(out.get(), object.get()) != 1) {
        return std::unexpected(not_made("a certificate", "the key cannot sign"));
    }
    return std::string{as_text(contents(out.get()))};
}

}  // namespace culvert::x509
