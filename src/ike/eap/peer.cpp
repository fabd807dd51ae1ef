#include "ike/eap/peer.hpp"

#include <algorithm>
#include <utility>

#include "ike/eap/errors.hpp"
#include "ike/eap/identity.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {

std::string Peer::method_name() const { return begun_ ? to_string(*begun_) : to_string(methods_); }

Peer::Outcome Peer::handle(ByteView message, const Context& context) {
    const auto packet = Packet::parse(message);
    if (!packet) {
        return Failed{out_of_turn(context.connection, "an EAP request", packet.error().received),
                      true};
    }
    switch (packet->code) {
        case Code::request: return answer(*packet, context);
        case Code::success:
            if (!method_ || !method_->complete()) {
                return Failed{success_too_early(context.connection, method_name()), true};
            }
            return Succeeded{.msk = method_->take_msk(), .method = *begun_};
        case Code::failure: {
            auto told = method_ ? method_->refusal() : std::nullopt;
            if (told) { return Failed{*std::move(told)}; }
            if (!begun_ && declined_) {
                return Failed{method_not_ours(context.connection, methods_, *declined_)};
            }
            return Failed{failure_received(context.connection, user_, method_name())};
        }
        case Code::response: break;
    }
    return Failed{out_of_turn(context.connection, "an EAP request", "a response"), true};
}

Peer::Outcome Peer::answer(const Packet& request, const Context& context) {
    if (++rounds_ > rounds_max) { return Failed{endless(context.connection), true}; }
    const auto with = [&](Type type, Bytes data) {
        return Answer{Packet{.code = Code::response,
                             .identifier = request.identifier,
                             .type = type,
                             .data = std::move(data)}
                          .write()};
    };
    const Type type = *request.type;
    if (type == Type::notification) { return with(Type::notification, {}); }
    if (type == Type::identity && !begun_) {
        return with(Type::identity, to_bytes(as_bytes(to_text(user_))));
    }
    if (type == Type::nak) {
        return Failed{out_of_turn(context.connection, "an EAP request", "a request of a Nak"),
                      true};
    }
    if (begun_ && type != *begun_) {  // S-10
        return Failed{method_switched(context.connection, *begun_, type), true};
    }
    if (std::ranges::find(methods_, type) != methods_.end()) {
        return answer_method(request, context);
    }
    // RFC 3748 5.3.1: which we want instead.
    declined_ = type;
    Bytes wanted;
    for (const Type ours : methods_) { wanted.push_back(std::to_underlying(ours)); }
    return with(Type::nak, std::move(wanted));
}

Peer::Outcome Peer::answer_method(const Packet& request, const Context& context) {
    const Type type = *request.type;
    if (!method_) { method_ = make_peer_method(type); }
    begun_ = type;
    if (type != Type::tls && request.data.size() > type_data_size_max) {
        return Failed{bad_data(context.connection, type, malformed(to_string(type), "is too long")),
                      true};
    }
    auto data = method_->answer(request.identifier, request.data, user_, context);
    if (!data) { return Failed{std::move(data).error(), true}; }
    return Answer{Packet{.code = Code::response,
                         .identifier = request.identifier,
                         .type = type,
                         .data = *std::move(data)}
                      .write()};
}

}  // namespace culvert::ike::eap
