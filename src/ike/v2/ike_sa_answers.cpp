// The peer's answer to what an IKE SA began: a Child SA, another IKE SA, or nothing of it.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/retarget.hpp"

namespace culvert::ike::v2 {

void IkeSa::active_answered(const wire::Payloads& response, const Environment& env) {
    ASSERT(active_);
    ActiveExchange ended = std::move(*std::exchange(active_, std::nullopt));
    std::visit(Overloaded{
                   [&](CreateChild& exchange) {
                       child_answered(std::move(exchange), std::move(ended.task), response, env);
                   },
                   [&](RekeyIke& exchange) {
                       ike_rekey_answered(std::move(exchange), std::move(ended.task), response,
                                          env);
                   },
                   [&](DeletingChildren& what) {
                       if (what.id) { remove_child(core_, *what.id, what.why, env); }
                       finish(ended.task, {}, env);
                   },
                   [&](DeletingIke&) {
                       finish(ended.task, {}, env);
                       forget(env);
                   },
                   [&](Informing&) {
                       finish(ended.task, {}, env);
                       look_at_mapping(response, env);
                   },
                   [&](UpdatingAddresses& sent) { update_answered(sent, response, env); },
                   [&](ProbingPath& sent) { probe_answered(sent, response, env); },
               },
               ended.what);
}

void IkeSa::child_answered(CreateChild exchange, Task task, const wire::Payloads& response,
                           const Environment& env) {
    const std::string child = exchange.child_name();
    const auto rekeyed = exchange.rekeyed();
    const bool further = exchange.further();
    const auto by_peer = exchange.made_by_peer();
    // The peer deleted the old one while its answer was on the way: for everybody it was down.
    const bool was_down = rekeyed && !by_peer && core_.find_child(*rekeyed) == nullptr;
    auto outcome = exchange.handle(response, core_, env);
    if (std::holds_alternative<CreateChild::FollowUp>(outcome)) {
        return follow_up(std::move(exchange), std::move(task), env);
    }
    const std::vector<EspSpi> deleted_early = std::exchange(deleted_early_, {});
    std::visit(
        Overloaded{
            [&](CreateChild::Done& done) {
                if (rekeyed) { env.count(core_, Counter::child_rekey); }
                child_is_up(done.fresh, was_down ? std::nullopt : rekeyed, env);
                if (rekeyed) { close_instead(queue_, *rekeyed, done.fresh); }
                finish(task, {}, env);
                const Child* const fresh = core_.find_child(done.fresh);
                if (fresh != nullptr &&
                    std::ranges::find(deleted_early, fresh->outbound_spi) != deleted_early.end()) {
                    drop_child(done.fresh, "the peer deleted it", env);
                }
                if (done.to_delete) { delete_child(*done.to_delete, "it was rekeyed", {}, env); }
                if (!rekeyed) { want_further(done.fresh, env); }
            },
            [&](CreateChild::OtherGroup& other) {
                if (auto* rekey = std::get_if<RekeyChildTask>(&task.what)) {
                    rekey->group = other.wanted.group;
                } else {
                    task.what = CreateChildTask{std::move(other.wanted)};
                }
                queue_.push_front(std::move(task));
            },
            [](CreateChild::FollowUp) {},  // dealt with above
            [&](CreateChild::Later& busy_peer) { later(std::move(task), busy_peer.error, env); },
            [&](CreateChild::Failed& failed) {
                if (further && failed.error.code == ErrorCode::no_additional_sas) {
                    // As many as the peer wants: nothing has failed.
                    env.event(core_, EventKind::note, Severity::debug,
                              fmt::format("{} wants no more Child SAs of {} than there are",
                                          core_.remote_id.to_string(), child));
                    return finish(task, {}, env);
                }
                env.failure(core_, child, "CREATE_CHILD_SA", failed.we_refused, failed.error);
                finish(task, std::unexpected(failed.error), env);
                if (failed.refused_spi) {
                    queue_.push_front({.what = DeleteSpiTask{.protocol = failed.refused_protocol,
                                                             .spi = *failed.refused_spi}});
                }
                Child* const old = rekeyed ? core_.find_child(*rekeyed) : nullptr;
                if (old == nullptr) { return; }
                if (failed.error.code == ErrorCode::child_sa_not_found &&
                    old->state == ChildState::installed) {
                    // RFC 7296 2.25: the peer has it no more, so neither have we, and from scratch.
                    queue_.push_back(made_again(*old, env));
                    return drop_child(*rekeyed, "the peer does not have it any more", env);
                }
                old->rekey_at = env.at_about(rekey_retry, seconds{10});
                // Fresh keys it gives only with another IKE SA (RFC 7296 4).
                if (failed.error.code == ErrorCode::no_additional_sas) { reauthenticate({}, env); }
            },
        },
        outcome);
    // Ours came to nothing in a collision: the peer's has taken over.
    if (rekeyed && by_peer && core_.find_child(*by_peer) != nullptr) {
        close_instead(queue_, *rekeyed, *by_peer);
    }
}

void IkeSa::ike_rekey_answered(RekeyIke exchange, Task task, const wire::Payloads& response,
                               const Environment& env) {
    auto outcome = exchange.handle(response, core_, env);
    std::visit(
        Overloaded{
            [&](RekeyIke::Done& done) {
                env.count(core_, Counter::ike_rekey_init);
                IkeSa& ours = env.add(successor(std::move(done.successor), env));
                const auto made_by_peer = exchange.made_by_peer();
                IkeSa* const theirs = made_by_peer ? env.find(*made_by_peer) : nullptr;
                if (theirs != nullptr) { theirs->inherits_from_.reset(); }
                finish(task, {}, env);
                if (theirs != nullptr && !theirs->gone() && done.redundant) {
                    // RFC 7296 2.8.2: ours is one too many; its Delete is ours, that of the
                    // old theirs.
                    hand_over(theirs->core_.local_spi, env);
                    ours.close({}, env);
                    return;
                }
                hand_over(ours.core_.local_spi, env);
                if (theirs != nullptr && !theirs->gone()) {
                    theirs->enter(Rekeyed{.successor = ours.core_.local_spi,
                                          .give_up_at = env.now + rekeyed_linger_max},
                                  "one rekey too many, which the peer closes", env);
                }
                queue_.push_front({.what = DeleteIkeTask{}});
            },
            [&](RekeyIke::OtherGroup& other) {
                if (exchange.made_by_peer()) {  // the peer's rekey stands: no need for ours
                    finish(task, {}, env);
                    return ike_rekey_failed(exchange, env);
                }
                std::get<RekeyIkeTask>(task.what).group = other.group;
                queue_.push_front(std::move(task));
            },
            [&](RekeyIke::FollowUp) { follow_up(std::move(exchange), std::move(task), env); },
            [&](RekeyIke::Later& busy_peer) {
                if (exchange.made_by_peer()) {
                    finish(task, {}, env);
                    return ike_rekey_failed(exchange, env);
                }
                later(std::move(task), busy_peer.error, env);
            },
            [&](RekeyIke::Failed& failed) {
                env.failure(core_, {}, "CREATE_CHILD_SA", failed.we_refused, failed.error);
                finish(task, std::unexpected(failed.error), env);
                ike_rekey_failed(exchange, env);
                if (!established()) { return; }
                if (failed.peer_went_over) { return lost_to_rekey(env); }
                core_.rekey_at = env.at_about(rekey_retry, seconds{10});
                if (failed.error.code == ErrorCode::no_additional_sas) { reauthenticate({}, env); }
            },
        },
        outcome);
}

// The peer goes on with an IKE SA that is none here, and takes nothing by this one any more. What
// it keeps ends when a new IKE SA says INITIAL_CONTACT.
void IkeSa::lost_to_rekey(const Environment& env) {
    if (core_.began_first) {
        Again what = again(env);
        if (what.connection) { begins_again_ = std::move(what); }
    }
    close({}, env);
}

// Of a collision the peer's successor alone is left.
void IkeSa::ike_rekey_failed(const RekeyIke& exchange, const Environment& env) {
    const auto made_by_peer = exchange.made_by_peer();
    IkeSa* const theirs = made_by_peer ? env.find(*made_by_peer) : nullptr;
    if (theirs == nullptr || theirs->gone()) { return; }
    theirs->inherits_from_.reset();
    hand_over(theirs->core_.local_spi, env);
}

// TEMPORARY_FAILURE (RFC 7296 2.25): again after a while.
void IkeSa::later(Task task, const Error& error, const Environment& env) {
    if (++task.temporary_failures > temporary_failures_max) {
        env.failure(core_, {}, "CREATE_CHILD_SA", false, error);
        finish(task, std::unexpected(error), env);
        // The need for fresh keys stays.
        const auto again_at = env.at_about(rekey_retry, seconds{10});
        if (std::holds_alternative<RekeyIkeTask>(task.what)) { core_.rekey_at = again_at; }
        if (const auto* rekey = std::get_if<RekeyChildTask>(&task.what)) {
            if (Child* const child = core_.find_child(rekey->id)) { child->rekey_at = again_at; }
        }
        return;
    }
    const auto wait_ms = std::chrono::duration_cast<milliseconds>(temporary_failure_wait).count();
    const auto more = env.random().below(static_cast<std::uint64_t>(wait_ms));
    task.not_before =
        env.now + temporary_failure_wait + milliseconds{static_cast<std::int64_t>(more)};
    queue_.push_back(std::move(task));
}

}  // namespace culvert::ike::v2
