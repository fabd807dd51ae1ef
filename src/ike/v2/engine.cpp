#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/v2/bring_up.hpp"
#include "ike/v2/commands.hpp"
#include "ike/v2/configuration.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/engine_impl.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/init.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike {

using v2::SaCore;

namespace {

// RFC 2408 3.1 puts IKEv1's Main, Aggressive and Quick Mode on the same ports.
Error version_not_built(const wire::IkeHeader& header) {
    return {.code = ErrorCode::unsupported_version,
            .wanted = "IKEv2 (major version 2)",
            .received = fmt::format("major version {}", header.major_version),
            .remedy = header.major_version == 1 ? "set the peer to IKEv2; IKEv1 is not built yet"
                                                : "nothing: there is no such version"};
}

void close_children_without_config(IkeSa& sa, const Connection& now, const Environment& env) {
    std::vector<ChildSaId> gone;
    for (const v2::Child& child : sa.core().children) {
        const bool configured = std::ranges::find(now.children, child.config->name,
                                                  &ChildConfig::name) != now.children.end();
        if (child.live() && !configured) { gone.push_back(child.id); }
    }
    for (const ChildSaId id : gone) { sa.delete_child(id, "it is configured no more", {}, env); }
}

}  // namespace

void Engine::Impl::datagram(const Datagram& datagram, const Environment& env) {
    const auto header = wire::parse_header(datagram.bytes);
    if (!header) {
        state.counters.count(v2::Counter::invalid);
        env.stranger_alert(datagram.remote, "parse-error-header",
                           fmt::format("what came from {} is no IKE message: {}",
                                       datagram.remote.to_string(), explain(header.error())));
        return;
    }
    if (header->major_version != 2) {
        state.counters.count(v2::Counter::invalid);
        env.stranger_failure({}, datagram.remote, "IKE", version_not_built(*header));
        // RFC 7296 2.5: only a higher version is told ours.
        if (header->major_version > 2 && !header->flags.response) {
            answer_stranger(datagram, *header,
                            {wire::Notify{.type = wire::NotifyType::invalid_major_version}}, env);
        }
        return;
    }
    const bool init = header->exchange == wire::ExchangeType::ike_sa_init ||
                      header->exchange == wire::ExchangeType::ike_session_resume;
    if (init && !header->flags.response) { return first_message(datagram, *header, env); }
    const IkeSpi ours = header->flags.initiator ? header->responder_spi : header->initiator_spi;
    if (IkeSa* const sa = env.find(ours)) { return sa->handle(datagram, *header, env); }
    if (state.promised.has(ours)) { return; }  // ahead of the answer that makes it; it comes again
    state.counters.count(v2::Counter::invalid_spi);
    env.stranger_alert(datagram.remote, "invalid-ike-spi",
                       fmt::format("{} from {} for an IKE SA that is not here",
                                   wire::to_string(header->exchange), datagram.remote.to_string()));
    // RFC 7296 2.21.4; A-09: at a bounded rate, and never longer than what came.
    if (!header->flags.response && !init) {
        wire::Payloads answer{wire::Notify{.type = wire::NotifyType::invalid_ike_spi}};
        if (may_show_crash_token(*header, env) && datagram.bytes.size() >= v2::crash_answer_size) {
            answer.emplace_back(
                wire::Notify{.type = wire::NotifyType::quick_crash_detection,
                             .data = v2::crash_token(state.crash_secret, header->initiator_spi,
                                                     header->responder_spi)});
        }
        answer_stranger(datagram, *header, std::move(answer), env);
    }
}

// RFC 6290 9.2: never the token of an IKE SA that is here, whichever end the message claims to be.
bool Engine::Impl::may_show_crash_token(const wire::IkeHeader& header, const Environment& env) {
    const bool is_protected = header.next_payload == wire::PayloadType::sk ||
                              header.next_payload == wire::PayloadType::skf;
    return !state.crash_secret.empty() && is_protected && header.initiator_spi != IkeSpi{} &&
           header.responder_spi != IkeSpi{} && !env.is_here(header.initiator_spi) &&
           !env.is_here(header.responder_spi);
}

void Engine::Impl::answer_stranger(const Datagram& datagram, wire::IkeHeader header,
                                   const wire::Payloads& payloads, const Environment& env) {
    header.major_version = 2;
    header.minor_version = 0;
    header.flags = {.initiator = !header.flags.initiator, .response = true};
    Bytes answer = wire::write(header, payloads);
    if (answer.size() > datagram.bytes.size() || !state.stray_answers.allow(env.now)) { return; }
    env.emit(Transmit{.datagram = {.local = datagram.local,
                                   .remote = datagram.remote,
                                   .non_esp_marker = datagram.non_esp_marker,
                                   .bytes = std::move(answer),
                                   .stream = datagram.stream}});
}

