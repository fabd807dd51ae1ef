// Additional key exchanges of an IKE SA and of its Child SAs (RFC 9370): IKE_INTERMEDIATE before
// IKE_AUTH, IKE_FOLLOWUP_KE behind CREATE_CHILD_SA.

#include <utility>

#include "base/overloaded.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;
using wire::NotifyType;

// ---- IKE_INTERMEDIATE

void IkeSa::go_on_to_auth(InitResult init, const Environment& env) {
    if (init.kes_left.empty()) { return begin_auth(std::move(init), env); }
    auto exchange = IntermediateInitiator::begin(std::move(init), env);
    if (!exchange) { return handshake_failed(exchange.error(), "IKE_INTERMEDIATE", true, env); }
    exchange->sent(request_header(ExchangeType::ike_intermediate));
    const wire::Payloads payloads = exchange->request();
    if (!std::holds_alternative<IntermediateSent>(state_)) {
        enter(IntermediateSent{std::move(*exchange)}, "IKE_SA_INIT is done", env);
    } else {
        std::get<IntermediateSent>(state_).exchange = std::move(*exchange);
    }
    if (!send_request(ExchangeType::ike_intermediate, payloads, env)) {
        handshake_failed(cancelled("a message that cannot be sealed"), "IKE_INTERMEDIATE", true,
                         env);
    }
}

void IkeSa::intermediate_answered(const wire::Message& response, const Environment& env) {
    IntermediateInitiator exchange = std::move(*std::get<IntermediateSent>(state_).exchange);
    auto outcome = exchange.handle(response, core_, env);
    if (const auto* failed = std::get_if<IntermediateInitiator::Failed>(&outcome)) {
        return handshake_failed(failed->error, "IKE_INTERMEDIATE", failed->we_refused, env);
    }
    go_on_to_auth(std::move(std::get<IntermediateInitiator::Done>(outcome).init), env);
}

void IkeSa::answer_intermediate(const Datagram& datagram, const wire::Message& request,
                                const Environment& env) {
    HalfOpen& half = std::get<HalfOpen>(state_);
    InitResult& init = half.exchange->init();
    auto answer = v2::answer_intermediate(request.payloads, init, env);
    if (!answer) {
        const Error& error = answer.error();
        respond(datagram, request.header,
                {wire::Notify{.type = error.notify.value_or(NotifyType::invalid_syntax)}}, env);
        env.failure(core_, {}, "IKE_INTERMEDIATE", true, error);
        return reject("its IKE_INTERMEDIATE was refused", env);
    }
    const Bytes covered =
        wire::covered_octets(response_header(request.header), wire::first_type(answer->payloads),
                             wire::write_payloads(answer->payloads));
    init.intermediate.cover(core_.prf(), init.sk_pi, request.covered, init.sk_pr, covered);
    respond(datagram, request.header, answer->payloads, env);
    if (!answer->shared) { return; }
    // The request may come once more, under the keys that it had.
    half.before = std::move(core_.inbound);
    half.answered_before = std::move(core_.outbound);
    take_shared_secret(*answer->shared, core_, init, env);
}

// ---- IKE_FOLLOWUP_KE

wire::Payloads IkeSa::begin_follow_up(decltype(PendingAnswer::what) what, const Environment& env) {
    wire::Payloads response =
        std::visit([](auto& started) { return std::exchange(started.response, {}); }, what);
    pending_answer_ = std::make_unique<PendingAnswer>(
        PendingAnswer{.what = std::move(what), .give_up_at = env.now + follow_up_wait});
    followed_up_ = true;
    return response;
}

void IkeSa::drop_pending_answer(const Environment& env) {
    const auto dropped = std::exchange(pending_answer_, nullptr);
    if (dropped == nullptr) { return; }
    if (const auto* child = std::get_if<StartedChild>(&dropped->what)) {
        env.release(child->agreed.inbound_spi);
    }
}

wire::Payloads IkeSa::answer_follow_up(const wire::Payloads& request, const Environment& env) {
    wire::Payloads refused;
    const auto refuse = [&](NotifyType type) {
        refused.emplace_back(wire::Notify{.type = type});
        return std::move(refused);
    };
    FollowUpResponder* const keys =
        pending_answer_ == nullptr
            ? nullptr
            : std::visit([](auto& started) { return &started.follow_up; }, pending_answer_->what);
    // RFC 9370 2.2.4
    if (keys == nullptr || !keys->is_for(request) || !established() || deleting_ike()) {
        return refuse(NotifyType::state_not_found);
    }
    if (!affords(request, 1, env)) {
        env.failure(core_, {}, "IKE_FOLLOWUP_KE", true, asks_too_much(core_.name()));
        drop_pending_answer(env);
        return refuse(NotifyType::temporary_failure);
    }
    auto answer = keys->answer(request, env);
    if (!answer) {
        env.failure(core_, {}, "IKE_FOLLOWUP_KE", true, answer.error());
        drop_pending_answer(env);
        return refuse(answer.error().notify.value_or(NotifyType::invalid_syntax));
    }
    pending_answer_->give_up_at = env.now + follow_up_wait;
    if (!keys->complete()) { return std::move(*answer); }
    const auto finished = std::exchange(pending_answer_, nullptr);
    return std::visit(
        Overloaded{
            [&](StartedChild& started) {
                return took_child(finish_child(started, std::move(*answer), core_, env), env);
            },
            [&](StartedIkeRekey& started) {
                return took_ike_rekey(finish_rekey(started, std::move(*answer), core_, env), env);
            }},
        finished->what);
}

// Our own exchange goes on with the next request.
template <class Exchange>
void IkeSa::follow_up(Exchange exchange, Task task, const Environment& env) {
    const wire::Payloads request = exchange.request(core_);
    active_ = ActiveExchange{.what = std::move(exchange), .task = std::move(task)};
    if (!send_request(ExchangeType::ike_followup_ke, request, env)) {
        vanish("a message cannot be sealed", env);
    }
}
template void IkeSa::follow_up(CreateChild, Task, const Environment&);
template void IkeSa::follow_up(RekeyIke, Task, const Environment&);

}  // namespace culvert::ike::v2
