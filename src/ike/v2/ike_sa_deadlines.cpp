// What an IKE SA does because time has passed: retransmissions, liveness, keep-alives, lifetimes.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

namespace {

void earliest(std::optional<Instant>& so_far, const std::optional<Instant>& other) {
    if (other && (!so_far || *other < *so_far)) { so_far = other; }
}

SentSize size_of(const MessageBytes& message) {
    SentSize out{.datagrams = message.size()};
    for (const Bytes& piece : message) { out.largest = std::max(out.largest, piece.size()); }
    return out;
}

bool due(const std::optional<Instant>& when, Instant now) { return when && *when <= now; }

}  // namespace

std::optional<Instant> IkeSa::next_deadline() const {
    if (gone()) { return std::nullopt; }
    std::optional<Instant> out = requests_.next_deadline();
    if (const auto* half = std::get_if<HalfOpen>(&state_)) { earliest(out, half->give_up_at); }
    if (const auto* rejected = std::get_if<Rejected>(&state_)) {
        earliest(out, rejected->forget_at);
    }
    if (const auto* rekeyed = std::get_if<Rekeyed>(&state_)) { earliest(out, rekeyed->give_up_at); }
    if (pending_answer_ != nullptr) { earliest(out, pending_answer_->give_up_at); }
    if (!established()) { return out; }
    earliest(out, core_.rekey_at);
    earliest(out, core_.reauth_at);
    earliest(out, core_.expires_at);
    for (const Child& child : core_.children) {
        if (child.state == ChildState::installed) { earliest(out, child.rekey_at); }
        if (child.state != ChildState::deleting) { earliest(out, child.expires_at); }
    }
    if (!active_ && requests_.idle() && !inherits_from_) {
        for (const Task& task : queue_) {
            if (may_begin(task)) { earliest(out, task.not_before); }
        }
        if (dpd_delay_.count() > 0 && !sent_away()) { earliest(out, last_inbound_ + dpd_delay_); }
    }
    if (core_.nat.local && !core_.nat.fake && !core_.on_tcp() && keep_alive_.count() > 0) {
        earliest(out, last_outbound_ + keep_alive_);
    }
    return out;
}

void IkeSa::tick(const Environment& env) {
    env.touch(core_.local_spi);
    if (requests_.exhausted(env.now) && (try_another_stream(env) || try_another_path(env))) {
        return;
    }
    const SentSize size = requests_.exhausted(env.now) ? size_of(requests_.message()) : SentSize{};
    const auto what_is_due = requests_.tick(env.now);
    if (std::holds_alternative<RequestWindow::GiveUp>(what_is_due)) {
        return unanswered(size, env);
    }
    const bool again = std::holds_alternative<RequestWindow::Retransmit>(what_is_due);
    if (again && core_.on_tcp()) {
        // RFC 9329 7.2: what is in a stream is not sent twice; who opened it opens it again.
        if (opens_streams() && core_.stream_state == StreamState::broken) { open_stream(env); }
    } else if (again && requests_.tries() >= tcp_fallback_tries && fall_back_to_tcp(env)) {
        return;
    } else if (again && send_again(env)) {
        return;
    }
    if (const auto* half = std::get_if<HalfOpen>(&state_);
        half != nullptr && half->give_up_at <= env.now) {
        env.stranger_failure(core_.name(), core_.remote, "IKE_AUTH",
                             half_open_timeout(core_.remote, fragments_ ? fragments_->arrived() : 0,
                                               fragments_ ? fragments_->total() : 0));
        return forget(env);
    }
    if (const auto* rejected = std::get_if<Rejected>(&state_);
        rejected != nullptr && rejected->forget_at <= env.now) {
        return forget(env);
    }
    if (const auto* rekeyed = std::get_if<Rekeyed>(&state_);
        rekeyed != nullptr && rekeyed->give_up_at <= env.now) {
        return forget(env);
    }
    if (pending_answer_ != nullptr && pending_answer_->give_up_at <= env.now) {
        drop_pending_answer(env);
    }
    if (!established()) { return; }
    tick_children(env);
    tick_ike(env);
    pump(env);
}

void IkeSa::tick_children(const Environment& env) {
    std::vector<ChildSaId> to_rekey;
    std::vector<ChildSaId> to_delete;
    for (Child& child : core_.children) {
        if (child.state != ChildState::deleting && due(child.expires_at, env.now)) {
            child.expires_at.reset();
            to_delete.push_back(child.id);
        } else if (child.state == ChildState::installed && due(child.rekey_at, env.now)) {
            child.rekey_at.reset();
            to_rekey.push_back(child.id);
        }
    }
    for (const ChildSaId id : to_delete) { child_expired(id, env); }
    for (const ChildSaId id : to_rekey) { rekey_child(id, {}, env); }
}

void IkeSa::tick_ike(const Environment& env) {
    if (due(core_.reauth_at, env.now)) {
        reauthenticate({}, env);
        if (!established()) { return; }
    }
    if (due(core_.rekey_at, env.now) && replaced_by_another_) {
        core_.rekey_at = env.now + rekey_retry;  // if that one does not come to be
    } else if (due(core_.rekey_at, env.now)) {
        core_.rekey_at.reset();
        if (!add({.what = RekeyIkeTask{}}, env)) {
            core_.rekey_at = env.at_about(rekey_retry, seconds{10});
        }
    }
    if (due(core_.expires_at, env.now)) {
        core_.expires_at.reset();
        if (lingers_) { return close({}, env); }
        env.alert(core_, "ike-sa-expired", Severity::warn,
                  fmt::format("IKE SA {}[{}] was not rekeyed or authenticated again in time: its "
                              "lifetime is over",
                              core_.name(), core_.unique_id));
        // Some peers let nobody in beside itself.
        if (replacing_failed_ && core_.began_first) {
            if (Again what = again(env); what.connection) { begins_again_ = std::move(what); }
            return close({}, env);
        }
        // What was to be up from the start is to be up again.
        for (const ChildRef& child : wanted_children()) {
            if (core_.began_first) { restart_.emplace_back(child, child->start_action); }
        }
        return close({}, env);
    }
    const bool idle = !active_ && requests_.idle() && !inherits_from_;
    if (idle && !sent_away() && dpd_delay_.count() > 0 && env.now - last_inbound_ >= dpd_delay_) {
        queue_.push_front({.what = InformTask{}});
    }
    // RFC 9329 7.6: none in TCP.
    if (core_.nat.local && !core_.nat.fake && !core_.on_tcp() && keep_alive_.count() > 0 &&
        env.now - last_outbound_ >= keep_alive_) {
        last_outbound_ = env.now;
        env.emit(SendKeepAlive{.local = core_.local, .remote = core_.remote});
    }
}

}  // namespace culvert::ike::v2
