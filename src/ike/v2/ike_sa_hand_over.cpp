// What goes from an IKE SA to the one that took its place by a rekey (RFC 7296 2.8).

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

// What the peer has to hear whatever the keys are: not what was about one exchange.
bool is_for_successor(const InformTask& task) {
    return std::ranges::any_of(task.payloads, [](const wire::Payload& payload) {
        const auto* notify = std::get_if<wire::Notify>(&payload);
        return notify != nullptr && (notify->type == NotifyType::redirect ||
                                     notify->type == NotifyType::additional_ip4_address ||
                                     notify->type == NotifyType::additional_ip6_address ||
                                     notify->type == NotifyType::no_additional_addresses);
    });
}

}  // namespace

void IkeSa::hand_over(IkeSpi successor, const Environment& env) {
    IkeSa* const next = env.find(successor);
    ASSERT(next != nullptr && next != this);
    IkeSaStatus old = status();
    for (Child& child : core_.children) {
        env.state.child_owner.insert_or_assign(child.id, successor);
        next->core_.children.push_back(std::move(child));
    }
    core_.children.clear();
    next->core_.leases = std::exchange(core_.leases, {});
    next->core_.ticket = std::exchange(core_.ticket, std::nullopt);
    next->core_.ticket_kept = std::exchange(core_.ticket_kept, 0);
    next->core_.local_vips = std::exchange(core_.local_vips, {});
    next->replaces_ = std::exchange(replaces_, std::nullopt);
    next->replaced_by_another_ = replaced_by_another_;
    next->replacing_failed_ = replacing_failed_;
    tell_who_replaces(successor, env);
    if (lingers_) {
        next->lingers_ = true;
        next->core_.expires_at = core_.expires_at;
        next->core_.rekey_at.reset();
        next->core_.reauth_at.reset();
    }
    next->resolving_ = std::exchange(resolving_, std::nullopt);
    next->core_.name_servers = std::exchange(core_.name_servers, {});
    if (next->core_.original_initiator) {
        // RFC 6290 4.2: who begins a rekey knows both SPIs only after it.
        wire::Payloads token;
        add_crash_token(token, next->core_, env);
        if (!token.empty()) { next->queue_.push_back({.what = InformTask{std::move(token)}}); }
    }
    std::list<Task> kept;
    for (Task& task : queue_) {
        const auto* inform = std::get_if<InformTask>(&task.what);
        if (inform != nullptr && !is_for_successor(*inform)) {
            finish(task, {}, env);
        } else if (std::holds_alternative<RekeyIkeTask>(task.what)) {
            finish(task, {}, env);  // it has just been
        } else {
            // A wish to close goes with what it meant.
            next->queue_.push_back(std::move(task));
        }
    }
    queue_ = std::move(kept);
    if (active_) {
        const auto* inform = std::get_if<InformTask>(&active_->task.what);
        if (inform != nullptr && is_for_successor(*inform)) {
            next->queue_.push_back({.what = *inform});
        }
    }
    next->want_mapping(env);
    // Their answers come to an IKE SA without children.
    if (active_ && std::holds_alternative<ProbingPath>(active_->what)) { next->want_probe(env); }
    if (active_ && std::holds_alternative<UpdatingAddresses>(active_->what)) {
        next->queue_.push_front({.what = UpdateAddressesTask{}});
    }
    const std::string text = fmt::format("IKE SA {}[{}] rekeyed to [{}]", core_.name(),
                                         core_.unique_id, next->core_.unique_id);
    enter(Rekeyed{.successor = successor, .give_up_at = env.now + rekeyed_linger_max},
          "its successor took over", env);
    next->core_.told_local = next->core_.local;
    next->core_.told_remote = next->core_.remote;
    env.rekeyed_event(next->core_, std::move(old), text);
    if (next->resolving_ && next->resolving_->type == IdType::fqdn) {
        next->ask_for_gateway(env);  // the answer to the one before finds nobody
    }
}

// Not before what made it is answered: the peer would know nothing of it.
void IkeSa::pump_successor(const Environment& env) {
    const auto* rekeyed = std::get_if<Rekeyed>(&state_);
    IkeSa* const next = rekeyed == nullptr ? nullptr : env.find(rekeyed->successor);
    if (next != nullptr && next->established()) { next->pump(env); }
}

}  // namespace culvert::ike::v2
