// What an IKE SA begins itself: its queue, and the one exchange in flight.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/v2/child_resources.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/retarget.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;

std::string_view name(const Task& task) {
    return std::visit(
        Overloaded{[](const CreateChildTask&) { return std::string_view{"CHILD_CREATE"}; },
                   [](const RekeyChildTask&) { return std::string_view{"CHILD_REKEY"}; },
                   [](const RekeyIkeTask&) { return std::string_view{"IKE_REKEY"}; },
                   [](const DeleteChildTask&) { return std::string_view{"CHILD_DELETE"}; },
                   [](const DeleteSpiTask&) { return std::string_view{"CHILD_DELETE"}; },
                   [](const DeleteIkeTask&) { return std::string_view{"IKE_DELETE"}; },
                   [](const UpdateAddressesTask&) { return std::string_view{"IKE_MOBIKE"}; },
                   [](const ProbePathTask&) { return std::string_view{"IKE_MOBIKE"}; },
                   [](const InformTask& inform) {
                       return std::string_view{inform.payloads.empty() ? "IKE_DPD"
                                                                       : "INFORMATIONAL"};
                   }},
        task.what);
}

bool IkeSa::add(Task task, const Environment& env) {
    if (queue_.size() >= tasks_max || gone()) { return false; }
    queue_.push_back(std::move(task));
    env.touch(core_.local_spi);
    pump(env);
    return true;
}

// The peer has to finish its own CREATE_CHILD_SA first, or follow_up_wait passes.
bool IkeSa::waits_for_peer(const Task& task) const {
    return pending_answer_ != nullptr && !std::holds_alternative<InformTask>(task.what) &&
           !std::holds_alternative<DeleteIkeTask>(task.what);
}

// But for its time.
bool IkeSa::may_begin(const Task& task) const {
    const bool last_words = std::holds_alternative<DeleteIkeTask>(task.what) ||
                            (core_.on_tcp() && std::holds_alternative<InformTask>(task.what));
    const bool rekeyed = std::holds_alternative<Rekeyed>(state_);
    return !waits_for_peer(task) && ((!rekeyed && !sent_away()) || last_words);
}

void IkeSa::pump(const Environment& env) {
    env.touch(core_.local_spi);
    end_what_it_replaces(env);
    for (;;) {
        const bool rekeyed = std::holds_alternative<Rekeyed>(state_);
        if ((!established() && !rekeyed) || active_ || !requests_.idle() || inherits_from_) {
            return;
        }
        const auto next = std::ranges::find_if(queue_, [&](const Task& task) {
            return may_begin(task) && task.not_before <= env.now;
        });
        if (next == queue_.end()) { return; }
        Task task = std::move(*next);
        queue_.erase(next);
        if (begin(std::move(task), env)) { return; }
    }
}

