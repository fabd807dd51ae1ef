// IKE_SA_INIT and IKE_AUTH inside an IKE SA (RFC 7296 1.2), and what happens when nobody answers.

#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "ike/v2/bring_up.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;
using wire::NotifyType;

namespace {

// Somebody did answer: what was wrong with that says more than that nothing came.
Error no_good_answer(const SaCore& sa, const Error& doubt) {
    return {
        .code = doubt.code,
        .wanted = fmt::format("an answer from {} to IKE_SA_INIT", sa.remote.to_string()),
        .received = fmt::format("none that can be used, the last one with {}{}{}", doubt.received,
                                doubt.wanted.empty() ? "" : " in place of ", doubt.wanted),
        .remedy = doubt.remedy.empty() ? "look at what the peer sends (culvertd --log ike=trace)"
                                       : doubt.remedy};
}

}  // namespace

void IkeSa::init_answered(const wire::Message& message, const Datagram& datagram,
                          const Environment& env) {
    InitInitiator& exchange = *std::get<InitSent>(state_).exchange;
    auto outcome = exchange.handle(message, datagram.bytes, core_, env);
    std::visit(
        Overloaded{
            [&](InitInitiator::Ignored& ignored) {
                if (!ignored.why) { return; }
                env.count(core_, Counter::invalid);
                std::get<InitSent>(state_).doubt = std::move(ignored.why);
            },
            [&](InitInitiator::SendAgain) {
                requests_.restart_ids();
                requests_.send({exchange.request()}, env.now);
                env.count_message(core_, ExchangeType::ike_sa_init, true, false);
                env.exchange_event(core_, "sending the first request again, as the peer asks");
                transmit(requests_.message(), env);
            },
            [&](InitInitiator::Failed& failed) {
                const bool ours = !failed.error.notify.has_value() &&
                                  failed.error.code == ErrorCode::bad_key_material;
                handshake_failed(failed.error, "IKE_SA_INIT", ours, env);
            },
            [&](InitInitiator::Redirected& elsewhere) { redirected(elsewhere.gateway, env); },
            [&](InitInitiator::Done& done) {
                (void)requests_.answered(message.header.message_id);
                // RFC 4555 3.3: with MOBIKE also where no NAT is, as one may come in
                // between.
                if (!core_.on_tcp() &&
                    (core_.nat.esp_in_udp() || (core_.nat.supported && core_.connection->mobike))) {
                    float_to_nat_t(env);
                }
                if (const auto why = choose_childless(done.result, env)) {
                    return handshake_failed(*why, "IKE_SA_INIT", true, env);
                }
                go_on_to_auth(std::move(done.result), env);
            },
        },
        outcome);
}

void IkeSa::begin_auth(InitResult init, const Environment& env) {
    const ChildRef child = begin_ ? begin_->child : nullptr;
    const auto packet = begin_ ? begin_->packet : std::nullopt;
    auto auth = AuthInitiator::begin(core_, std::move(init), packet, child, env);
    if (!auth) { return handshake_failed(auth.error(), "IKE_AUTH", true, env); }
    const wire::Payloads payloads = auth->request(core_, env);
    enter(AuthSent{std::move(*auth)}, "all key exchanges are done", env);
    if (!send_request(ExchangeType::ike_auth, payloads, env)) {
        handshake_failed(cancelled("a message that cannot be sealed"), "IKE_AUTH", true, env);
    }
}

// RFC 6023: the Child SA may come in an exchange of its own, with a key exchange of its own.
std::optional<Error> IkeSa::choose_childless(const InitResult& init, const Environment& env) {
    const Childless wish = core_.connection->childless;
    if (wish == Childless::force && !init.peer_takes_childless) {
        return peer_lacks_childless(core_.name());
    }
    const bool has_child = begin_ && begin_->child;
    if (!has_child && !init.peer_takes_childless) { return peer_lacks_childless(core_.name()); }
    const bool alone =
        init.peer_takes_childless && (wish == Childless::force || wish == Childless::prefer);
    if (!alone || !begin_ || !begin_->child) { return std::nullopt; }
    queue_.push_front({.what = CreateChildTask{{.child = std::exchange(begin_->child, nullptr),
                                                .packet = begin_->packet}},
                       .commands = std::exchange(begin_->commands, {})});
    env.touch(core_.local_spi);
    return std::nullopt;
}