void Engine::Impl::first_message(const Datagram& datagram, const wire::IkeHeader& header,
                                 const Environment& env) {
    // S-06: what is no first message of an initiator is nothing.
    if (!header.flags.initiator || header.initiator_spi == IkeSpi{} ||
        header.responder_spi != IkeSpi{} || header.message_id != MessageId{0}) {
        state.counters.count(v2::Counter::invalid);
        return;
    }
    if (state.ending) { return; }
    if (state.config->settings.initiator_only) {
        return env.stranger_failure({}, datagram.remote, wire::to_string(header.exchange),
                                    v2::we_only_begin());
    }
    const auto known = state.by_initiator_spi.find(header.initiator_spi);
    IkeSa* const sa = known == state.by_initiator_spi.end() ? nullptr : env.find(known->second);
    if (sa != nullptr) { return sa->resend_init_response(datagram, env); }
    if (header.exchange == wire::ExchangeType::ike_session_resume) {
        return v2::respond_to_resume(datagram, env);
    }
    v2::respond_to_init(datagram, env);
}

void Engine::Impl::sweep(Actions& actions) {
    const auto file_stream = [&](IkeSpi spi, StreamId stream) {
        if (const auto unused = state.streams.file(spi, stream)) {
            actions.emplace_back(CloseStream{*unused});
        }
    };
    // Ending one SA may touch another.
    while (!state.touched.empty()) {
        for (const IkeSpi spi : std::exchange(state.touched, {})) {
            const auto found = state.sas.find(spi);
            if (found == state.sas.end()) { continue; }
            const IkeSa& sa = *found->second;
            state.deadlines.set(spi, sa.gone() ? std::nullopt : sa.next_deadline());
            if (sa.gone()) {
                const auto initiator = state.by_initiator_spi.find(sa.core().remote_spi);
                if (initiator != state.by_initiator_spi.end() && initiator->second == spi) {
                    state.by_initiator_spi.erase(initiator);
                }
                state.index.remove(spi);
                file_stream(spi, StreamId{});
                if (filed.erase(spi) != 0) { state.neighbours->remove(spi); }
                state.sas.erase(found);
                continue;
            }
            state.index.file(sa.core());
            v2::tell_where_it_is(found->second->core(), state.leases());
            file_stream(spi, sa.core().stream);
            file(sa);
        }
    }
}

void Engine::Impl::file(const IkeSa& sa) {
    if (state.neighbours == nullptr) { return; }
    const SaCore& core = sa.core();
    const auto [known, fresh] = filed.try_emplace(core.local_spi, false);
    if (!fresh && known->second == sa.established()) { return; }
    known->second = sa.established();
    state.neighbours->file(core.local_spi,
                           sa.established() ? std::optional{v2::peer_of(core)} : std::nullopt);
}

// ---- the engine

