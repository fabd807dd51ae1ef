// Messages that come in to an IKE SA: windows, ciphers, fragments, and whose turn it is.

#include <utility>

#include <fmt/format.h>

#include "base/writer.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;
using wire::NotifyType;

void IkeSa::handle(const Datagram& datagram, const wire::IkeHeader& header,
                   const Environment& env) {
    if (gone()) { return; }
    // S-03: our own message sent back to us carries our own role.
    if (header.flags.initiator == core_.original_initiator) {
        env.count(core_, Counter::invalid);
        return;
    }
    const IkeSpi theirs = core_.original_initiator ? header.responder_spi : header.initiator_spi;
    if (core_.remote_spi != IkeSpi{} && theirs != core_.remote_spi) {
        env.count(core_, Counter::invalid_spi);
        return;
    }
    if (peer_shows_loss(datagram, header, env)) {
        // Dealt with.
    } else if (header.exchange == ExchangeType::ike_sa_init ||
               header.exchange == ExchangeType::ike_session_resume) {
        handle_init(datagram, header, env);
    } else {
        handle_protected(datagram, header, env);
    }
    env.touch(core_.local_spi);
}

void IkeSa::handle_init(const Datagram& datagram, const wire::IkeHeader& header,
                        const Environment& env) {
    const bool expected = std::holds_alternative<InitSent>(state_) && header.flags.response &&
                          requests_.waits_for(header.message_id) &&
                          datagram.remote.address == core_.remote.address;
    if (!expected) { return; }
    const auto message = wire::parse_message(datagram.bytes);
    if (!message) {
        env.count(core_, Counter::invalid);
        std::get<InitSent>(state_).doubt = message.error();
        return;  // anybody could have sent it
    }
    env.count_message(core_, header.exchange, false, true);
    env.exchange_event(core_, "received " + wire::describe(*message));
    init_answered(*message, datagram, env);
}

void IkeSa::resend_init_response(const Datagram& request, const Environment& env) {
    const auto* half = std::get_if<HalfOpen>(&state_);
    // S-06: the same SPI with another message, or from elsewhere, makes nothing new.
    // A TCP connection that broke comes again from another port.
    const bool same_end = request.stream != StreamId{} && core_.on_tcp()
                              ? request.remote.address == core_.remote.address
                              : request.remote == core_.remote && !core_.on_tcp();
    if (half == nullptr || request.bytes != half->exchange->init_request() || !same_end) { return; }
    env.state.counters.count_message(ExchangeType::ike_sa_init, true, true);
    transmit_to(responses_.last_response(), request, env);
}

