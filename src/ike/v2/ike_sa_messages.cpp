// Messages in and out of an IKE SA: checks before and after decryption, windows, fragments.

#include <fmt/format.h>

#include <algorithm>

#include "base/overloaded.hpp"
#include "base/writer.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

void IkeSa::handle(const Datagram& datagram, const wire::IkeHeader& header,
                   const Environment& env) {
    env.touch(core_.local_spi);
    if (header.exchange == wire::ExchangeType::ike_sa_init) {
        return handle_init(datagram, header, env);
    }
    const IkeSpi peer = header.flags.initiator ? header.initiator_spi : header.responder_spi;
    // S-03: what comes from the peer has the peer's role in it; our own words reflected have not.
    if (header.flags.initiator == core_.original_initiator || peer != core_.remote_spi ||
        !core_.inbound) {
        env.state.counters.count(Counter::invalid);
        return;
    }
    handle_protected(datagram, header, env);
}

void IkeSa::handle_init(const Datagram& datagram, const wire::IkeHeader& header,
                        const Environment& env) {
    const bool awaited = header.flags.response && !header.flags.initiator &&
                         header.message_id == MessageId{0} &&
                         std::holds_alternative<InitSent>(state_) &&
                         requests_.waits_for(MessageId{0}) && datagram.remote == core_.remote;
    if (!awaited) {
        env.state.counters.count(Counter::invalid);
        return;
    }
    const auto message = wire::parse_message(datagram.bytes);
    if (!message || wire::is_protected(*message)) {
        env.state.counters.count(Counter::invalid);
        return;
    }
    env.state.counters.count_message(header.exchange, false, true);
    env.exchange_event(core_, "received " + wire::describe(*message));
    init_answered(*message, datagram, env);
}

void IkeSa::resend_init_response(const Datagram& request, const Environment& env) {
    env.touch(core_.local_spi);
    const auto* half_open = std::get_if<HalfOpen>(&state_);
    // S-04, S-06: the answer goes to the exact retransmission from the same address alone.
    if (half_open == nullptr || request.remote != core_.remote ||
        request.bytes != half_open->exchange.init_request()) {
        return;
    }
    env.state.counters.count_message(wire::ExchangeType::ike_sa_init, true, true);
    transmit_to({half_open->exchange.init_response()}, request, env);
}

// Before the peer is known, broken messages are decrypted only so often (RFC 8019 4.2, A-05).
bool IkeSa::spend_decrypt() {
    unsigned* spent = nullptr;
    if (auto* half_open = std::get_if<HalfOpen>(&state_)) { spent = &half_open->bad_decrypts; }
    if (auto* lingering = std::get_if<Lingering>(&state_)) { spent = &lingering->bad_decrypts; }
    return spent == nullptr || (*spent)++ < bad_decrypts_half_open_max;
}

void IkeSa::handle_protected(const Datagram& datagram, const wire::IkeHeader& header,
                             const Environment& env) {
    const bool response = header.flags.response;
    if (std::holds_alternative<Gone>(state_)) { return; }
    if (response && !requests_.waits_for(header.message_id)) { return; }  // S-02
    if (!spend_decrypt()) { return; }
    auto opened = open(datagram, header);
    if (!opened) { return; }  // a fragment of more to come, or nothing that fits
    if (!*opened) {
        env.state.counters.count(Counter::invalid);
        const Error& error = opened->error();
        // With a notify it was authentic, and broken inside (RFC 7296 2.21.3).
        if (error.notify && !response) { refuse_message(datagram, header, error, env); }
        return;
    }
    const wire::Message& message = **opened;
    env.state.counters.count_message(header.exchange, false, response);
    last_inbound_ = env.now;
    if (response) {
        if (header.exchange != wire::ExchangeType::ike_auth &&
            header.exchange != wire::ExchangeType::create_child_sa &&
            header.exchange != wire::ExchangeType::informational) {
            return;
        }
        env.exchange_event(core_, "received " + wire::describe(message));
        return handle_response(message, env);
    }
    handle_request(datagram, message, env);
}

std::optional<Result<wire::Message>> IkeSa::open(const Datagram& datagram,
                                                 const wire::IkeHeader& header) {
    if (header.next_payload != wire::PayloadType::skf) {
        return wire::open_message(datagram.bytes, *core_.inbound);
    }
    auto fragment = wire::open_fragment(datagram.bytes, *core_.inbound);
    if (!fragment) { return Result<wire::Message>{std::unexpected(std::move(fragment).error())}; }
    if (!header.flags.response &&
        responses_.judge(header.message_id) == ResponseWindow::Kind::retransmitted) {
        // RFC 7383 2.6.1: only the first fragment of a retransmission gets the answer again.
        if (fragment->number != 1) { return std::nullopt; }
        return Result<wire::Message>{wire::Message{.header = header}};
    }
    if (!fragments_ || !fragments_->is_for(header.message_id, header.flags.response)) {
        fragments_.emplace(header.message_id, header.flags.response);
    }
    auto whole = fragments_->add(std::move(*fragment));
    if (whole) { fragments_.reset(); }
    return whole;
}

