#pragma once
// EAP-TLS (RFC 5216 for TLS 1.2, RFC 9190 for TLS 1.3): both ends prove themselves by certificates,
// and it makes a key.

#include <optional>

#include "crypto/tls_session.hpp"
#include "ike/eap/method.hpp"

namespace culvert::ike::eap {

// TLS messages cut into EAP ones (RFC 5216 2.1.5, 3.1), one at a time in each direction.
class TlsFragments {
 public:
    // What came in one EAP message. Fails when it is no fragment that may come now.
    Status take(ByteView data);
    // The message that take() has completed; nothing while more of it is to come, or if it was an
    // acknowledgement.
    std::optional<Bytes> complete();
    bool is_start() const { return start_; }
    // From now on next() is cut from it.
    void send(Bytes message);
    // The next fragment; one without data, which acknowledges, if there is none.
    Bytes next();
    bool sending() const { return at_ < out_.size(); }

 private:
    Bytes in_;
    std::optional<std::size_t> expected_;  // octets of all of `in_`, if it was told
    bool whole_ = false;
    bool start_ = false;
    Bytes out_;
    std::size_t at_ = 0;
};

class TlsPeer : public PeerMethod {
 public:
    Result<Bytes> answer(std::uint8_t identifier, ByteView data, const Identity& user,
                         const Context& context) override;
    bool complete() const override { return complete_; }
    Secret take_msk() override { return std::move(msk_); }
    std::optional<Error> refusal() const override { return refusal_; }

 private:
    std::optional<Error> go_on(ByteView message, const Context& context);

    std::optional<crypto::TlsSession> tls_;
    TlsFragments fragments_;
    bool complete_ = false;
    Secret msk_;
    std::optional<Error> refusal_;
};

class TlsServer : public ServerMethod {
 public:
    Result<Bytes> begin(std::uint8_t identifier, const Context& context) override;
    Step handle(std::uint8_t identifier, ByteView data, const Identity& user,
                const Context& context) override;
    std::optional<Error> refusal() const override { return error_; }

 private:
    std::optional<crypto::TlsSession> tls_;
    TlsFragments fragments_;
    bool finished_ = false;       // what is left is the peer's acknowledgement
    std::optional<Error> error_;  // said with an alert, which is on its way
};

}  // namespace culvert::ike::eap
