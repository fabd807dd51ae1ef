#pragma once
// The side of an EAP conversation that asks (RFC 3748 4.1): the responder in IKEv2, being the
// authenticator and its server in one.

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "ike/eap/method.hpp"
#include "ike/eap/packet.hpp"

namespace culvert::ike::eap {

class Server {
 public:
    // `methods`: the first is offered, the others where the peer asks for them; at least one.
    // `user`: who the peer is, as long as EAP does not say more. `ask_identity`: begin with
    // EAP-Identity.
    Server(Identity user, std::vector<Type> methods, bool ask_identity)
        : user_(std::move(user)), methods_(std::move(methods)), asks_identity_(ask_identity) {}

    struct Ask {
        Bytes message;
    };
    struct Succeeded {
        Bytes message;  // EAP-Success
        Identity user;  // who it is
        Secret msk;     // may be empty
        Type method{};
    };
    struct Failed {
        Bytes message;  // EAP-Failure
        Error error;
    };
    using Outcome = std::variant<Ask, Succeeded, Failed>;
    // The first request.
    Outcome begin(const Context& context);
    Outcome handle(ByteView message, const Context& context);

    const Identity& user() const { return user_; }
    // The peer has told its EAP identity.
    bool identity_known() const { return identity_known_; }
    // Why the peer may give up now, as far as we know.
    std::optional<Error> refusal() const { return method_ ? method_->refusal() : std::nullopt; }

 private:
    Outcome offer(Type type, const Context& context);
    Outcome take_identity(const Packet& response, const Context& context);
    Outcome take_nak(const Packet& response, const Context& context);
    Outcome ask(Type type, Bytes data);
    Outcome fail(Error error) const;

    Identity user_;
    std::vector<Type> methods_;
    std::vector<Type> offered_;
    bool asks_identity_ = false;
    bool identity_known_ = false;
    bool begun_ = false;  // the method has had a response: no Nak any more
    std::optional<Type> asked_;
    std::unique_ptr<ServerMethod> method_;
    std::uint8_t identifier_ = 0;  // of the request that waits for its response
    unsigned rounds_ = 0;
};

}  // namespace culvert::ike::eap