void IkeSa::handle_request(const Datagram& datagram, const wire::Message& request,
                           const Environment& env) {
    switch (responses_.judge(request.header.message_id)) {
        case ResponseWindow::Kind::fresh: break;
        case ResponseWindow::Kind::retransmitted:
            if (request.header.message_id == MessageId{0} &&
                std::holds_alternative<HalfOpen>(state_)) {
                return;  // its answer is the clear one of IKE_SA_INIT
            }
            env.event(core_, EventKind::retransmit, Severity::debug,
                      fmt::format("IKE SA {}[{}]: request {} came again, the answer goes again",
                                  core_.name(), core_.unique_id,
                                  request.header.message_id.value()));
            env.state.counters.count_message(request.header.exchange, true, true);
            return transmit_to(responses_.last_response(), datagram, env);
        case ResponseWindow::Kind::out_of_window:
            return complain_of_id(request.header.message_id, env);
    }
    env.exchange_event(core_, "received " + wire::describe(request));
    if (const auto critical = wire::unknown_critical(request.payloads)) {
        return refuse_message(datagram, request.header,
                              wire::unsupported_critical_payload(*critical), env);
    }
    const auto exchange = request.header.exchange;
    // S-01: which exchange may come in which state.
    std::visit(
        Overloaded{
            [&](HalfOpen&) {
                if (exchange != wire::ExchangeType::ike_auth) { return; }
                answer_auth(datagram, request, env);
            },
            [&](Established&) { answer_established(datagram, request, env); },
            [&](Rekeyed&) { answer_established(datagram, request, env); },
            [&](Deleting&) { answer_established(datagram, request, env); },
            [](InitSent&) {},   // no keys, no peer yet
            [](AuthSent&) {},   // the peer is not authenticated: it comes again
            [](Lingering&) {},  // all is said
            [](Gone&) {},
        },
        state_);
}

void IkeSa::answer_established(const Datagram& datagram, const wire::Message& request,
                               const Environment& env) {
    const auto exchange = request.header.exchange;
    if (exchange != wire::ExchangeType::create_child_sa &&
        exchange != wire::ExchangeType::informational) {
        return;
    }
    follow_peer(datagram, env);
    const IkeSpi self = core_.local_spi;
    const wire::Payloads response = answer_request(request, env);
    respond(datagram, request.header, response, env);
    if (end_after_response_) {
        const Error why = *std::exchange(end_after_response_, std::nullopt);
        end(why, true, env);
        return;
    }
    if (IkeSa* still = env.find(self)) { still->pump(env); }
}

// RFC 7296 2.23: a peer behind a NAT may come from elsewhere with each new request. Replayed
// messages never get here.
void IkeSa::follow_peer(const Datagram& datagram, const Environment& env) {
    if (datagram.remote == core_.remote && datagram.local == core_.local) { return; }
    const bool first = std::holds_alternative<HalfOpen>(state_);
    if (!first && (!core_.nat.remote || core_.nat.local)) { return; }
    core_.remote = datagram.remote;
    core_.local = datagram.local;
    core_.nat_t_port = datagram.non_esp_marker;
    for (const Child& child : core_.children) {
        env.emit(UpdateEndpoints{.id = child.id,
                                 .local = core_.local,
                                 .remote = core_.remote,
                                 .udp_encap = child.udp_encap});
    }
    if (!first) {
        env.event(core_, EventKind::ike_updated, Severity::info,
                  fmt::format("IKE SA {}[{}]: the peer is at {} now", core_.name(),
                              core_.unique_id, core_.remote.to_string()));
    }
}

// An authentic request that cannot be understood: answered with the notify. Broken syntax ends the
// IKE SA (RFC 7296 2.21.3), an unknown critical payload only the exchange.
void IkeSa::refuse_message(const Datagram& datagram, const wire::IkeHeader& header,
                           const Error& error, const Environment& env) {
    if (responses_.judge(header.message_id) != ResponseWindow::Kind::fresh ||
        std::holds_alternative<Lingering>(state_) || std::holds_alternative<AuthSent>(state_)) {
        return;
    }
    wire::Notify notify{.type = error.notify.value_or(NotifyType::invalid_syntax)};
    const bool critical = error.code == ErrorCode::unsupported_critical_payload;
    if (critical) {
        const auto opened = wire::open_message(datagram.bytes, *core_.inbound);
        const auto type = opened ? wire::unknown_critical(opened->payloads) : std::nullopt;
        if (type) { notify.data = {std::to_underlying(*type)}; }
    }
    env.failure(core_, {}, wire::to_string(header.exchange), true, error);
    respond(datagram, header, {std::move(notify)}, env);
    if (!critical) { end(error, true, env); }
}