// RFC 7296 2.23: with a NAT on the way all goes on from and to port 4500.
void IkeSa::float_to_nat_t(const Environment& env) {
    if (core_.nat_t_port) { return; }
    core_.nat_t_port = true;
    core_.local.port = env.settings().port_nat_t;
    if (core_.remote.port == 500) { core_.remote.port = 4500; }
}

void IkeSa::auth_answered(const wire::Payloads& payloads, const Environment& env) {
    AuthInitiator exchange = std::move(*std::get<AuthSent>(state_).exchange);
    const std::string child_name = exchange.child_name();
    auto outcome = exchange.handle(payloads, core_, env);
    if (auto* waits = std::get_if<AuthInitiator::Waits>(&outcome)) {
        std::get<AuthSent>(state_).exchange = std::move(exchange);
        held_answer_ = payloads;
        return env.state.revocation.ask(waits->sources, core_.local_spi, env.actions);
    }
    if (const auto* more = std::get_if<AuthInitiator::Continues>(&outcome)) {
        std::get<AuthSent>(state_).exchange = std::move(exchange);
        if (!send_request(ExchangeType::ike_auth, more->request, env)) {
            handshake_failed(cancelled("a message that cannot be sealed"), "IKE_AUTH", true, env);
        }
        return;
    }
    if (auto* failed = std::get_if<AuthInitiator::Failed>(&outcome)) {
        if (failed->tell_peer) {
            // RFC 7296 2.21.2: it thinks that it is up. Said once; its liveness check does the
            // rest.
            (void)send_request(ExchangeType::informational,
                               {wire::Notify{.type = NotifyType::authentication_failed}}, env);
            requests_.abandon();
        }
        return handshake_failed(failed->error, "IKE_AUTH", failed->we_refused, env);
    }
    auto& done = std::get<AuthInitiator::Done>(outcome);
    if (done.redirect) {
        replaced_by_another_ = true;
        become_established(env);
        return redirected(*done.redirect, env);
    }
    const std::vector<CommandId> commands =
        begin_ ? std::exchange(begin_->commands, {}) : std::vector<CommandId>{};
    begin_.reset();
    become_established(env);
    keep_ticket(payloads, core_, env);
    want_mapping(env);
    if (done.child) {
        child_is_up(*done.child, std::nullopt, env);
        want_further(*done.child, env);
    }
    if (done.child_error) {
        env.failure(core_, child_name, "IKE_AUTH", done.child_we_refused, *done.child_error);
        stays_without_child(env);
        if (done.refused_spi != EspSpi{}) {
            (void)add(
                {.what = DeleteSpiTask{.protocol = done.refused_protocol, .spi = done.refused_spi}},
                env);
        }
    }
    for (const CommandId command : commands) {
        env.command_done(command,
                         done.child_error ? Status{std::unexpected(*done.child_error)} : Status{});
    }
    pump(env);
}

void IkeSa::answer_auth(const Datagram& datagram, const wire::Message& request,
                        const Environment& env) {
    if (held_request_) { return; }  // sent again while we ask about its certificate
    AuthResponder& exchange = *std::get<HalfOpen>(state_).exchange;
    auto outcome = exchange.handle(request.payloads, core_, env);
    if (auto* waits = std::get_if<AuthResponder::Waits>(&outcome)) {
        held_request_.emplace(datagram, request);
        return env.state.revocation.ask(waits->sources, core_.local_spi, env.actions);
    }
    if (auto* refused = std::get_if<AuthResponder::Refused>(&outcome)) {
        respond(datagram, request.header, refused->response, env);
        env.failure(core_, {}, "IKE_AUTH", true, refused->error);
        return reject("its IKE_AUTH was refused", env);
    }
    if (auto* more = std::get_if<AuthResponder::Continues>(&outcome)) {
        return respond(datagram, request.header, more->response, env);
    }
    auto& accepted = std::get<AuthResponder::Accepted>(outcome);
    respond(datagram, request.header, accepted.response, env);
    become_established(env);
    if (accepted.redirect) {
        // What it had here stays until it has gone, unless it says that there is nothing.
        if (accepted.initial_contact) { enforce_uniqueness(core_, true, env); }
        return await_leaving(*accepted.redirect, env);
    }
    if (accepted.child) { child_is_up(*accepted.child, std::nullopt, env); }
    if (accepted.child_error) {
        env.failure(core_, {}, "IKE_AUTH", true, *accepted.child_error);
        stays_without_child(env);
    }
    enforce_uniqueness(core_, accepted.initial_contact, env);
}

