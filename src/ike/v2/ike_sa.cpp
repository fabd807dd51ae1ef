#include "ike/v2/ike_sa.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/v2/bring_up.hpp"
#include "ike/v2/configuration.hpp"
#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

IkeSa::IkeSa(SaCore core, const Environment& env)
    : core_(std::move(core)),
      state_(Established{}),
      requests_(env.settings().retransmit, env.random()),
      dpd_delay_(core_.connection->dpd_delay),
      keep_alive_(env.settings().keep_alive) {}

Result<IkeSpi> IkeSa::initiate(Begin begin, const Environment& env) {
    SaCore core;
    core.unique_id = env.new_ike_unique();
    core.connection = begin.connection;
    core.original_initiator = true;
    core.began_first = true;
    core.local_spi = env.new_ike_spi();
    core.local = begin.local;
    core.remote = begin.remote;
    // swanctl's remote_port: anything but 500 starts on the NAT-T socket.
    core.nat_t_port = begin.remote.port != ike_port;
    if (core.nat_t_port) { core.local.port = env.settings().port_nat_t; }
    core.created_at = env.now;
    core.vips_before = begin.vips_before;
    const bool tcp = begin.tcp || begin.connection->tcp == TcpUse::yes;
    if (tcp) { set_out_by_tcp(core, env); }
    auto exchange = InitInitiator::begin(core, begin.redirected_from, env);
    if (!exchange) { return std::unexpected(std::move(exchange).error()); }

    if (core.vips_before.empty()) { core.vips_before = exchange->vips_before(); }
    auto made = std::make_unique<IkeSa>(std::move(core), env);
    IkeSa& sa = env.add(std::move(made));
    sa.begin_ = std::move(begin);
    env.event(sa.core_, EventKind::note, Severity::info,
              fmt::format("initiating IKE SA {}[{}] to {}{}", sa.core_.name(), sa.core_.unique_id,
                          sa.core_.remote.address.to_string(), tcp ? " over TCP" : ""));
    if (tcp) { sa.open_stream(env); }
    sa.requests_.send({exchange->request()}, env.now);
    sa.state_ = InitSent{.exchange = std::move(*exchange), .left = !tcp};
    env.count_message(sa.core_, wire::ExchangeType::ike_sa_init, true, false);
    env.exchange_event(sa.core_, "sending IKE_SA_INIT request 0");
    sa.transmit(sa.requests_.message(), env);
    return sa.core_.local_spi;
}

std::unique_ptr<IkeSa> IkeSa::half_open(SaCore core, InitResult init, const Datagram& request,
                                        const Environment& env) {
    auto sa = std::make_unique<IkeSa>(std::move(core), env);
    sa->responses_.answered(MessageId{0}, {init.response});
    sa->counted_ = Counted::half_open;
    sa->half_open_address_ = request.remote.address;
    env.state.guard.opened(sa->half_open_address_);
    env.state.by_initiator_spi.insert_or_assign(sa->core_.remote_spi, sa->core_.local_spi);
    sa->state_ = HalfOpen{.exchange = AuthResponder{std::move(init)},
                          .give_up_at = env.now + env.settings().half_open_timeout};
    return sa;
}

std::unique_ptr<IkeSa> IkeSa::successor(SaCore core, const Environment& env) {
    auto sa = std::make_unique<IkeSa>(std::move(core), env);
    sa->last_inbound_ = env.now;
    sa->last_outbound_ = env.now;
    sa->stream_proved_ = true;
    return sa;
}

std::string_view name(const IkeSa::State& state) {
    constexpr std::array<std::string_view, 9> names{"INIT_SENT", "INTERMEDIATE_SENT", "AUTH_SENT",
                                                    "HALF_OPEN", "REJECTED",          "ESTABLISHED",
                                                    "REKEYED",   "DELETING",          "GONE"};
    return names.at(state.index());
}

