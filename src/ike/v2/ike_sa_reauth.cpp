// Reauthentication: a new IKE SA from IKE_SA_INIT on takes the place of this one (RFC 7296 2.8.3),
// before it ends or after; and what comes up again when a peer was lost.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ike/v2/bring_up.hpp"
#include "ike/v2/commands.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

namespace {

// The lowest of an IKE SA's two SPIs: both ends know it, and nobody can choose it alone.
IkeSpi lowest_spi(const SaCore& sa) { return std::min(sa.local_spi, sa.remote_spi); }

Error peer_must_reauthenticate(const SaCore& sa) {
    return {.code = ErrorCode::unsupported,
            .wanted = fmt::format("to reauthenticate IKE SA {}[{}]", sa.name(), sa.unique_id),
            .received =
                !sa.leases.empty() ? "a peer that asks us for its address, which only it can begin"
                : sa.connection->remote.method == AuthMethodKind::eap
                    ? "a peer that proves itself by EAP, which only it can begin"
                : sa.on_tcp() ? "a peer that came by TCP, which only it can open"
                              : "a peer behind a NAT, which may not be reached with a new IKE SA",
            .remedy = "let the peer reauthenticate (its reauth_time)"};
}

}  // namespace

IkeSa::Again IkeSa::again(const Environment& env) const {
    Again out{.connection = find_connection(env.state.config, core_.name()),
              .local = core_.local,
              .remote = core_.remote,
              .vips = core_.local_vips,
              .tcp = core_.on_tcp()};
    if (!out.connection) { return out; }
    const auto& here = env.state.host_addresses;
    if (!here.empty() && std::ranges::find(here, out.local.address) == here.end()) {
        out.local.address = source_towards(out.remote.address, env).value_or(out.local.address);
    }
    if (core_.began_first) {
        out.remote.port = out.connection->remote_port;
        out.local.port = env.settings().port;
    }
    for (const Child& child : core_.children) {
        if (!child.live()) { continue; }
        const ChildRef now = find_child(out.connection, child.config->name);
        const bool known = std::ranges::find(out.children, now) != out.children.end();
        if (now && !known) { out.children.push_back(now); }
    }
    return out;
}

void IkeSa::begin_again(Again what, std::vector<CommandId> commands, std::optional<IkeSpi> replaces,
                        const Environment& env) {
    const std::vector<CommandId> waiting = commands;
    if (env.state.ending) {
        for (const CommandId command : waiting) {
            env.command_done(command, std::unexpected(cancelled("the end of the gateway")));
        }
        return;
    }
    const unsigned tries = what.connection->keyingtries;
    const auto begun =
        initiate({.connection = what.connection,
                  .local = what.local,
                  .remote = what.remote,
                  .child = what.children.empty() ? ChildRef{} : what.children.front(),
                  .commands = std::move(commands),
                  .vips_before = std::move(what.vips),
                  .redirected_from = what.redirected_from,
                  .rounds_left = tries > 0 ? tries - 1 : 0,
                  .for_ever = tries == 0,
                  .tcp = what.tcp},
                 env);
    if (!begun) {
        for (const CommandId command : waiting) {
            env.command_done(command, std::unexpected(begun.error()));
        }
        return;
    }
    IkeSa& next = *env.find(*begun);
    next.replaces_ = replaces;
    next.reauthenticates_ = replaces.has_value();
    if (next.reauthenticates_) { env.state.reauthenticating.push_back(next.core_.local_spi); }
    for (std::size_t i = 1; i < what.children.size(); ++i) {
        (void)next.add({.what = CreateChildTask{{.child = what.children.at(i)}}}, env);
    }
}

