#pragma once
// A TLS handshake without a socket (for EAP-TLS, RFC 5216 and RFC 9190): octets in, octets out, TLS
// 1.2 and 1.3. Both ends show certificates; whether the other's is to be trusted is for the caller
// to say. Resumption is off.

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/private_key.hpp"

namespace culvert::crypto {

class TlsSession {
 public:
    enum class Role : std::uint8_t { client, server };
    // Certificates in DER, that of the other end first; it has proved, or will, that it has the
    // key. An error ends the handshake with an alert.
    using Trust = std::function<Status(const std::vector<Bytes>& chain)>;

    // `chain` in DER, our own certificate first. Fails with bad_key_material where they do not fit
    // each other.
    static Result<TlsSession> begin(Role role, const PrivateKey& key,
                                    const std::vector<Bytes>& chain);
    TlsSession(TlsSession&&) noexcept;
    TlsSession& operator=(TlsSession&&) noexcept;
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    // What the other end sent (nothing: a client begins). What is to be sent is in output(), also
    // after a failure: an alert. `trust` is called at most once in the session.
    Status take(ByteView octets, const Trust& trust);
    Bytes output();
    bool done() const;
    bool is_tls_1_3() const;
    // Application data; only once it is done.
    Status write(ByteView octets);
    Bytes read();
    // RFC 5705, RFC 8446 7.5; only once it is done.
    Secret exporter(std::string_view label, ByteView context, std::size_t size) const;

 private:
    struct Impl;
    explicit TlsSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::crypto