void IkeSa::enter(State next, std::string_view because, const Environment& env) {
    const std::string text = fmt::format("IKE SA {}[{}] {} -> {}: {}", core_.name(),
                                         core_.unique_id, name(state_), name(next), because);
    state_ = std::move(next);
    env.touch(core_.local_spi);
    env.event(core_, EventKind::ike_state_changed, Severity::debug, text);
}

namespace {

std::string_view how_esp_goes(const SaCore& sa) {
    const NatSituation& nat = sa.nat;
    if (sa.on_tcp()) { return ", all goes in TCP"; }
    if (nat.any()) { return ", NAT on the way: ESP goes in UDP"; }
    return nat.preferred ? ", ESP goes in UDP, which is faster at both ends" : "";
}

}  // namespace

void IkeSa::uncount(const Environment& env) {
    HalfOpenGuard& guard = env.state.guard;
    switch (std::exchange(counted_, Counted::no)) {
        case Counted::no: return;
        case Counted::half_open: return guard.closed(half_open_address_);
        case Counted::refused: return guard.refused_is_gone(half_open_address_, false);
        case Counted::refused_staying: return guard.refused_is_gone(half_open_address_, true);
    }
}

// What is refused is not half-open any more: it must not keep others out that come from there.
void IkeSa::reject(std::string_view because, const Environment& env) {
    if (counted_ == Counted::half_open) {
        counted_ = env.state.guard.refused(half_open_address_) ? Counted::refused_staying
                                                               : Counted::refused;
    }
    const bool stays = counted_ != Counted::refused;
    enter(Rejected{.forget_at = stays ? env.now + rejected_linger : env.now}, because, env);
}

void IkeSa::become_established(const Environment& env) {
    uncount(env);
    core_.established_at = env.now;
    core_.told_local = core_.local;
    core_.told_remote = core_.remote;
    last_inbound_ = env.now;
    last_outbound_ = env.now;
    const Connection& connection = *core_.connection;
    env.set_lifetimes(core_);
    dpd_delay_ = connection.dpd_delay;
    enter(Established{}, "both ends are authenticated", env);
    const auto took = std::chrono::duration_cast<milliseconds>(env.now - core_.created_at);
    env.event(core_, EventKind::ike_up, Severity::info,
              fmt::format("IKE SA {}[{}] established between {}[{}] and {}[{}] with {} in {} ms{}",
                          core_.name(), core_.unique_id, core_.local.address.to_string(),
                          core_.local_id.to_string(), core_.remote.address.to_string(),
                          core_.remote_id.to_string(), core_.suite->to_string(), took.count(),
                          how_esp_goes(core_)));
    if (core_.on_tcp() && !core_.began_first) { env.emit(KeepStream{core_.stream}); }
    settle_with_rival(env);
}

void IkeSa::forget(const Environment& env) {
    if (gone()) { return; }
    if (auto* sent = std::get_if<AuthSent>(&state_)) { sent->exchange->abandon(env); }
    drop_pending_answer(env);
    const bool replaced = std::holds_alternative<Rekeyed>(state_);
    const bool was_up = core_.established_at.has_value() && !replaced && !inherits_from_;
    while (!core_.children.empty()) {
        remove_child(core_, core_.children.back().id, "its IKE SA ends", env);
    }
    const std::vector<SaCore::Lease> leases = core_.leases;
    const std::vector<IpAddress> vips = core_.local_vips;
    give_back_addresses(core_, env);
    fail_all(peer_closed(core_.name(), "the IKE SA"), env);
    uncount(env);
    if (was_up) {
        core_.leases = leases;  // for the event: it tells of the SA as it was
        core_.local_vips = vips;
        env.event(core_, EventKind::ike_down, Severity::info,
                  fmt::format("IKE SA {}[{}] with {} closed", core_.name(), core_.unique_id,
                              core_.remote_id.to_string()));
        core_.leases.clear();
        core_.local_vips.clear();
    }
    give_up_replacing(env);
    enter(Gone{}, "nothing is left to do", env);
    if (auto what = std::exchange(begins_again_, std::nullopt)) {
        begin_again(std::move(*what), {}, std::nullopt, env);
    }
    if (!restart_.empty()) { restart_children(std::exchange(restart_, {}), env); }
}