void IkeSa::reauthenticate(std::vector<CommandId> commands, const Environment& env) {
    core_.reauth_at.reset();
    const auto fail = [&](const Error& error) {
        for (const CommandId command : commands) {
            env.command_done(command, std::unexpected(error));
        }
    };
    if (replaced_by_another_) { return fail(busy("it is being reauthenticated already")); }
    // What only the peer can begin ends with the hard lifetime if the peer does not.
    const bool by_eap = core_.connection->remote.method == AuthMethodKind::eap;
    const bool out_of_reach = core_.nat.remote || core_.on_tcp();
    if (!core_.began_first && (!core_.leases.empty() || out_of_reach || by_eap)) {
        env.event(core_, EventKind::note, Severity::info,
                  fmt::format("IKE SA {}[{}] should be reauthenticated, which is the peer's to "
                              "begin",
                              core_.name(), core_.unique_id));
        return fail(peer_must_reauthenticate(core_));
    }
    if (const IkeSa* const fresh = made_by_peer_just_now(env)) {
        core_.reauth_at = env.now + reauthenticated_linger;  // if the peer meant something else
        return fail(busy(fmt::format("the peer has just reauthenticated: [{}] takes its place",
                                     fresh->core_.unique_id)));
    }
    Again what = again(env);
    if (!what.connection) { return fail(no_such_connection(core_.name(), *env.state.config)); }
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("reauthenticating IKE SA {}[{}]", core_.name(), core_.unique_id));
    // A ticket would prove nothing anew.
    env.state.tickets.forget(core_.name());
    if (env.settings().make_before_break) {
        replaced_by_another_ = true;
        begin_again(std::move(what), std::move(commands), core_.local_spi, env);
        return;
    }
    begins_again_ = std::move(what);
    close(std::move(commands), env);
}

// Our address is gone: the same from another one. What is left of the old IKE SA times out.
void IkeSa::begin_elsewhere(const IpAddress& local, const Environment& env) {
    Again what = again(env);
    if (!what.connection) { return; }
    what.local.address = local;
    replaced_by_another_ = true;
    begin_again(std::move(what), {}, core_.local_spi, env);
}

bool IkeSa::same_ends(const IkeSa& other) const {
    return core_.remote_id.type != IdType::null && other.core_.name() == core_.name() &&
           other.core_.local_id == core_.local_id && other.core_.peer() == core_.peer();
}

// The peer's new IKE SA beside this one: its Delete of this one is on the way.
const IkeSa* IkeSa::made_by_peer_just_now(const Environment& env) const {
    for (const IkeSa* const sa : env.with_identities(core_.local_id, core_.peer())) {
        const bool newer = sa != this && sa->established() && !sa->core_.began_first &&
                           sa->core_.created_at >= core_.created_at && same_ends(*sa);
        if (newer && env.now - *sa->core_.established_at < reauthenticated_linger) { return sa; }
    }
    return nullptr;
}

// Of two new IKE SAs with which both ends reauthenticate in the same moment, both up now.
bool IkeSa::rivals(const IkeSa& ours, const IkeSa& theirs, Instant now) {
    const bool apart = ours.core_.began_first && !theirs.core_.began_first;
    if (!apart || !ours.reauthenticates_ || ours.replaced_by_another_ ||
        theirs.replaced_by_another_ || !ours.established() || !theirs.established()) {
        return false;
    }
    // Each was begun before its end knew of the other.
    return ours.same_ends(theirs) && *theirs.core_.established_at >= ours.core_.created_at &&
           now - *ours.core_.established_at < reauthenticated_linger;
}

// RFC 7296 2.8.2 decides this for rekeys; by the same rule the one with the lowest SPI is one too
// many. Who made it closes it; the other end does so later, if the peer has no such rule.
void IkeSa::settle_with_rival(const Environment& env) {
    // One of the two is ours, and was begun to reauthenticate: hardly ever is there one.
    std::erase_if(env.state.reauthenticating, [&](IkeSpi spi) {
        const IkeSa* const sa = env.find(spi);
        return sa == nullptr || sa->gone() ||
               (sa->core_.established_at && !sa->replaces_ &&
                env.now - *sa->core_.established_at >= reauthenticated_linger);
    });
    if (env.state.reauthenticating.empty()) { return; }
    for (IkeSa* const other : env.with_identities(core_.local_id, core_.peer())) {
        if (other == this) { continue; }
        IkeSa& ours = core_.began_first ? *this : *other;
        IkeSa& theirs = core_.began_first ? *other : *this;
        if (!rivals(ours, theirs, env.now)) { continue; }
        IkeSa& loser = lowest_spi(ours.core_) < lowest_spi(theirs.core_) ? ours : theirs;
        rival_ = other->core_.local_spi;
        other->rival_ = core_.local_spi;
        loser.replaced_by_another_ = true;
        loser.linger(&loser == &ours ? reauthenticated_linger : 2 * reauthenticated_linger, env);
        env.event(loser.core_, EventKind::note, Severity::info,
                  fmt::format("both ends reauthenticated {} at once: [{}] is one too many",
                              core_.name(), loser.core_.unique_id));
        return;
    }
}