void IkeSa::handle_protected(const Datagram& datagram, const wire::IkeHeader& header,
                             const Environment& env) {
    if (!core_.inbound) { return; }
    const auto window = responses_.judge(header.message_id);
    if (header.flags.response) {
        if (!requests_.waits_for(header.message_id)) { return; }  // S-02: answers nothing
    } else if (window == ResponseWindow::Kind::retransmitted &&
               header.next_payload == wire::PayloadType::skf) {
        // RFC 7383 2.6.1: the first fragment alone stands for the retransmitted whole.
        const auto fragment = wire::open_fragment(datagram.bytes, cipher_for(window, false));
        if (fragment && fragment->number == 1) { answer_again(datagram, env); }
        return;
    }
    // RFC 7383 2.6: pieces of what is over must not mix with those of what is to come.
    if (!header.flags.response && header.next_payload == wire::PayloadType::skf &&
        window == ResponseWindow::Kind::out_of_window) {
        return env.count(core_, Counter::invalid);
    }
    const auto* half = std::get_if<HalfOpen>(&state_);
    // What came late, under keys that are no more (RFC 9370 2.2.2), is no forgery.
    if (half != nullptr && window == ResponseWindow::Kind::out_of_window) { return; }
    const auto* rejected = std::get_if<Rejected>(&state_);
    const unsigned bad =
        half != nullptr ? half->bad_decrypts : (rejected != nullptr ? rejected->bad_decrypts : 0);
    if (bad >= bad_decrypts_half_open_max) { return; }

    auto opened = open(datagram, header, cipher_for(window, header.flags.response));
    if (!opened) { return; }  // more fragments are to come
    if (!*opened) {
        const Error& error = opened->error();
        if (error.notify) { return refuse_message(datagram, header, error, env); }
        env.count(core_, Counter::invalid);
        return count_bad_decrypt(env);
    }
    const wire::Message& message = **opened;
    // A replay is no sign of life (RFC 7296 2.4).
    const bool is_news = header.flags.response || window == ResponseWindow::Kind::fresh;
    if (is_news) { last_inbound_ = env.now; }
    stream_proved_ = stream_proved_ || (is_news && datagram.stream == core_.stream);
    if (header.flags.response) {
        env.count_message(core_, header.exchange, false, true);
        follow_peer(datagram, env);
        return handle_response(message, env);
    }
    switch (window) {
        case ResponseWindow::Kind::fresh: break;
        case ResponseWindow::Kind::retransmitted:
            env.alert(core_, "retransmit-receive", Severity::debug,
                      fmt::format("request {} came once more from {}: answering it again",
                                  header.message_id.value(), datagram.remote.to_string()));
            return answer_again(datagram, env);
        case ResponseWindow::Kind::out_of_window: {
            env.count(core_, Counter::invalid);
            // RFC 7296 2.3: optional, not as an answer, and seldom.
            if (!established() || env.now - last_id_complaint_ < minutes{1}) { return; }
            last_id_complaint_ = env.now;
            Writer id;
            id.u32(header.message_id.value());
            (void)add({.what = InformTask{{wire::Notify{.type = NotifyType::invalid_message_id,
                                                        .data = id.take()}}}},
                      env);
            return;
        }
    }
    // Who it is for is not settled before IKE_AUTH is answered.
    if (std::holds_alternative<HalfOpen>(state_)) {
        env.state.counters.count_message(header.exchange, false, false);
    } else {
        env.count_message(core_, header.exchange, false, false);
    }
    follow_peer(datagram, env);
    handle_request(datagram, message, env);
}

std::optional<Result<wire::Message>> IkeSa::open(const Datagram& datagram,
                                                 const wire::IkeHeader& header,
                                                 const crypto::IkeCipher& cipher) {
    if (header.next_payload != wire::PayloadType::skf) {
        return wire::open_message(datagram.bytes, cipher);
    }
    auto fragment = wire::open_fragment(datagram.bytes, cipher);
    if (!fragment) { return std::unexpected(std::move(fragment).error()); }
    auto& pieces = header.flags.response ? response_fragments_ : fragments_;
    if (!pieces || !pieces->is_for(header.message_id)) { pieces.emplace(header.message_id); }
    auto whole = pieces->add(std::move(*fragment));
    if (whole) { pieces.reset(); }
    return whole;
}

const crypto::IkeCipher& IkeSa::cipher_for(ResponseWindow::Kind window, bool response) const {
    const auto* half = std::get_if<HalfOpen>(&state_);
    const bool before = !response && half != nullptr && half->before &&
                        window == ResponseWindow::Kind::retransmitted;
    return before ? *half->before : *core_.inbound;
}

void IkeSa::count_bad_decrypt(const Environment& env) {
    unsigned* count = nullptr;
    if (auto* half = std::get_if<HalfOpen>(&state_)) { count = &half->bad_decrypts; }
    if (auto* rejected = std::get_if<Rejected>(&state_)) { count = &rejected->bad_decrypts; }
    if (count == nullptr || ++*count != bad_decrypts_half_open_max) { return; }
    env.stranger_failure(
        core_.name(), core_.remote, "IKE_AUTH",
        {.code = ErrorCode::integrity_check_failed,
         .wanted = "an IKE_AUTH request under the keys of its IKE_SA_INIT",
         .received = fmt::format("{} messages that do not decrypt", bad_decrypts_half_open_max),
         .remedy = "nothing, if this is an attack; else look for what damages UDP on the way"});
}

