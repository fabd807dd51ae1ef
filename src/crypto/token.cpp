// Engines are what OpenSSL 3 has for tokens in Debian 12; its providers for them came later.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/token.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <openssl/engine.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/assert.hpp"
#include "crypto/digest_context.hpp"
#include "crypto/hash.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

Error no_engine() {
    return {.code = ErrorCode::unsupported,
            .wanted = "the crypto library's engine for PKCS#11",
            .received = "a library that has none",
            .remedy = "install it (Debian: libengine-pkcs11-openssl)"};
}

Error other_module(const std::string& wanted, const std::string& used) {
    return {.code = ErrorCode::unsupported,
            .wanted = "a key by the module " + wanted,
            .received = used + ", which is in use, and only one can be",
            .remedy = "use p11-kit-proxy.so as the one module for several tokens"};
}

Error no_module(const std::string& module) {
    return {.code = ErrorCode::not_found,
            .wanted = "the PKCS#11 module " + module,
            .received = "nothing that can be loaded",
            .remedy = "correct charon.plugins.pkcs11.modules.<name>.path"};
}

Error no_object(const TokenObject& object, std::string_view what) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("a {} with the id {} on {}", what, object.id,
                                  object.slot ? fmt::format("the token in slot {}", *object.slot)
                                              : std::string{"a token"}),
            .received = "none, or a PIN that does not open it",
            .remedy = "compare handle, slot and pin with: pkcs11-tool --module " + object.module +
                      " --login --list-objects"};
}

// One for the whole process, never unloaded: keys refer to it.
struct Engine {
    ENGINE* engine = nullptr;
    std::string module;
};
Engine& the_engine() {
    static Engine one;
    return one;
}

bool tell(const char* command, const char* value) {
    return ENGINE_ctrl_cmd_string(the_engine().engine, command, value, 0) == 1;
}

Status open(const TokenObject& object, const Secret& pin) {
    Engine& one = the_engine();
    if (one.engine == nullptr) {
        ENGINE* const found = ENGINE_by_id("pkcs11");
        if (found == nullptr) { return std::unexpected(no_engine()); }
        one.engine = found;
        (void)tell("QUIET", nullptr);
        if (!tell("MODULE_PATH", object.module.c_str()) || ENGINE_init(found) != 1) {
            ENGINE_free(found);
            one.engine = nullptr;
            return std::unexpected(no_module(object.module));
        }
        one.module = object.module;
    }
    if (one.module != object.module) {
        return std::unexpected(other_module(object.module, one.module));
    }
    Secret text{pin.size() + 1};  // ends in a zero
    std::ranges::copy(pin.reveal(), text.write().begin());
    const void* const words = text.reveal().data();
    (void)tell("PIN", static_cast<const char*>(words));
    return {};
}

// The engine's own form of a name: its slot may be told, unlike in a PKCS#11 URI.
std::string name_of(const TokenObject& object) {
    return object.slot ? fmt::format("slot_{}-id_{}", *object.slot, object.id)
                       : fmt::format("id_{}", object.id);
}

}  // namespace

Result<PrivateKey> load_token_key(const TokenObject& object, const Secret& pin) {
    if (Status opened = open(object, pin); !opened) {
        clear_openssl_errors();
        return std::unexpected(std::move(opened).error());
    }
    std::shared_ptr<EVP_PKEY> key{
        ENGINE_load_private_key(the_engine().engine, name_of(object).c_str(), nullptr, nullptr),
        EVP_PKEY_free};
    clear_openssl_errors();
    if (key == nullptr) { return std::unexpected(no_object(object, "private key")); }
    return PrivateKey::of(std::move(key));
}

Result<Bytes> load_token_certificate(const TokenObject& object, const Secret& pin) {
    if (Status opened = open(object, pin); !opened) {
        clear_openssl_errors();
        return std::unexpected(std::move(opened).error());
    }
    const std::string name = name_of(object);
    struct {
        const char* name;
        X509* certificate;
    } question{name.c_str(), nullptr};
    ENGINE_ctrl_cmd(the_engine().engine, "LOAD_CERT_CTRL", 0, &question, nullptr, 1);
    clear_openssl_errors();
    const std::unique_ptr<X509, decltype(&X509_free)> found{question.certificate, X509_free};
    if (found == nullptr) { return std::unexpected(no_object(object, "certificate")); }
    std::uint8_t* encoded = nullptr;
    const int size = i2d_X509(found.get(), &encoded);
    ASSERT(size > 0);
    Bytes out{encoded, encoded + size};
    OPENSSL_free(encoded);
    return out;
}

std::optional<Bytes> sign_pss_on_token(evp_pkey_st* key, const SignatureScheme& scheme,
                                       ByteView message) {
    if (!scheme.pss || EVP_PKEY_get0_provider(key) != nullptr) { return std::nullopt; }
    // OpenSSL's own signature wants it so, and changes nothing.
    RSA* const rsa = const_cast<RSA*>(EVP_PKEY_get0_RSA(key));
    const EVP_MD* const digest = EVP_get_digestbyname(digest_name(scheme));
    if (rsa == nullptr || digest == nullptr) { return std::nullopt; }
    const Bytes hashed = hash(scheme.hash, {message});
    const int size = RSA_size(rsa);
    Bytes padded(static_cast<std::size_t>(size));
    Bytes out(padded.size());
    const bool done =
        RSA_padding_add_PKCS1_PSS_mgf1(rsa, padded.data(), hashed.data(), digest, digest,
                                       static_cast<int>(scheme.salt_size)) == 1 &&
        RSA_private_encrypt(size, padded.data(), out.data(), rsa, RSA_NO_PADDING) == size;
    clear_openssl_errors();
    return done ? std::optional{std::move(out)} : std::nullopt;
}

}  // namespace culvert::crypto
