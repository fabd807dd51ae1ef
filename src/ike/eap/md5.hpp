#pragma once
// EAP-MD5 (RFC 3748 5.4): proves the peer alone, and makes no key.

#include "ike/eap/method.hpp"

namespace culvert::ike::eap {

class Md5Peer : public PeerMethod {
 public:
    Result<Bytes> answer(std::uint8_t identifier, ByteView data, const Identity& user,
                         const Context& context) override;
    bool complete() const override { return complete_; }

 private:
    bool complete_ = false;
};

class Md5Server : public ServerMethod {
 public:
    Result<Bytes> begin(std::uint8_t identifier, const Context& context) override;
    Step handle(std::uint8_t identifier, ByteView data, const Identity& user,
                const Context& context) override;

 private:
    Bytes challenge_;
};

}  // namespace culvert::ike::eap