// RFC 7296 2.3: outside of the window nothing is answered; the peer may be told, now and then.
void IkeSa::complain_of_id(MessageId id, const Environment& env) {
    env.state.counters.count(Counter::invalid);
    const bool told_lately = last_id_complaint_ != Instant{} &&
                             env.now - last_id_complaint_ < id_complaint_interval;
    // Ids below the window are late duplicates, nothing to complain of.
    if (!established() || told_lately || id < responses_.expected()) { return; }
    last_id_complaint_ = env.now;
    Writer data;
    data.u32(id.value());
    add({.what = InformTask{.payloads = {wire::Notify{.type = NotifyType::invalid_message_id,
                                                      .data = data.take()}}}},
        env);
}

void IkeSa::handle_response(const wire::Message& response, const Environment& env) {
    if (std::holds_alternative<AuthSent>(state_)) {
        if (response.header.exchange != wire::ExchangeType::ike_auth) { return; }
        requests_.answered(response.header.message_id);
        return auth_answered(response.payloads, env);
    }
    if (!active_ || response.header.exchange == wire::ExchangeType::ike_auth) { return; }
    requests_.answered(response.header.message_id);
    active_answered(response.payloads, env);
}

bool IkeSa::send_request(wire::ExchangeType exchange, const wire::Payloads& payloads,
                         const Environment& env) {
    const wire::IkeHeader header{.initiator_spi = core_.initiator_spi(),
                                 .responder_spi = core_.responder_spi(),
                                 .exchange = exchange,
                                 .flags = {.initiator = core_.original_initiator},
                                 .message_id = requests_.next_id()};
    MessageBytes message = seal(header, payloads, env);
    if (message.empty()) { return false; }
    env.exchange_event(core_, "sending " + wire::describe(header, payloads));
    env.state.counters.count_message(exchange, true, false);
    transmit(message, env);
    requests_.send(std::move(message), env.now);
    env.touch(core_.local_spi);
    return true;
}

void IkeSa::respond(const Datagram& datagram, const wire::IkeHeader& request,
                    const wire::Payloads& payloads, const Environment& env) {
    const wire::IkeHeader header{
        .initiator_spi = core_.initiator_spi(),
        .responder_spi = core_.responder_spi(),
        .exchange = request.exchange,
        .flags = {.initiator = core_.original_initiator, .response = true},
        .message_id = request.message_id};
    MessageBytes message = seal(header, payloads, env);
    if (message.empty()) { return; }
    env.exchange_event(core_, "sending " + wire::describe(header, payloads));
    env.state.counters.count_message(request.exchange, true, true);
    transmit_to(message, datagram, env);
    responses_.answered(request.message_id, std::move(message));
}

MessageBytes IkeSa::seal(const wire::IkeHeader& header, const wire::Payloads& payloads,
                         const Environment& env) {
    if (core_.peer_takes_fragments) {
        auto fragments =
            wire::seal_fragments(header, payloads, fragment_size, *core_.outbound, env.random());
        if (fragments) { return std::move(*fragments); }
        env.failure(core_, {}, wire::to_string(header.exchange), true, fragments.error());
        return {};
    }
    auto whole = wire::seal_message(header, payloads, *core_.outbound, env.random());
    if (!whole) {
        env.failure(core_, {}, wire::to_string(header.exchange), true, whole.error());
        return {};
    }
    MessageBytes message;
    message.push_back(std::move(*whole));
    return message;
}

void IkeSa::transmit(const MessageBytes& message, const Environment& env) {
    last_outbound_ = env.now;
    for (const Bytes& bytes : message) {
        env.emit(Transmit{.datagram = {.local = core_.local,
                                       .remote = core_.remote,
                                       .non_esp_marker = core_.nat_t_port,
                                       .bytes = bytes}});
    }
}

void IkeSa::transmit_to(const MessageBytes& message, const Datagram& request,
                        const Environment& env) {
    last_outbound_ = env.now;
    for (const Bytes& bytes : message) {
        env.emit(Transmit{.datagram = {.local = request.local,
                                       .remote = request.remote,
                                       .non_esp_marker = request.non_esp_marker,
                                       .bytes = bytes}});
    }
}

}  // namespace culvert::ike::v2
