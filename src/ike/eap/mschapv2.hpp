#pragma once
// EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2): the peer proves that it knows the password, then
// the server. A password that has expired is not changed here.

#include "ike/eap/method.hpp"
#include "ike/eap/ms_chap_v2.hpp"

namespace culvert::ike::eap {

class MsChapV2Peer : public PeerMethod {
 public:
    Result<Bytes> answer(std::uint8_t identifier, ByteView data, const Identity& user,
                         const Context& context) override;
    bool complete() const override { return state_ == State::complete; }
    Secret take_msk() override { return std::move(msk_); }
    std::optional<Error> refusal() const override { return refusal_; }

 private:
    enum class State : std::uint8_t { begun, responded, complete, refused };
    Result<Bytes> respond(ByteView data, const Identity& user, const Context& context);
    Result<Bytes> check_success(ByteView data, const Identity& user, const Context& context);
    Result<Bytes> take_failure(ByteView data, const Identity& user, const Context& context);

    State state_ = State::begun;
    std::string expected_;  // what the server has to say to prove itself
    std::string section_;   // of the password
    Secret msk_;
    std::optional<Error> refusal_;
};

class MsChapV2Server : public ServerMethod {
 public:
    Result<Bytes> begin(std::uint8_t identifier, const Context& context) override;
    Step handle(std::uint8_t identifier, ByteView data, const Identity& user,
                const Context& context) override;
    std::optional<Error> refusal() const override {
        return state_ == State::refused ? error_ : std::nullopt;
    }

 private:
    enum class State : std::uint8_t { asked, proved, refused };
    Step check(std::uint8_t identifier, ByteView data, const Context& context);
    Step refuse(std::uint8_t identifier, Error error, const Context& context);

    State state_ = State::asked;
    Challenge challenge_{};
    unsigned tries_ = 0;
    std::optional<Error> error_;  // of the last try
    Identity user_;
    Secret msk_;
};

}  // namespace culvert::ike::eap