// In a collision of rekeys the peer's successor waits for the answer to ours, which comes no more.
void IkeSa::drop_heir(const Environment& env) {
    const auto* rekey = active_ ? std::get_if<RekeyIke>(&active_->what) : nullptr;
    const auto by_peer = rekey == nullptr ? std::nullopt : rekey->made_by_peer();
    IkeSa* const heir = by_peer ? env.find(*by_peer) : nullptr;
    if (heir != nullptr && heir->inherits_from_) {
        heir->vanish("the IKE SA that it was to follow has ended", env);
    }
}

void IkeSa::fail_all(const Error& error, const Environment& env) {
    drop_heir(env);
    std::vector<Task> tasks;
    if (active_) {
        if (auto* create = std::get_if<CreateChild>(&active_->what)) {
            create->abandon(core_, env);
        }
        tasks.push_back(std::move(active_->task));
    }
    active_.reset();
    for (Task& task : queue_) { tasks.push_back(std::move(task)); }
    queue_.clear();
    for (const Task& task : tasks) {
        // What was to end has ended.
        const bool was_deletion = std::holds_alternative<DeleteIkeTask>(task.what) ||
                                  std::holds_alternative<DeleteChildTask>(task.what);
        if (was_deletion) {
            finish(task, {}, env);
        } else {
            finish(task, std::unexpected(error), env);
        }
    }
    if (begin_) {
        for (const CommandId command : std::exchange(begin_->commands, {})) {
            env.command_done(command, std::unexpected(error));
        }
    }
}

void IkeSa::vanish(const std::string& why, const Environment& env) {
    if (gone()) { return; }
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}] dropped: {}", core_.name(), core_.unique_id, why));
    fail_all(cancelled(why), env);
    forget(env);
}

std::vector<ChildRef> IkeSa::wanted_children() const {
    std::vector<ChildRef> out;
    const auto want = [&out](const ChildRef& child) {
        const bool known = std::ranges::any_of(
            out, [&](const ChildRef& other) { return other->name == child->name; });
        if (!known) { out.push_back(child); }
    };
    for (const Child& child : core_.children) {
        if (child.live()) { want(child.config); }
    }
    // What a command waits for ends with the command.
    if (active_ && active_->task.commands.empty()) {
        const auto* create = std::get_if<CreateChild>(&active_->what);
        if (create != nullptr && !create->rekeyed()) { want(create->child()); }
    }
    for (const Task& task : queue_) {
        const auto* create = std::get_if<CreateChildTask>(&task.what);
        if (create != nullptr && task.commands.empty()) { want(create->wanted.child); }
    }
    return out;
}

// What was there, and what was on its way back, comes again as `action` says.
void IkeSa::end_and_restart(const Error& error, StartAction ChildConfig::* action,
                            const Environment& env) {
    std::vector<std::pair<ChildRef, StartAction>> again;
    for (const ChildRef& child : wanted_children()) { again.emplace_back(child, (*child).*action); }
    fail_all(error, env);
    forget(env);
    restart_children(again, env);
}

void IkeSa::peer_is_dead(const Environment& env) {
    const Error error = no_answer(wire::ExchangeType::informational, {}, env);
    Event event{.kind = EventKind::peer_dead,
                .severity = Severity::warn,
                .connection = core_.name(),
                .ike_unique_id = core_.unique_id,
                .remote = core_.remote,
                .error = error,
                .text = fmt::format("peer {} of IKE SA {}[{}] is dead", core_.remote.to_string(),
                                    core_.name(), core_.unique_id)};
    env.emit(std::move(event));
    env.failure(core_, {}, "INFORMATIONAL", false, error);
    end_and_restart(error, &ChildConfig::dpd_action, env);
}

// ---- what it is

