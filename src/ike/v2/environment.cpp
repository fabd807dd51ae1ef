#include "ike/v2/environment.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "ike/v2/ike_sa.hpp"
#include "x509/chain.hpp"

namespace culvert::ike::v2 {

EngineState::EngineState(ConfigSnapshot snapshot, Random& source, Share whose)
    : config(std::move(snapshot)),
      random(source),
      share(whose),
      revocation(numbering),
      lease_source(std::make_shared<LeaseBook>()) {}
EngineState::~EngineState() = default;

ReqId EngineState::reqid_of(const std::string& connection, const std::string& child) {
    const auto [found, fresh] = reqids.try_emplace({connection, child});
    if (!fresh) { return found->second; }
    // A configured reqid stays as it is; those that we choose keep out of its way.
    std::set<std::uint32_t> taken;
    for (const Connection& c : config->connections) {
        for (const ChildConfig& k : c.children) {
            if (k.reqid == 0) { continue; }
            taken.insert(k.reqid);
            if (c.name == connection && k.name == child) { found->second = ReqId{k.reqid}; }
        }
    }
    if (found->second == ReqId{}) {
        do { ++last_reqid; } while (taken.contains(last_reqid));
        found->second = ReqId{last_reqid};
    }
    names_of_reqid.insert_or_assign(found->second, std::pair{connection, child});
    return found->second;
}

void EngineState::know_reqid(const std::string& connection, const std::string& child, ReqId reqid) {
    reqids.insert_or_assign({connection, child}, reqid);
    names_of_reqid.insert_or_assign(reqid, std::pair{connection, child});
}

IkeSa& Environment::add(std::unique_ptr<IkeSa> sa) const {
    const IkeSpi spi = sa->core().local_spi;
    const auto [where, fresh] = state.sas.emplace(spi, std::move(sa));
    ASSERT(fresh);
    state.index.file(where->second->core());
    touch(spi);
    return *where->second;
}

IkeSa* Environment::find(IkeSpi local_spi) const {
    const auto found = state.sas.find(local_spi);
    return found == state.sas.end() ? nullptr : found->second.get();
}

bool Environment::is_here(IkeSpi local_spi) const {
    return find(local_spi) != nullptr || state.promised.has(local_spi) ||
           (state.neighbours != nullptr && state.neighbours->has(local_spi));
}

const SaIndex& Environment::index() const {
    for (const IkeSpi spi : state.touched) {
        if (const IkeSa* const sa = find(spi)) { state.index.file(sa->core()); }
    }
    return state.index;
}

std::vector<IkeSa*> Environment::with_identities(const Identity& local,
                                                 const Identity& remote) const {
    std::vector<IkeSa*> out;
    for (const IkeSpi spi : index().with_identities(local, remote)) { out.push_back(find(spi)); }
    std::ranges::sort(out, {}, [](const IkeSa* sa) { return sa->core().unique_id; });
    return out;
}

IkeSpi Environment::new_ike_spi() const {
    for (;;) {
        const IkeSpi spi{state.numbering.ike_spi(random().u64())};
        const bool taken = state.sas.contains(spi) || state.promised.has(spi);
        if (spi.value() != 0 && !taken) { return spi; }
    }
}

IkeSpi Environment::promise_ike_spi() const {
    const IkeSpi spi = new_ike_spi();
    state.promised.add(spi, now);
    return spi;
}

EspSpi Environment::new_esp_spi(std::optional<EspSpi> follows) const {
    constexpr std::uint32_t low = 0xff;
    for (;;) {
        // The high nibble c is what strongSwan draws from as well: easy to tell in captures.
        std::uint32_t drawn = 0xc0000000U | state.numbering.esp_spi(random().u32());
        if (follows) { drawn = (drawn & ~low) | (follows->value() & low); }
        if (state.esp_spis.insert(EspSpi{drawn}).second) { return EspSpi{drawn}; }
    }
}

EspSpi Environment::new_esp_spi_of(unsigned resource) const {
    constexpr std::uint32_t octets = 256;
    const std::uint32_t count = std::clamp(settings().resources, 1U, octets);
    // A multiple of their number, and another one each time: a worker has several queues.
    const auto turn = static_cast<std::uint32_t>(random().below(octets / count));
    return new_esp_spi(EspSpi{turn * count + resource % count});
}

std::size_t Environment::resources_max() const {
    return std::max<std::size_t>(settings().resources, child_resources_min);
}

std::optional<Instant> Environment::at_about(seconds time, seconds spread) const {
    if (time.count() <= 0) { return std::nullopt; }
    // A default of one lifetime may be longer than another lifetime: never at once, again and
    // again.
    const milliseconds most =
        std::clamp(milliseconds(spread), milliseconds(0), milliseconds(time) / 2);
    const auto chance_ms = most.count();
    const auto less = chance_ms == 0 ? std::uint64_t{0}
                                     : random().below(static_cast<std::uint64_t>(chance_ms) + 1);
    const Duration wait = time - milliseconds(less);
    return now + std::max(wait, Duration(seconds(1)));
}

void Environment::set_lifetimes(SaCore& sa) const {
    const Connection& connection = *sa.connection;
    sa.rekey_at = at_about(connection.rekey_time, connection.rand_time);
    set_reauthentication(sa);
}

void Environment::set_reauthentication(SaCore& sa) const {
    const Connection& connection = *sa.connection;
    if (!sa.authenticated_until && sa.reauth_at) {  // a ticket's, which proves nothing anew
        sa.authenticated_until = *sa.reauth_at + connection.over_time;
    } else if (!sa.authenticated_until && connection.reauth_time.count() > 0) {
        sa.reauth_at = at_about(connection.reauth_time, connection.rand_time);
        // The other side begins, unless it forgets to.
        if (!sa.began_first) { *sa.reauth_at += connection.over_time / 2; }
        // What a responder tells (RFC 4478), to the second.
        sa.authenticated_until = now + connection.reauth_time + connection.over_time;
    }
    if (sa.auth_lifetime && sa.began_first) {
        const seconds margin = std::min(connection.over_time, *sa.auth_lifetime / 2);
        const Instant wanted = now + std::max(*sa.auth_lifetime - margin, seconds{1});
        const Instant until = wanted + connection.over_time;
        sa.reauth_at = sa.reauth_at ? std::min(*sa.reauth_at, wanted) : wanted;
        sa.authenticated_until =
            sa.authenticated_until ? std::min(*sa.authenticated_until, until) : until;
        sa.auth_lifetime.reset();
    }
    sa.expires_at = sa.authenticated_until;
    if (!sa.rekey_at) { return; }
    const Instant hard = *sa.rekey_at + connection.over_time;
    sa.expires_at = sa.expires_at ? std::min(*sa.expires_at, hard) : hard;
}

std::uint64_t Environment::about(std::uint64_t value, std::uint64_t spread) const {
    if (value == 0 || spread == 0) { return value; }
    const std::uint64_t less = random().below(spread + 1);
    return less >= value ? 1 : value - less;
}

namespace {

std::shared_ptr<const IkeSaStatus> shared(IkeSaStatus status) {
    return std::make_shared<const IkeSaStatus>(std::move(status));
}

Event event_of(const SaCore& sa, EventKind kind, Severity severity, std::string text) {
    Event event;
    event.kind = kind;
    event.severity = severity;
    if (sa.connection) { event.connection = sa.connection->name; }
    event.ike_unique_id = sa.unique_id;
    event.remote = sa.remote;
    event.text = std::move(text);
    return event;
}

// VICI's names (strongSwan's alerts) of what a refusal says in our terms.
std::string_view alert_of(const Error& error, std::string_view exchange, bool we_refused) {
    switch (error.code) {
        case ErrorCode::no_proposal_chosen:
            return exchange == "IKE_SA_INIT" ? "proposal-mismatch-ike" : "proposal-mismatch-child";
        case ErrorCode::ts_unacceptable: return "ts-mismatch";
        case ErrorCode::authentication_failed: {
            if (!we_refused) { return "local-auth-failed"; }
            if (error.wanted.starts_with("the certificate policy ")) {
                return "cert-policy-violation";
            }
            const std::string_view certificate = x509::alert_of(error);
            return certificate.empty() ? "peer-auth-failed" : certificate;
        }
        case ErrorCode::peer_unreachable:
            return exchange == "IKE_SA_INIT" ? "peer-init-unreachable" : "retransmit-send-timeout";
        case ErrorCode::timed_out: return "half-open-timeout";
        case ErrorCode::internal_address_failure:
        case ErrorCode::failed_cp_required: return "vip-failure";
        case ErrorCode::malformed:
        case ErrorCode::unsupported_critical_payload: return "parse-error-body";
        default: return {};
    }
}

}  // namespace

void Environment::event(const SaCore& sa, EventKind kind, Severity severity,
                        std::string text) const {
    Event event = event_of(sa, kind, severity, std::move(text));
    const bool with_status = kind == EventKind::ike_up || kind == EventKind::ike_down;
    if (with_status) {
        if (const IkeSa* whole = find(sa.local_spi)) { event.ike = shared(whole->status()); }
    }
    if (kind == EventKind::retransmit) { event.alert = "retransmit-send"; }
    emit(std::move(event));
}

void Environment::event(const SaCore& sa, const Child& child, EventKind kind, Severity severity,
                        std::string text) const {
    Event event = event_of(sa, kind, severity, std::move(text));
    event.child = child.config->name;
    event.child_unique_id = child.id.value();
    const bool with_status = kind == EventKind::child_up || kind == EventKind::child_down ||
                             kind == EventKind::child_rekeyed;
    if (with_status) {
        if (const IkeSa* whole = find(sa.local_spi)) { event.ike = shared(whole->status()); }
    }
    emit(std::move(event));
}

void Environment::rekeyed_event(const SaCore& sa, IkeSaStatus old, std::string text) const {
    Event event = event_of(sa, EventKind::ike_rekeyed, Severity::info, std::move(text));
    if (const IkeSa* whole = find(sa.local_spi)) { event.ike = shared(whole->status()); }
    old.state = IkeState::rekeying;
    event.old_ike = shared(std::move(old));
    emit(std::move(event));
}

void Environment::updated_event(SaCore& sa, std::string text) const {
    Event event = event_of(sa, EventKind::ike_updated, Severity::info, std::move(text));
    if (const IkeSa* whole = find(sa.local_spi)) {
        IkeSaStatus status = whole->status();
        event.ike = shared(status);
        status.local = sa.told_local;
        status.remote = sa.told_remote;
        event.old_ike = shared(std::move(status));
    }
    sa.told_local = sa.local;
    sa.told_remote = sa.remote;
    emit(std::move(event));
}

void Environment::alert(const SaCore& sa, std::string_view type, Severity severity,
                        std::string text) const {
    Event event = event_of(sa, EventKind::note, severity, std::move(text));
    event.alert = type;
    emit(std::move(event));
}

void Environment::stranger_alert(const Endpoint& remote, std::string_view type,
                                 std::string text) const {
    if (!state.stray_events.allow(now)) { return; }
    emit(Event{.kind = EventKind::note,
               .severity = Severity::debug,
               .remote = remote,
               .alert = type,
               .text = std::move(text)});
}

void Environment::count(const SaCore& sa, Counter counter) const {
    state.counters.count(counter);
    if (sa.connection) { state.counters_by_connection[sa.connection->name].count(counter); }
}

void Environment::count_message(const SaCore& sa, wire::ExchangeType exchange, bool outbound,
                                bool response) const {
    state.counters.count_message(exchange, outbound, response);
    if (!sa.connection) { return; }
    state.counters_by_connection[sa.connection->name].count_message(exchange, outbound, response);
}

void Environment::exchange_event(const SaCore& sa, std::string text) const {
    emit(event_of(sa, EventKind::exchange, Severity::debug, std::move(text)));
}

void Environment::failure(const SaCore& sa, std::string_view child, std::string_view exchange,
                          bool we_refused, const Error& error, std::string_view alert) const {
    Event event =
        event_of(sa, we_refused ? EventKind::refused : EventKind::was_refused, Severity::warn,
                 fmt::format("{}{}{} with {}: {}", exchange, child.empty() ? "" : " for child ",
                             child, sa.remote.to_string(), explain(error)));
    event.child = child;
    event.error = error;
    event.alert = alert.empty() ? alert_of(error, exchange, we_refused) : alert;
    emit(std::move(event));
    state.failures.add({.at = now,
                        .connection = sa.connection ? sa.connection->name : std::string{},
                        .child = std::string(child),
                        .remote = sa.remote,
                        .exchange = std::string(exchange),
                        .we_refused = we_refused,
                        .error = error});
}

void Environment::stranger_failure(std::string_view connection, const Endpoint& remote,
                                   std::string_view exchange, const Error& error) const {
    if (!state.stray_events.allow(now)) { return; }
    SaCore nobody;
    nobody.remote = remote;
    Event event =
        event_of(nobody, EventKind::refused, Severity::warn,
                 fmt::format("{} from {}: {}", exchange, remote.to_string(), explain(error)));
    event.connection = connection;
    event.error = error;
    event.alert = alert_of(error, exchange, true);
    emit(std::move(event));
    state.failures.add({.at = now,
                        .connection = std::string(connection),
                        .remote = remote,
                        .exchange = std::string(exchange),
                        .we_refused = true,
                        .error = error});
}

void Environment::hint(const IpAddress& remote, std::string said) const {
    if (state.send_hints.size() >= send_hints_max) { state.send_hints.clear(); }
    state.send_hints.insert_or_assign(remote, std::pair{now, std::move(said)});
}

std::string Environment::send_hint(const IpAddress& remote) const {
    const auto found = state.send_hints.find(remote);
    if (found == state.send_hints.end()) { return {}; }
    return now - found->second.first > minutes(5) ? std::string{} : found->second.second;
}

}  // namespace culvert::ike::v2