// RFC 7296 2.23: the one behind the NAT moves, the other follows what is authenticated.
void IkeSa::follow_peer(const Datagram& datagram, const Environment& env) {
    const bool half_open = std::holds_alternative<HalfOpen>(state_);
    if (half_open) {
        core_.local = datagram.local;
        core_.remote = datagram.remote;
        core_.nat_t_port = datagram.non_esp_marker;
        core_.came_by(datagram.stream);
        return;
    }
    if (datagram.stream != StreamId{} || core_.on_tcp()) { return follow_to_stream(datagram, env); }
    // RFC 4555 3.8: with MOBIKE only UPDATE_SA_ADDRESSES moves it (and ESP, by the plane).
    if (core_.mobike.on) {
        core_.mobike.last_from = datagram.remote;
        return;
    }
    if (!core_.nat.remote || datagram.remote == core_.remote) { return; }
    mapping_changed(datagram.remote, env);
}

void IkeSa::mapping_changed(const Endpoint& remote, const Environment& env) {
    if (!core_.nat.remote || remote == core_.remote || !established() || core_.on_tcp()) { return; }
    // What it costs us is many times what it costs a peer that flaps.
    if (!mapping_changes_.allow(env.now)) { return; }
    const std::string text =
        fmt::format("IKE SA {}[{}]: the peer's NAT mapping went from {} to {}", core_.name(),
                    core_.unique_id, core_.remote.to_string(), remote.to_string());
    core_.remote = remote;
    for (const Child& child : core_.children) {
        env.emit(UpdateEndpoints{.id = child.id,
                                 .local = core_.local,
                                 .remote = core_.remote,
                                 .udp_encap = child.udp_encap,
                                 .stream = core_.stream});
    }
    env.updated_event(core_, text);
}

void IkeSa::handle_request(const Datagram& datagram, const wire::Message& request,
                           const Environment& env) {
    const ExchangeType exchange = request.header.exchange;
    const bool half_open = std::holds_alternative<HalfOpen>(state_);
    const bool intermediate =
        half_open && std::get<HalfOpen>(state_).exchange->init().intermediate_possible;
    const bool gives_up =
        half_open && std::get<HalfOpen>(state_).exchange->in_between() &&
        exchange == ExchangeType::informational &&
        wire::find_notify(request.payloads, NotifyType::authentication_failed) != nullptr;
    const bool takes = half_open ? exchange == ExchangeType::ike_auth || gives_up ||
                                       (intermediate && exchange == ExchangeType::ike_intermediate)
                                 : (exchange == ExchangeType::create_child_sa ||
                                    (followed_up_ && exchange == ExchangeType::ike_followup_ke) ||
                                    exchange == ExchangeType::informational);
    const bool open_for_requests = half_open || established() ||
                                   std::holds_alternative<Rekeyed>(state_) ||
                                   std::holds_alternative<Deleting>(state_);
    if (!takes || !open_for_requests) {  // S-01, S-15
        env.count(core_, Counter::invalid);
        return;
    }
    env.exchange_event(core_, "received " + wire::describe(request));
    if (const auto critical = wire::unknown_critical(request.payloads)) {
        respond(datagram, request.header,
                {wire::Notify{.type = NotifyType::unsupported_critical_payload,
                              .data = {std::to_underlying(*critical)}}},
                env);
        return env.failure(core_, {}, wire::to_string(exchange), true,
                           wire::unsupported_critical_payload(*critical));
    }
    if (half_open && exchange == ExchangeType::ike_intermediate) {
        return answer_intermediate(datagram, request, env);
    }
    if (gives_up) { return given_up_by_peer(datagram, request, env); }
    if (half_open) {
        std::get<HalfOpen>(state_).before.reset();  // nothing under the keys before comes any more
        return answer_auth(datagram, request, env);
    }
    const wire::Payloads answer = answer_request(request, datagram, env);
    // RFC 7296 2.21.3: fatal on both sides.
    if (!end_after_answer_ &&
        wire::find_notify(answer, wire::NotifyType::invalid_syntax) != nullptr) {
        end_after_answer_ = "the peer's request makes no sense";
    }
    respond(datagram, request.header, answer, env);
    pump_successor(env);
    if (end_after_answer_) {
        const std::string why = *std::exchange(end_after_answer_, std::nullopt);
        return vanish(why, env);
    }
    pump(env);
}

