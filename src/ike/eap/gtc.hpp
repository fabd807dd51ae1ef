#pragma once
// EAP-GTC (RFC 3748 5.6): the password itself, to a server that has proved itself before. No key.

#include "ike/eap/method.hpp"

namespace culvert::ike::eap {

class GtcPeer : public PeerMethod {
 public:
    Result<Bytes> answer(std::uint8_t identifier, ByteView data, const Identity& user,
                         const Context& context) override;
    bool complete() const override { return complete_; }

 private:
    bool complete_ = false;
};

class GtcServer : public ServerMethod {
 public:
    Result<Bytes> begin(std::uint8_t identifier, const Context& context) override;
    Step handle(std::uint8_t identifier, ByteView data, const Identity& user,
                const Context& context) override;
};

}  // namespace culvert::ike::eap
