#pragma once
// The side of an EAP conversation that is asked (RFC 3748 4.2): the initiator in IKEv2.

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "ike/eap/method.hpp"
#include "ike/eap/packet.hpp"

namespace culvert::ike::eap {

class Peer {
 public:
    // `methods`: which it takes, at least one. `user`: its EAP identity.
    Peer(Identity user, std::vector<Type> methods)
        : user_(std::move(user)), methods_(std::move(methods)) {}

    struct Answer {
        Bytes message;
    };
    struct Succeeded {
        Secret msk;  // may be empty
        Type method{};
    };
    struct Failed {
        Error error;
        bool we_refused = false;
    };
    using Outcome = std::variant<Answer, Succeeded, Failed>;
    Outcome handle(ByteView message, const Context& context);

    const Identity& user() const { return user_; }
    // What goes on, or would: for messages.
    std::string method_name() const;

 private:
    Outcome answer(const Packet& request, const Context& context);
    Outcome answer_method(const Packet& request, const Context& context);

    Identity user_;
    std::vector<Type> methods_;
    std::optional<Type> begun_;  // the one that has answered a request
    std::optional<Type> declined_;
    std::unique_ptr<PeerMethod> method_;
    unsigned rounds_ = 0;
};

}  // namespace culvert::ike::eap