// An initiator that does not trust us says so before it has proved itself.
void IkeSa::given_up_by_peer(const Datagram& datagram, const wire::Message& message,
                             const Environment& env) {
    respond(datagram, message.header, {}, env);
    // strongSwan gives up at once when it hears that its password is wrong.
    const AuthResponder& exchange = *std::get<HalfOpen>(state_).exchange;
    const auto ours = exchange.eap_refusal();
    Error why = exchange.in_eap() ? peer_gave_up_eap(core_.name(), core_.remote_id)
                                  : peer_gave_up_rounds(core_.name(), core_.remote_id);
    env.failure(core_, {}, "IKE_AUTH", ours.has_value(), ours ? *ours : why);
    reject("the peer gave up", env);
}

void IkeSa::stays_without_child(const Environment& env) {
    if (env.settings().close_ike_on_child_failure) {
        env.event(core_, EventKind::note, Severity::info,
                  fmt::format("IKE SA {}[{}] is closed, as its Child SA was refused "
                              "(charon.close_ike_on_child_failure = yes)",
                              core_.name(), core_.unique_id));
        return close({}, env);
    }
    env.alert(core_, "keep-on-child-sa-failure", Severity::debug,
              fmt::format("IKE SA {}[{}] stays up without the Child SA that was refused",
                          core_.name(), core_.unique_id));
}

void IkeSa::revocation_known(const Environment& env) {
    env.touch(core_.local_spi);
    if (std::holds_alternative<AuthSent>(state_) && held_answer_) {
        const wire::Payloads answer = *std::exchange(held_answer_, std::nullopt);
        return auth_answered(answer, env);
    }
    if (std::holds_alternative<HalfOpen>(state_) && held_request_) {
        const auto [datagram, request] = *std::exchange(held_request_, std::nullopt);
        return answer_auth(datagram, request, env);
    }
}

void IkeSa::handshake_failed(const Error& error, std::string_view exchange, bool we_refused,
                             const Environment& env) {
    const std::string child = begin_ && begin_->child ? begin_->child->name : std::string{};
    env.failure(core_, child, exchange, we_refused, error);
    fail_all(error, env);
    forget(env);
}

// True if it was a ticket that nobody answers: now from the beginning.
bool IkeSa::resume_in_vain(const Environment& env) {
    auto* init = std::get_if<InitSent>(&state_);
    if (init == nullptr || !init->exchange->resumes()) { return false; }
    init->exchange->forget_ticket(core_, env);
    requests_.restart_ids();
    requests_.send({init->exchange->request()}, env.now);
    env.exchange_event(core_,
                       "sending IKE_SA_INIT request 0, as nobody answers IKE_SESSION_RESUME");
    transmit(requests_.message(), env);
    return true;
}

// RFC 5723 4.1: an IKE SA that is closed is not to be resumed.
void IkeSa::end_tickets(const Environment& env) {
    env.state.tickets.forget(core_.name(), std::exchange(core_.ticket_kept, 0));
    if (const auto given = std::exchange(core_.ticket, std::nullopt)) {
        env.state.ticket_office.spend(given->id, given->expires, env.now);
    }
}

Error IkeSa::no_answer(ExchangeType exchange, const SentSize& size, const Environment& env) const {
    const std::string hint = env.send_hint(core_.remote.address);
    return core_.on_tcp() ? peer_unreachable_by_tcp(core_.name(), core_.remote, exchange, hint)
                          : peer_unreachable(core_.name(), core_.remote, exchange,
                                             env.settings().retransmit.tries + 1, hint, size);
}