Engine::Engine(ConfigSnapshot config, Random& random, Share share)
    : impl_(std::make_unique<Impl>(std::move(config), random, share)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Actions Engine::configure(ConfigSnapshot config, Instant now) {
    Actions actions;
    const Environment env{.state = impl_->state, .now = now, .actions = actions};
    const ConfigSnapshot before = std::exchange(impl_->state.config, std::move(config));
    v2::end_outdated_tickets(*before, impl_->state);
    std::unordered_map<std::string_view, const Connection*> connections;
    for (const Connection& one : impl_->state.config->connections) {
        connections.emplace(one.name, &one);
    }
    for (IkeSa* const sa : v2::in_order(impl_->state)) {
        if (sa->gone()) { continue; }
        const auto found = connections.find(sa->core().name());
        if (found == connections.end()) {
            sa->close({}, env);
        } else {
            close_children_without_config(*sa, *found->second, env);
            sa->follow_configuration(*found->second, env);
        }
    }
    std::erase_if(impl_->state.counters_by_connection,
                  [&](const auto& entry) { return !connections.contains(entry.first); });
    impl_->sweep(actions);
    return actions;
}

Actions Engine::handle(Input input, Instant now) {
    constexpr std::size_t actions_mostly_max = 16;  // what a handshake takes; actions are big
    Actions actions;
    actions.reserve(actions_mostly_max);
    const Environment env{.state = impl_->state, .now = now, .actions = actions};
    if (const auto* datagram = std::get_if<Datagram>(&input)) {
        impl_->datagram(*datagram, env);
    } else if (std::holds_alternative<Ending>(input)) {
        impl_->state.ending = true;
    } else if (const auto* up = std::get_if<Initiate>(&input)) {
        v2::carry_out(*up, env);
    } else if (const auto* down = std::get_if<Terminate>(&input)) {
        v2::carry_out(*down, env);
    } else if (const auto* rekey = std::get_if<Rekey>(&input)) {
        v2::carry_out(*rekey, env);
    } else if (const auto* redirect = std::get_if<Redirect>(&input)) {
        v2::carry_out(*redirect, env);
    } else {
        impl_->news(input, env);
    }
    impl_->sweep(actions);
    return actions;
}

Actions Engine::tick(Instant now) {
    Actions actions;
    const Environment env{.state = impl_->state, .now = now, .actions = actions};
    for (const IkeSpi spi : impl_->state.deadlines.due(now)) {
        if (IkeSa* const sa = env.find(spi)) { sa->tick(env); }
    }
    for (const auto& restart : impl_->state.restarts.take_due(now)) {
        if (impl_->state.ending) { break; }
        const auto connection = v2::find_connection(impl_->state.config, restart.connection);
        const auto child = connection ? v2::find_child(connection, restart.child) : nullptr;
        if (child) { v2::bring_up(connection, child, std::nullopt, {}, env); }
    }
    impl_->sweep(actions);
    return actions;
}

std::optional<Instant> Engine::next_deadline() const {
    const auto first = impl_->state.deadlines.next();
    const auto restart = impl_->state.restarts.next();
    if (!first) { return restart; }
    return restart && *restart < *first ? restart : first;
}

void Engine::use_source_lookup(SourceFor source_for) {
    impl_->state.source_for = std::move(source_for);
}

void Engine::use_calendar(Calendar calendar) { impl_->state.calendar = std::move(calendar); }

void Engine::use_fetches() { impl_->state.revocation.on = true; }

void Engine::forget_fetched() { impl_->state.revocation.forget(); }

void Engine::use_crash_secret(Secret secret) { impl_->state.crash_secret = std::move(secret); }

void Engine::use_neighbours(std::shared_ptr<Neighbours> neighbours) {
    impl_->state.neighbours = std::move(neighbours);
}

void Engine::use_leases(std::shared_ptr<Leases> leases) {
    ASSERT(leases != nullptr);
    impl_->state.lease_source = std::move(leases);
}

ReqId Engine::reqid_of(const std::string& connection, const std::string& child) {
    return impl_->state.reqid_of(connection, child);
}

void Engine::know_reqid(const std::string& connection, const std::string& child, ReqId reqid) {
    impl_->state.know_reqid(connection, child, reqid);
}

std::vector<IkeSaStatus> Engine::status(Instant /*now*/) const {
    std::vector<IkeSaStatus> out;
    for (const IkeSa* const sa : v2::in_order(impl_->state)) {
        IkeSaStatus status = sa->status();
        if (status.state != IkeState::destroying && status.state != IkeState::rekeyed) {
            out.push_back(std::move(status));
        }
    }
    return out;
}

bool Engine::stands(std::string_view connection, std::string_view child) const {
    const auto has_child = [&](const v2::Child& one) {
        return one.config->name == child && one.live();
    };
    for (const IkeSpi spi : impl_->state.index.of_connection(connection)) {
        const IkeSa& sa = *impl_->state.sas.at(spi);
        if (sa.core().name() != connection) { continue; }
        const IkeState state = sa.status().state;
        if (state == IkeState::destroying || state == IkeState::rekeyed) { continue; }
        if (child.empty() ? state == IkeState::established
                          : std::ranges::any_of(sa.core().children, has_child)) {
            return true;
        }
    }
    return false;
}

std::vector<Failure> Engine::failures() const { return impl_->state.failures.newest_first(); }
void Engine::keep(Failure failure) { impl_->state.failures.add(std::move(failure)); }
Counters Engine::counters() const { return impl_->state.counters.by_name(); }
std::map<std::string, Counters> Engine::connection_counters() const {
    std::map<std::string, Counters> out;
    for (const auto& [name, set] : impl_->state.counters_by_connection) {
        out.emplace(name, set.by_name());
    }
    return out;
}
std::size_t Engine::half_open() const { return impl_->state.guard.total(); }

void Engine::check_invariants() const {
    ASSERT(impl_->state.touched.empty());
    std::size_t children = 0;
    for (const auto& [spi, sa] : impl_->state.sas) {
        ASSERT(sa->core().local_spi == spi);
        ASSERT(!sa->gone());
        ASSERT(impl_->state.index.is_right_about(sa->core()));
        sa->check_invariants();
        for (const v2::Child& child : sa->core().children) {
            const auto owner = impl_->state.child_owner.find(child.id);
            ASSERT(owner != impl_->state.child_owner.end() && owner->second == spi);
            ASSERT(impl_->state.esp_spis.contains(child.inbound_spi));
            ++children;
        }
    }
    ASSERT(children == impl_->state.child_owner.size());
    ASSERT(impl_->state.index.size() == impl_->state.sas.size());
    ASSERT(impl_->state.deadlines.size() <= impl_->state.sas.size());
}

}  // namespace culvert::ike