// The ICV was right and what it covers is broken (RFC 7296 2.21.3): fatal on both sides.
void IkeSa::refuse_message(const Datagram& datagram, const wire::IkeHeader& header,
                           const Error& error, const Environment& env) {
    env.count(core_, Counter::invalid);
    if (header.flags.response) {
        env.failure(core_, {}, wire::to_string(header.exchange), true, error);
        if (!established()) { return vanish("the peer's answer cannot be read", env); }
        return end_and_restart(error, &ChildConfig::dpd_action, env);
    }
    if (responses_.judge(header.message_id) != ResponseWindow::Kind::fresh) { return; }
    respond(datagram, header, {wire::Notify{.type = *error.notify}}, env);
    env.failure(core_, {}, wire::to_string(header.exchange), true, error);
    if (std::holds_alternative<HalfOpen>(state_)) { return reject("its IKE_AUTH is broken", env); }
    if (!established()) { return vanish("the peer's request cannot be read", env); }
    end_and_restart(error, &ChildConfig::dpd_action, env);
}

void IkeSa::handle_response(const wire::Message& response, const Environment& env) {
    if (response.header.exchange != awaited_exchange()) {
        return env.count(core_, Counter::invalid);
    }
    const unsigned tries = requests_.tries();
    if (!requests_.answered(response.header.message_id)) { return; }
    if (tries > 0) {
        env.alert(core_, "retransmit-send-cleared", Severity::debug,
                  fmt::format("{} answered request {} after {} retransmissions",
                              core_.remote.to_string(), response.header.message_id.value(), tries));
    }
    env.exchange_event(core_, "received " + wire::describe(response));
    if (const auto critical = wire::unknown_critical(response.payloads)) {
        return refuse_response(response, wire::unsupported_critical_payload(*critical), env);
    }
    if (std::holds_alternative<IntermediateSent>(state_)) {
        return intermediate_answered(response, env);
    }
    if (std::holds_alternative<AuthSent>(state_)) { return auth_answered(response.payloads, env); }
    if (established() &&
        wire::find_notify(response.payloads, wire::NotifyType::invalid_syntax) != nullptr) {
        return ended_by_peer(response.header.exchange, env);
    }
    active_answered(response.payloads, env);
    pump_successor(env);
    pump(env);
}

// RFC 7296 2.21.3: what makes no sense to it ends the IKE SA, for both.
void IkeSa::ended_by_peer(ExchangeType exchange, const Environment& env) {
    const Error error{.code = ErrorCode::peer_refused,
                      .wanted = fmt::format("an answer to our {}", wire::to_string(exchange)),
                      .received = "INVALID_SYNTAX, which ends the IKE SA",
                      .remedy =
                          "this is a fault of one of the two ends: the peer's log may tell "
                          "what it could not read"};
    env.failure(core_, {}, wire::to_string(exchange), false, error);
    end_and_restart(error, &ChildConfig::dpd_action, env);
}

// RFC 7296 2.5: it is answered, and what that has done at the peer cannot be known. The peer is
// told once that this is the end.
void IkeSa::refuse_response(const wire::Message& response, const Error& error,
                            const Environment& env) {
    env.count(core_, Counter::invalid);
    (void)send_request(ExchangeType::informational, {wire::Delete::ike_sa()}, env);
    requests_.abandon();
    const std::string exchange{wire::to_string(response.header.exchange)};
    if (connecting()) { return handshake_failed(error, exchange, true, env); }
    env.failure(core_, {}, exchange, true, error);
    end_and_restart(error, &ChildConfig::dpd_action, env);
}

ExchangeType IkeSa::awaited_exchange() const {
    if (std::holds_alternative<IntermediateSent>(state_)) { return ExchangeType::ike_intermediate; }
    if (!active_) { return ExchangeType::ike_auth; }
    const auto creates = [](const auto* exchange) {
        return exchange->follows_up() ? ExchangeType::ike_followup_ke
                                      : ExchangeType::create_child_sa;
    };
    if (const auto* child = std::get_if<CreateChild>(&active_->what)) { return creates(child); }
    if (const auto* rekey = std::get_if<RekeyIke>(&active_->what)) { return creates(rekey); }
    return ExchangeType::informational;
}

}  // namespace culvert::ike::v2
