#include "crypto/tls_session.hpp"

#include <array>
#include <climits>
#include <optional>
#include <string>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/assert.hpp"
#include "crypto/openssl_handles.hpp"

namespace culvert::crypto {
namespace {

struct FreeTls {
    void operator()(SSL_CTX* object) const { SSL_CTX_free(object); }
    void operator()(SSL* object) const { SSL_free(object); }
    void operator()(X509* object) const { X509_free(object); }
};
template <class T>
using TlsHandle = std::unique_ptr<T, FreeTls>;

Error broken(std::string what, std::string received) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = std::move(what),
            .received = std::move(received),
            .remedy = {}};
}

// The last of what the library noted; cleared.
std::string library_says() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    std::string text = reason == nullptr ? "TLS failed" : reason;
    clear_openssl_errors();
    return text;
}

TlsHandle<X509> parse(const Bytes& der) {
    const std::uint8_t* at = der.data();
    return TlsHandle<X509>{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
}

Bytes der_of(X509* certificate) {
    const int size = i2d_X509(certificate, nullptr);
    if (size <= 0) { return {}; }
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_X509(certificate, &at);
    return out;
}

}  // namespace

struct TlsSession::Impl {
    TlsHandle<SSL_CTX> context;
    TlsHandle<SSL> ssl;
    const Trust* trust = nullptr;     // while take() runs
    std::optional<Error> distrust{};  // why it said no

    static int verify(X509_STORE_CTX* store, void* self);
};

// The library asks us in place of its own judgement.
int TlsSession::Impl::verify(X509_STORE_CTX* store, void* self) {
    Impl& impl = *static_cast<Impl*>(self);
    std::vector<Bytes> chain;
    if (STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store)) {
        for (int i = 0; i < sk_X509_num(sent); ++i) {
            chain.push_back(der_of(sk_X509_value(sent, i)));
        }
    }
    if (chain.empty() || impl.trust == nullptr) { return 0; }
    Status done = (*impl.trust)(chain);
    if (done) { return 1; }
    impl.distrust = std::move(done).error();
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;
TlsSession::~TlsSession() = default;

Result<TlsSession> TlsSession::begin(Role role, const PrivateKey& key,
                                     const std::vector<Bytes>& chain) {
    auto impl = std::make_unique<Impl>();
    impl->context.reset(SSL_CTX_new(TLS_method()));
    SSL_CTX* const context = impl->context.get();
    ASSERT(context != nullptr);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
    // strongSwan 5.9.8 as a server does not speak of RFC 5746, which is about the renegotiation
    // that is off here.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, &Impl::verify, impl.get());
    bool fits = key.object() != nullptr && !chain.empty();
    for (std::size_t i = 0; i < chain.size() && fits; ++i) {
        const TlsHandle<X509> one = parse(chain.at(i));
        fits = one != nullptr &&
               (i == 0 ? SSL_CTX_use_certificate(context, one.get())
                       : SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, one.get())) == 1;
    }
    fits = fits && SSL_CTX_use_PrivateKey(context, key.object()) == 1;
    impl->ssl.reset(fits ? SSL_new(context) : nullptr);
    if (impl->ssl == nullptr) {
        return std::unexpected(Error{.code = ErrorCode::bad_key_material,
                                     .wanted = "a certificate and its private key for TLS",
                                     .received = library_says(),
                                     .remedy = "use an RSA, ECDSA or EdDSA key in a file"});
    }
    SSL* const ssl = impl->ssl.get();
    BIO* const in = BIO_new(BIO_s_mem());
    BIO* const out = BIO_new(BIO_s_mem());
    ASSERT(in != nullptr && out != nullptr);
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, out);  // which owns them now
    if (role == Role::server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    return TlsSession{std::move(impl)};
}

Status TlsSession::take(ByteView octets, const Trust& trust) {
    SSL* const ssl = impl_->ssl.get();
    ASSERT(octets.size() <= INT_MAX);
    if (!octets.empty()) {
        const int size = static_cast<int>(octets.size());
        ASSERT(BIO_write(SSL_get_rbio(ssl), octets.data(), size) == size);
    }
    if (done()) { return {}; }
    impl_->trust = &trust;
    clear_openssl_errors();
    const int result = SSL_do_handshake(ssl);
    impl_->trust = nullptr;
    if (result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ) { return {}; }
    std::string why = library_says();
    if (impl_->distrust) { return std::unexpected(*std::exchange(impl_->distrust, std::nullopt)); }
    return std::unexpected(broken("a TLS handshake", std::move(why)));
}

Bytes TlsSession::output() {
    BIO* const out = SSL_get_wbio(impl_->ssl.get());
    Bytes octets(BIO_ctrl_pending(out));
    if (!octets.empty()) {
        const int size = static_cast<int>(octets.size());
        ASSERT(BIO_read(out, octets.data(), size) == size);
    }
    return octets;
}

bool TlsSession::done() const { return SSL_is_init_finished(impl_->ssl.get()) == 1; }

bool TlsSession::is_tls_1_3() const { return SSL_version(impl_->ssl.get()) == TLS1_3_VERSION; }

Status TlsSession::write(ByteView octets) {
    ASSERT(done());
    std::size_t written = 0;
    if (SSL_write_ex(impl_->ssl.get(), octets.data(), octets.size(), &written) == 1) { return {}; }
    return std::unexpected(broken("to write over TLS", library_says()));
}

Bytes TlsSession::read() {
    ASSERT(done());
    std::array<std::uint8_t, 256> octets{};
    std::size_t size = 0;
    const bool any = SSL_read_ex(impl_->ssl.get(), octets.data(), octets.size(), &size) == 1;
    clear_openssl_errors();
    return any ? to_bytes(ByteView{octets}.first(size)) : Bytes{};
}

Secret TlsSession::exporter(std::string_view label, ByteView context, std::size_t size) const {
    ASSERT(done());
    Secret out{size};
    ASSERT(SSL_export_keying_material(impl_->ssl.get(), out.write().data(), size, label.data(),
                                      label.size(), context.data(), context.size(),
                                      context.empty() ? 0 : 1) == 1);
    return out;
}

}  // namespace culvert::crypto