// All retransmissions of a request went unanswered (RFC 7296 2.4).
void IkeSa::unanswered(const SentSize& size, const Environment& env) {
    if (std::holds_alternative<Rekeyed>(state_) || std::holds_alternative<Deleting>(state_)) {
        if (active_) {
            const ActiveExchange ended = std::move(*std::exchange(active_, std::nullopt));
            finish(ended.task, {}, env);  // gone is gone
        }
        return forget(env);
    }
    if (!connecting()) { return peer_is_dead(env); }
    const ExchangeType exchange =
        std::holds_alternative<InitSent>(state_) ? ExchangeType::ike_sa_init : awaited_exchange();
    const auto* const init = std::get_if<InitSent>(&state_);
    const Error error = init != nullptr && init->doubt ? no_good_answer(core_, *init->doubt)
                                                       : no_answer(exchange, size, env);
    if (fall_back_to_tcp(env)) { return; }
    if (start_next_round(env)) {
        env.failure(core_, {}, wire::to_string(exchange), false, error);
        return forget(env);
    }
    handshake_failed(error, wire::to_string(exchange), false, env);
}

// swanctl's keyingtries.
bool IkeSa::start_next_round(const Environment& env) {
    if (!begin_ || close_wanted_ || (begin_->rounds_left == 0 && !begin_->for_ever)) {
        return false;
    }
    Begin next = std::move(*std::exchange(begin_, std::nullopt));
    if (!next.for_ever) { --next.rounds_left; }
    next.tcp = false;
    begin_anew(std::move(next), env);
    return true;
}

namespace {

// What decides whether and where an answer comes from. A name's addresses may be in another order.
bool goes_the_same_way(const Connection& a, const Connection& b) {
    const auto alike = [](const std::vector<AddressPattern>& one,
                          const std::vector<AddressPattern>& other) {
        return std::ranges::equal(one, other, {}, &AddressPattern::text, &AddressPattern::text);
    };
    return alike(a.remote_addrs, b.remote_addrs) && alike(a.local_addrs, b.local_addrs) &&
           a.remote_port == b.remote_port && a.proposals == b.proposals && a.encap == b.encap &&
           a.tcp == b.tcp && a.tcp_port == b.tcp_port;
}

}  // namespace

// While nobody has answered there is nothing to lose: what was changed is tried at once.
void IkeSa::follow_configuration(const Connection& now, const Environment& env) {
    if (!begin_ || close_wanted_ || !connecting() || goes_the_same_way(*core_.connection, now)) {
        return;
    }
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}]: its connection was changed, it begins anew", core_.name(),
                          core_.unique_id));
    begin_anew(std::move(*std::exchange(begin_, std::nullopt)), env);
    forget(env);
}

// To where the peer is now, from where we are: names get other addresses, and so do we. A redirect
// ends, too.
void IkeSa::begin_anew(Begin next, const Environment& env) {
    next.redirected_from.reset();
    if (auto current = find_connection(env.state.config, next.connection->name)) {
        if (next.child) {
            if (auto child = find_child(current, next.child->name)) {
                next.child = std::move(child);
                next.connection = std::move(current);
            }
        } else {
            next.connection = std::move(current);
        }
    }
    if (const auto first = remote_address_of(*next.connection)) {
        next.remote = {*first, next.connection->remote_port};
        next.local = local_end(*next.connection, *first, env);
    }
    go_on_with(std::move(next), env);
}

// What waits for this IKE SA waits for the one that begins now.
void IkeSa::go_on_with(Begin next, const Environment& env) {
    const std::vector<CommandId> commands = next.commands;
    const auto begun = initiate(std::move(next), env);
    if (!begun) {
        for (const CommandId command : commands) {
            env.command_done(command, std::unexpected(begun.error()));
        }
        return;
    }
    IkeSa& following = *env.find(*begun);
    following.replaces_ = std::exchange(replaces_, std::nullopt);
    following.queue_ = std::exchange(queue_, {});
}

}  // namespace culvert::ike::v2