IkeSaStatus IkeSa::status() const {
    const IkeState state = std::visit(
        Overloaded{[](const InitSent&) { return IkeState::connecting; },
                   [](const IntermediateSent&) { return IkeState::connecting; },
                   [](const AuthSent&) { return IkeState::connecting; },
                   [](const HalfOpen&) { return IkeState::connecting; },
                   [](const Rejected&) { return IkeState::destroying; },
                   [&](const Established&) {
                       return rekeying_ike() ? IkeState::rekeying : IkeState::established;
                   },
                   [](const Rekeyed&) { return IkeState::rekeyed; },
                   [](const Deleting&) { return IkeState::deleting; },
                   [](const Gone&) { return IkeState::destroying; }},
        state_);
    IkeSaStatus out{.connection = core_.name(),
                    .unique_id = core_.unique_id,
                    .state = state,
                    .local = core_.local,
                    .remote = core_.remote,
                    .local_id = core_.local_id,
                    .remote_id = core_.remote_id,
                    .remote_eap_id = core_.remote_eap_id,
                    .local_vips = core_.local_vips,
                    .remote_vips = {},
                    .initiator = core_.original_initiator,
                    .initiator_spi = core_.initiator_spi().value(),
                    .responder_spi = core_.responder_spi().value(),
                    .nat_local = core_.nat.local,
                    .nat_remote = core_.nat.remote,
                    .nat_fake = core_.nat.fake,
                    .tcp = core_.on_tcp(),
                    .nat_traversal = core_.nat.supported,
                    .suite = core_.suite,
                    .created_at = core_.created_at,
                    .established_at = core_.established_at,
                    .rekey_at = core_.rekey_at,
                    .reauth_at = core_.reauth_at};
    for (const SaCore::Lease& lease : core_.leases) { out.remote_vips.push_back(lease.address); }
    if (core_.established_at) { out.handshake = *core_.established_at - core_.created_at; }
    for (const Child& child : core_.children) {
        out.children.push_back({.name = child.config->name,
                                .unique_id = child.id.value(),
                                .id = child.id,
                                .reqid = child.reqid,
                                .state = child.state,
                                .mode = child.mode,
                                .udp_encap = child.udp_encap,
                                .resource = child.resource,
                                .inbound_spi = child.inbound_spi,
                                .outbound_spi = child.outbound_spi,
                                .suite = child.suite,
                                .ke = child.ke,
                                .additional = child.additional,
                                .local_ts = child.local_ts,
                                .remote_ts = child.remote_ts,
                                .installed_at = child.installed_at,
                                .rekey_at = child.rekey_at,
                                .expires_at = child.expires_at});
    }
    if (active_) { out.tasks_active.emplace_back(v2::name(active_->task)); }
    if (std::holds_alternative<InitSent>(state_)) { out.tasks_active.emplace_back("IKE_INIT"); }
    if (std::holds_alternative<IntermediateSent>(state_)) {
        out.tasks_active.emplace_back("IKE_INTERMEDIATE");
    }
    if (std::holds_alternative<AuthSent>(state_)) { out.tasks_active.emplace_back("IKE_AUTH"); }
    if (std::holds_alternative<HalfOpen>(state_)) { out.tasks_passive.emplace_back("IKE_AUTH"); }
    if (pending_answer_ != nullptr) {
        out.tasks_passive.emplace_back(std::holds_alternative<StartedChild>(pending_answer_->what)
                                           ? "CHILD_CREATE"
                                           : "IKE_REKEY");
    }
    for (const Task& task : queue_) { out.tasks_queued.emplace_back(v2::name(task)); }
    return out;
}

void IkeSa::check_invariants() const {
    ASSERT(!gone() || core_.children.empty());
    ASSERT(!gone() || (!active_ && queue_.empty()));
    ASSERT(!active_ || !requests_.idle());
    ASSERT(!established() || (core_.inbound && core_.outbound && core_.suite));
    for (const Child& child : core_.children) {
        ASSERT(child.config != nullptr);
        ASSERT(child.inbound_spi >= esp_spi_min && child.outbound_spi >= esp_spi_min);
    }
}

}  // namespace culvert::ike::v2
