// Messages that go out from an IKE SA: sealed, in fragments, and from where to where.

#include <utility>

#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;

wire::IkeHeader IkeSa::request_header(ExchangeType exchange) const {
    return {.initiator_spi = core_.initiator_spi(),
            .responder_spi = core_.responder_spi(),
            .exchange = exchange,
            .flags = {.initiator = core_.original_initiator},
            .message_id = requests_.next_id()};
}

wire::IkeHeader IkeSa::response_header(const wire::IkeHeader& request) const {
    return {.initiator_spi = core_.initiator_spi(),
            .responder_spi = core_.responder_spi(),
            .exchange = request.exchange,
            .flags = {.initiator = core_.original_initiator, .response = true},
            .message_id = request.message_id};
}

bool IkeSa::send_request(ExchangeType exchange, const wire::Payloads& payloads,
                         const Environment& env) {
    if (requests_.used_up()) { return false; }
    // Soon enough that it is done before they are (RFC 7296 2.2).
    if (requests_.nearly_used_up() && core_.rekey_at) { core_.rekey_at = env.now; }
    const wire::IkeHeader header = request_header(exchange);
    MessageBytes message = seal(header, payloads, env);
    if (message.empty()) { return false; }
    env.count_message(core_, exchange, true, false);
    env.exchange_event(core_, "sending " + wire::describe(header, payloads));
    requests_.send(std::move(message), env.now);
    transmit(requests_.message(), env);
    return true;
}

void IkeSa::respond(const Datagram& datagram, const wire::IkeHeader& request,
                    const wire::Payloads& payloads, const Environment& env) {
    const wire::IkeHeader header = response_header(request);
    MessageBytes message = seal(header, payloads, env);
    if (message.empty()) { return; }
    env.count_message(core_, request.exchange, true, true);
    env.exchange_event(core_, "sending " + wire::describe(header, payloads));
    responses_.answered(request.message_id, std::move(message));
    if (auto* const half = std::get_if<HalfOpen>(&state_)) {
        // What may come once more from now on came under the keys of now.
        half->before.reset();
        half->answered_before.reset();
    }
    if (responses_.nearly_used_up() && core_.rekey_at) { core_.rekey_at = env.now; }
    transmit_to(responses_.last_response(), datagram, env);
}

// Empty when the cipher has no more IVs or the message is too long for UDP: the SA is at its end.
MessageBytes IkeSa::seal(const wire::IkeHeader& header, const wire::Payloads& payloads,
                         const Environment& env) {
    const auto failed = [&](const Error& error) {
        env.failure(core_, {}, wire::to_string(header.exchange), true, error);
        return MessageBytes{};
    };
    // RFC 9329 8.5: a stream needs none.
    if (core_.peer_takes_fragments && !core_.on_tcp()) {
        const std::size_t size = env.settings().fragment_size - fragment_headers;
        auto pieces = wire::seal_fragments(header, payloads, size, *core_.outbound, env.random());
        if (!pieces) { return failed(pieces.error()); }
        return std::move(*pieces);
    }
    auto whole = wire::seal_message(header, payloads, *core_.outbound, env.random());
    if (!whole) { return failed(whole.error()); }
    return {std::move(*whole)};
}

void IkeSa::transmit(const MessageBytes& message, const Environment& env) {
    // It leaves when there is a stream again.
    if (core_.on_tcp() && core_.stream_state != StreamState::open) { return; }
    transmit_to(message,
                {.local = core_.local,
                 .remote = core_.remote,
                 .non_esp_marker = core_.nat_t_port,
                 .bytes = {},
                 .stream = core_.stream},
                env);
}

// Answers go where the request came from (RFC 7296 2.11).
void IkeSa::transmit_to(const MessageBytes& message, const Datagram& request,
                        const Environment& env) {
    last_outbound_ = env.now;
    for (const Bytes& piece : message) {
        env.emit(Transmit{
            .datagram = {.local = request.local,
                         .remote = request.remote,
                         .non_esp_marker = request.non_esp_marker,
                         .bytes = piece,
                         .dscp = core_.connection ? core_.connection->dscp : std::uint8_t{0},
                         .stream = request.stream}});
    }
}

}  // namespace culvert::ike::v2