// True if an exchange is in flight now; false if the task has ended without one.
bool IkeSa::begin(Task task, const Environment& env) {
    const auto inform = [&](wire::Payloads payloads, auto what) {
        if (!send_request(ExchangeType::informational, payloads, env)) {
            finish(task, std::unexpected(cancelled("a message that cannot be sealed")), env);
            forget(env);
            return false;
        }
        active_ = ActiveExchange{.what = std::move(what), .task = std::move(task)};
        return true;
    };
    if (auto* create = std::get_if<CreateChildTask>(&task.what)) {
        auto wanted = create->wanted;
        return begin_create(std::move(wanted), std::move(task), env);
    }
    if (const auto* rekey = std::get_if<RekeyChildTask>(&task.what)) {
        const Child* const old = core_.find_child(rekey->id);
        if (old == nullptr || !old->live()) {
            // Gone, or replaced by the peer meanwhile: nothing is left to do.
            const bool replaced = old != nullptr && old->state == ChildState::rekeyed;
            finish(task,
                   replaced ? Status{}
                            : Status{std::unexpected(child_not_found("the Child SA to rekey"))},
                   env);
            return false;
        }
        CreateChild::Wanted wanted{.child = old->config, .rekeyed = old->id, .group = rekey->group};
        return begin_create(std::move(wanted), std::move(task), env);
    }
    if (std::holds_alternative<RekeyIkeTask>(task.what)) {
        return begin_rekey_ike(std::move(task), env);
    }
    if (std::holds_alternative<DeleteChildTask>(task.what)) {
        return begin_delete_child(std::move(task), env);
    }
    if (const auto* spi = std::get_if<DeleteSpiTask>(&task.what)) {
        wire::Delete deletion = wire::Delete::esp({spi->spi});
        if (spi->protocol == IpsecProtocol::ah) { deletion.protocol = ProtocolId::ah; }
        const DeletingChildren what{
            .protocol = spi->protocol, .spi = spi->spi, .id = {}, .why = {}};
        return inform({std::move(deletion)}, what);
    }
    if (std::holds_alternative<DeleteIkeTask>(task.what)) {
        if (established()) { end_tickets(env); }
        if (!inform({wire::Delete::ike_sa()}, DeletingIke{})) { return false; }
        if (established()) { enter(Deleting{}, "we close it", env); }
        return true;
    }
    if (std::holds_alternative<UpdateAddressesTask>(task.what)) {
        return begin_update(std::move(task), env);
    }
    if (const auto* probe = std::get_if<ProbePathTask>(&task.what)) {
        Bytes cookie = probe->cookie;
        wire::Payloads payloads;
        payloads.emplace_back(wire::Notify{.type = wire::NotifyType::cookie2, .data = cookie});
        return inform(
            payloads,
            ProbingPath{.cookie = std::move(cookie), .local = core_.local, .remote = core_.remote});
    }
    wire::Payloads payloads = std::get<InformTask>(task.what).payloads;
    if (payloads.empty()) { add_mapping_probe(payloads, env); }
    make_room_for_token(payloads, core_);
    return inform(std::move(payloads), Informing{});
}

bool IkeSa::begin_create(CreateChild::Wanted wanted, Task task, const Environment& env) {
    const auto fail = [&, rekeyed = wanted.rekeyed](const Error& error) {
        env.failure(core_, {}, "CREATE_CHILD_SA", true, error);
        finish(task, std::unexpected(error), env);
        // The need for fresh keys stays.
        Child* const old = rekeyed ? core_.find_child(*rekeyed) : nullptr;
        if (old != nullptr) { old->rekey_at = env.at_about(rekey_retry, seconds{10}); }
        return false;
    };
    // Made by somebody else while this waited.
    if (!wanted.rekeyed && !wanted.packet && !wanted.further &&
        core_.find_live(wanted.child->name) != nullptr) {
        finish(task, {}, env);
        return false;
    }
    if (!wanted.rekeyed && core_.children.size() >= children_max) {
        return fail(too_many_children(core_.name()));
    }
    // What was to be a virtual address must not become our own.
    if (!wanted.rekeyed && core_.began_first && !core_.connection->vips.empty() &&
        core_.local_vips.empty()) {
        return fail(no_virtual_address(core_.name()));
    }
    auto exchange = CreateChild::begin(core_, std::move(wanted), env);
    if (!exchange) { return fail(exchange.error()); }
    if (!send_request(ExchangeType::create_child_sa, exchange->request(core_), env)) {
        exchange->abandon(core_, env);
        fail(cancelled("a message that cannot be sealed"));
        forget(env);
        return false;
    }
    active_ = ActiveExchange{.what = std::move(*exchange), .task = std::move(task)};
    return true;
}

bool IkeSa::begin_rekey_ike(Task task, const Environment& env) {
    auto exchange = RekeyIke::begin(core_, std::get<RekeyIkeTask>(task.what).group, env);
    const bool sent =
        exchange && send_request(ExchangeType::create_child_sa, exchange->request(core_), env);
    if (!sent) {
        const Error error =
            exchange ? cancelled("a message that cannot be sealed") : exchange.error();
        env.failure(core_, {}, "CREATE_CHILD_SA", true, error);
        finish(task, std::unexpected(error), env);
        core_.rekey_at = env.at_about(rekey_retry, seconds{10});
        if (exchange) { forget(env); }
        return false;
    }
    active_ = ActiveExchange{.what = std::move(*exchange), .task = std::move(task)};
    return true;
}

