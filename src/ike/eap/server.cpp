#include "ike/eap/server.hpp"

#include <algorithm>
#include <utility>

#include "base/overloaded.hpp"
#include "ike/eap/errors.hpp"
#include "ike/eap/identity.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {

Server::Outcome Server::fail(Error error) const {
    return Failed{.message = Packet{.code = Code::failure, .identifier = identifier_}.write(),
                  .error = std::move(error)};
}

Server::Outcome Server::ask(Type type, Bytes data) {
    ++identifier_;
    asked_ = type;
    return Ask{Packet{
        .code = Code::request, .identifier = identifier_, .type = type, .data = std::move(data)}
                   .write()};
}

Server::Outcome Server::begin(const Context& context) {
    context.random.fill({&identifier_, 1});
    if (asks_identity_) { return ask(Type::identity, {}); }
    return offer(methods_.front(), context);
}

Server::Outcome Server::offer(Type type, const Context& context) {
    method_ = make_server_method(type);
    offered_.push_back(type);
    auto first = method_->begin(static_cast<std::uint8_t>(identifier_ + 1), context);
    if (!first) { return fail(std::move(first).error()); }
    return ask(type, *std::move(first));
}

Server::Outcome Server::handle(ByteView message, const Context& context) {
    if (++rounds_ > rounds_max) { return fail(endless(context.connection)); }  // S-10
    const auto packet = Packet::parse(message);
    if (!packet) {
        return fail(out_of_turn(context.connection, "an EAP response", packet.error().received));
    }
    // E-02. Over IKE nothing is lost or comes twice.
    if (packet->code != Code::response || packet->identifier != identifier_) {
        return fail(
            out_of_turn(context.connection, "the response to our EAP request",
                        packet->code == Code::response ? "another identifier" : "no response"));
    }
    const Type type = *packet->type;
    if (type != Type::tls && packet->data.size() > type_data_size_max) {
        return fail(bad_data(context.connection, type, malformed(to_string(type), "is too long")));
    }
    if (asked_ == Type::identity) { return take_identity(*packet, context); }
    if ((type == Type::nak || type == Type::expanded) && !begun_) {
        return take_nak(*packet, context);
    }
    if (type != *asked_) {
        return fail(out_of_turn(context.connection, "a response of " + to_string(*asked_),
                                "one of " + to_string(type)));
    }
    begun_ = true;
    auto step = method_->handle(identifier_, packet->data, user_, context);
    return std::visit(
        Overloaded{[&](ServerMethod::Ask& next) { return ask(type, std::move(next.data)); },
                   [&](ServerMethod::Success& done) -> Outcome {
                       return Succeeded{
                           .message =
                               Packet{.code = Code::success, .identifier = identifier_}.write(),
                           .user = std::move(done.user),
                           .msk = std::move(done.msk),
                           .method = type};
                   },
                   [&](ServerMethod::Failure& failed) { return fail(std::move(failed.error)); }},
        step);
}

Server::Outcome Server::take_identity(const Packet& response, const Context& context) {
    if (*response.type != Type::identity) {
        return fail(out_of_turn(context.connection, "an EAP identity",
                                "a response of " + to_string(*response.type)));
    }
    if (response.data.size() > identity_size_max) {
        return fail(
            bad_data(context.connection, Type::identity, malformed("EAP identity", "is too long")));
    }
    user_ = from_text(response.data);
    identity_known_ = true;
    return offer(methods_.front(), context);
}

// RFC 3748 5.3.1: the first of what the peer wants that we have, and have not offered yet.
Server::Outcome Server::take_nak(const Packet& response, const Context& context) {
    std::vector<Type> wanted;
    if (*response.type == Type::nak) {
        for (const std::uint8_t type : response.data) {
            if (wanted.size() < nak_types_max && type != 0) { wanted.push_back(Type{type}); }
        }
    }
    for (const Type type : wanted) {
        const auto in = [&](const std::vector<Type>& list) {
            return std::ranges::find(list, type) != list.end();
        };
        if (in(methods_) && !in(offered_)) { return offer(type, context); }
    }
    return fail(no_method_in_common(context.connection, methods_, wanted));
}

}  // namespace culvert::ike::eap