// Whoever was begun to take this one's place takes its successor's.
void IkeSa::tell_who_replaces(IkeSpi successor, const Environment& env) {
    for (const IkeSpi spi : env.state.reauthenticating) {
        IkeSa* const sa = env.find(spi);
        if (sa != nullptr && sa->replaces_ == core_.local_spi) { sa->replaces_ = successor; }
    }
}

IkeSpi IkeSa::standing(IkeSpi spi, const Environment& env) {
    for (const IkeSa* sa = env.find(spi); sa != nullptr; sa = env.find(spi)) {
        const auto* rekeyed = std::get_if<Rekeyed>(&sa->state_);
        if (rekeyed == nullptr) { break; }
        spi = rekeyed->successor;
    }
    return spi;
}

// The new IKE SA has all that the old one had, or was refused it.
void IkeSa::end_what_it_replaces(const Environment& env) {
    if (!replaces_ || !established() || active_) { return; }
    const bool making = std::ranges::any_of(queue_, [](const Task& task) {
        return std::holds_alternative<CreateChildTask>(task.what);
    });
    if (making) { return; }
    IkeSa* const old = env.find(standing(*replaces_, env));
    const auto has_child = [](const IkeSa& sa) {
        return std::ranges::any_of(sa.core_.children, &Child::live);
    };
    if (old != nullptr && old != this && has_child(*old) && !has_child(*this)) {
        return goes_without(*old, env);
    }
    replaces_.reset();
    if (old != nullptr && old != this) { old->close({}, env); }
}

// It was given no Child SA, where the old one has some: that carries on as long as it may.
void IkeSa::goes_without(const IkeSa& old, const Environment& env) {
    env.event(core_, EventKind::note, Severity::warn,
              fmt::format("IKE SA {}[{}] was to take the place of [{}], but has no Child SA: the "
                          "old one stays",
                          core_.name(), core_.unique_id, old.core_.unique_id));
    give_up_replacing(env);
    close({}, env);
}

// It never came to be: the old one goes on and tries again, as long as its lifetime lets it.
void IkeSa::give_up_replacing(const Environment& env) {
    if (!replaces_) { return; }
    IkeSa* const old = env.find(standing(*std::exchange(replaces_, std::nullopt), env));
    if (old == nullptr || old == this || old->gone()) { return; }
    old->replaced_by_another_ = false;
    old->replacing_failed_ = true;
    old->core_.reauth_at = env.at_about(rekey_retry, seconds{10});
    env.touch(old->core_.local_spi);
}

void IkeSa::linger(seconds time, const Environment& env) {
    lingers_ = true;
    const Instant end = env.now + time;
    core_.expires_at = core_.expires_at ? std::min(*core_.expires_at, end) : end;
    core_.rekey_at.reset();
    core_.reauth_at.reset();
    env.touch(core_.local_spi);
}

// A peer was lost, or closed all: dpd_action and close_action.
void IkeSa::restart_children(const std::vector<std::pair<ChildRef, StartAction>>& children,
                             const Environment& env) {
    if (env.state.ending) { return; }
    std::optional<RestartBook::Plan> plan;
    for (const auto& [child, action] : children) {
        if (action == StartAction::none) { continue; }
        const ConnectionRef connection = find_connection(env.state.config, core_.name());
        if (!connection || !find_child(connection, child->name)) { continue; }
        if (action == StartAction::trap) {
            env.emit(InstallTrap{.connection = core_.name(), .child = child->name});
            continue;
        }
        if (!plan) { plan = env.state.restarts.lost(core_.name(), env.now, env.random()); }
        env.state.restarts.add({.connection = core_.name(), .child = child->name}, plan->at);
    }
    if (!plan || plan->losses < flaps_told_from) { return; }
    const auto wait = std::chrono::duration_cast<milliseconds>(plan->at - env.now);
    env.count(core_, Counter::flaps);
    env.event(
        core_, EventKind::note, Severity::warn,
        fmt::format("connection {} was lost {} times lately: the next try is in {} s; look at "
                    "the path to {}, and at dpd_delay on both sides",
                    core_.name(), plan->losses, (wait.count() + 999) / 1000,
                    core_.remote.address.to_string()));
}

}  // namespace culvert::ike::v2