bool IkeSa::begin_delete_child(Task task, const Environment& env) {
    const auto& wanted = std::get<DeleteChildTask>(task.what);
    Child* const child = core_.find_child(wanted.id);
    if (child == nullptr) {
        finish(task, {}, env);  // the peer was first
        return false;
    }
    stop_sending(*child, env);
    child->state = ChildState::deleting;
    const DeletingChildren what{.protocol = child->suite.protocol,
                                .spi = child->inbound_spi,
                                .id = child->id,
                                .why = wanted.why};
    wire::Delete deletion = wire::Delete::esp({child->inbound_spi});
    if (what.protocol == IpsecProtocol::ah) { deletion.protocol = ProtocolId::ah; }
    if (!send_request(ExchangeType::informational, {std::move(deletion)}, env)) {
        finish(task, std::unexpected(cancelled("a message that cannot be sealed")), env);
        forget(env);
        return false;
    }
    active_ = ActiveExchange{.what = what, .task = std::move(task)};
    return true;
}

void IkeSa::finish(const Task& task, const Status& status, const Environment& env) {
    for (const CommandId command : task.commands) { env.command_done(command, status); }
}

void IkeSa::child_is_up(ChildSaId id, const std::optional<ChildSaId>& instead_of,
                        const Environment& env) {
    const Child* const child = core_.find_child(id);
    if (child == nullptr) { return; }
    if (!is_configured(*child, env)) { delete_child(id, "it is configured no more", {}, env); }
    const std::string what =
        instead_of ? fmt::format("rekeyed {}{{{}}} to", child->config->name, instead_of->value())
                   : "established";
    env.event(core_, *child, instead_of ? EventKind::child_rekeyed : EventKind::child_up,
              Severity::info,
              fmt::format("Child SA {} {}{{{}}} with SPIs {:08x}_i {:08x}_o and TS {} === {}", what,
                          child->config->name, id.value(), child->inbound_spi.value(),
                          child->outbound_spi.value(), to_string(child->local_ts),
                          to_string(child->remote_ts)));
}

// It may have been taken out while it was being made.
bool IkeSa::is_configured(const Child& child, const Environment& env) const {
    const auto& current = env.state.config;
    if (!core_.connection.owner_before(current) && !current.owner_before(core_.connection)) {
        return true;
    }
    const ConnectionRef now = find_connection(env.state.config, core_.name());
    return now && find_child(now, child.config->name);
}

Task IkeSa::made_again(const Child& child, const Environment& env) {
    CreateChild::Wanted wanted{.child = child.config, .further = child.resource.has_value()};
    const bool has_other_part = std::ranges::any_of(core_.children, [&](const Child& other) {
        return &other != &child && other.live() && other.config->name == child.config->name;
    });
    if (has_other_part && !child.resource) {
        wanted.packet = {.local = child.local_ts.front(), .remote = child.remote_ts.front()};
    }
    // Both ends may see the need at once: who began comes first.
    return {.what = CreateChildTask{std::move(wanted)},
            .not_before = core_.began_first ? Instant{} : env.now + made_again_after};
}

void IkeSa::want_further(ChildSaId id, const Environment& env) {
    const Child* const child = core_.find_child(id);
    if (child == nullptr || !child->resource ||
        resources_taken(core_, *child->config) >= env.settings().resources) {
        return;
    }
    queue_.push_back({.what = CreateChildTask{{.child = child->config, .further = true}}});
}

bool IkeSa::busy_with_children() const {
    return active_ && (std::holds_alternative<CreateChild>(active_->what) ||
                       std::holds_alternative<DeletingChildren>(active_->what));
}

bool IkeSa::rekeying_ike() const {
    return active_ && std::holds_alternative<RekeyIke>(active_->what);
}

bool IkeSa::deleting_ike() const {
    return active_ && std::holds_alternative<DeletingIke>(active_->what);
}

}  // namespace culvert::ike::v2
