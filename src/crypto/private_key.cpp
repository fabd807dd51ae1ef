#include "crypto/private_key.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "crypto/digest_context.hpp"
#include "crypto/must.hpp"
#include "crypto/openssl_handles.hpp"
#include "crypto/token.hpp"

namespace culvert::crypto {
namespace {

// What the library asked the passphrase callback, and what it was told.
struct Question {
    const Secret* passphrase;
    bool asked = false;
};

int answer(char* out, int room, int /*for_writing*/, void* context) {
    auto& question = *static_cast<Question*>(context);
    question.asked = true;
    if (question.passphrase == nullptr) { return -1; }
    const ByteView text = question.passphrase->reveal();
    if (text.size() > static_cast<std::size_t>(room)) { return -1; }
    std::memcpy(out, text.data(), text.size());
    return static_cast<int>(text.size());
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
Bio memory(ByteView octets) {
    Bio bio{BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())), BIO_free};
    MUST(bio != nullptr);
    return bio;
}

EVP_PKEY* read_key(ByteView file, Question& question) {
    if (EVP_PKEY* const key =
            PEM_read_bio_PrivateKey(memory(file).get(), nullptr, answer, &question)) {
        return key;
    }
    if (question.asked) { return nullptr; }
    if (EVP_PKEY* const key = d2i_PrivateKey_bio(memory(file).get(), nullptr)) { return key; }
    return d2i_PKCS8PrivateKey_bio(memory(file).get(), nullptr, answer, &question);
}

Error bad_key(const Question& question) {
    Error error{.code = ErrorCode::bad_key_material,
                .wanted = "a private key: PKCS#1, SEC 1 or PKCS#8, PEM or DER"};
    if (!question.asked) {
        error.received = "a file that holds none";
        error.remedy = "convert the file: openssl pkey -in FILE -out NEW";
    } else if (question.passphrase == nullptr) {
        error.received = "an encrypted key, and no passphrase for it";
        error.remedy = "put the passphrase into the secrets section (private.<name>.secret)";
    } else {
        error.received = "an encrypted key that the passphrase does not open";
        error.remedy = "correct the passphrase in the secrets section";
    }
    return error;
}

}  // namespace

Result<PrivateKey> PrivateKey::parse(ByteView file, const Secret* passphrase) {
    Question question{.passphrase = passphrase};
    std::shared_ptr<EVP_PKEY> key{read_key(file, question), EVP_PKEY_free};
    clear_openssl_errors();
    if (key == nullptr) { return std::unexpected(bad_key(question)); }
    return of(std::move(key));
}

Result<PrivateKey> PrivateKey::of(std::shared_ptr<evp_pkey_st> key) {
    auto public_key = PublicKey::of(key);
    if (!public_key) { return std::unexpected(std::move(public_key).error()); }
    return PrivateKey{std::move(key), std::move(*public_key)};
}

Result<Bytes> PrivateKey::sign(const SignatureScheme& scheme, ByteView message) const {
    if (scheme.key != type()) {
        return std::unexpected(Error{.code = ErrorCode::unsupported,
                                     .wanted = "to sign with " + to_string(scheme),
                                     .received = "a key of type " + std::string{name(type())}});
    }
    const Handle<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    MUST(context != nullptr);
    EVP_PKEY_CTX* parameters = nullptr;  // the context's own
    std::size_t size = static_cast<std::size_t>(std::max(0, EVP_PKEY_get_size(key_.get())));
    Bytes out(size);
    const bool done =
        EVP_DigestSignInit_ex(context.get(), &parameters, digest_name(scheme), nullptr, nullptr,
                              key_.get(), nullptr) == 1 &&
        set_padding(parameters, scheme) &&
        EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1;
    clear_openssl_errors();
    if (!done) {
        if (auto by_token = sign_pss_on_token(key_.get(), scheme, message)) {
            return *std::move(by_token);
        }
        return std::unexpected(Error{.code = ErrorCode::exhausted,
                                     .wanted = "to sign with " + to_string(scheme),
                                     .received = "the key " + public_.to_string() + " cannot",
                                     .remedy = "use a longer key"});
    }
    out.resize(size);
    return scheme.fixed_form ? der_to_fixed(out, (public_.bits() + 7) / 8) : out;
}

}  // namespace culvert::crypto
