// IKE_SESSION_RESUME (RFC 5723), both sides: an IKE SA from a ticket, with fresh nonces instead of
// a key exchange.

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/auth/psk.hpp"
#include "ike/same.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/init.hpp"
#include "ike/v2/key_log.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

// SKEYSEED = prf(SK_d_old, "Resumption" | Ni | Nr) (RFC 5723 5.1): the formula of a rekey.
IkeKeys derive_resumed(const ResumableSa& from, const IkeKeyInput& input) {
    const Secret word = Secret::copy_of(as_bytes("Resumption"));
    return derive_rekeyed_ike_keys(from.suite, from.suite.prf, from.sk_d, word, input);
}

void use(SaCore& sa, const ResumableSa& from, IkeKeys& keys, InitResult& init,
         const Environment& env) {
    sa.use_keys(from.suite, keys);
    log_keys(sa, keys, env);
    sa.reauth_at = from.reauth_at;
    init.sk_pi = std::move(keys.sk_pi);
    init.sk_pr = std::move(keys.sk_pr);
}

// The connection that gave the ticket, if it is as it was; a ticket does not outlive the algorithms
// of its IKE SA in the configuration.
ConnectionRef connection_of(const ResumableSa& ticket, const Datagram& datagram,
                            const Environment& env) {
    for (const ConnectionRef& connection : connections_by_address(
             env.state.config, datagram.local.address, datagram.remote.address)) {
        if (connection->name != ticket.connection) { continue; }
        const bool takes = connection->resumption && connection->local_more.empty() &&
                           connection->remote_more.empty() &&
                           identity_fit(*connection, nullptr, ticket.remote) > 0 &&
                           proposes(*connection, ticket.suite);
        return takes ? connection : nullptr;
    }
    return nullptr;
}

wire::Payloads answer_payloads(const SaCore& sa, const InitResult& init, bool fragmentation,
                               const Environment& env) {
    wire::Payloads payloads;
    payloads.emplace_back(wire::Nonce{.data = init.nr});
    if (sa.nat.supported) {
        add_nat_detection(payloads, sa.remote_spi, sa.local_spi, sa.local, sa.remote,
                          forces_udp(*sa.connection), env.random());
    }
    if (sa.nat.preferred) { payloads.emplace_back(udp_preference()); }
    if (fragmentation) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::ikev2_fragmentation_supported});
    }
    if (sa.connection->childless != Childless::never) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::childless_ikev2_supported});
    }
    return payloads;
}

void accept_ticket(const Datagram& datagram, const wire::Message& request, const Bytes& ni,
                   ResumableSa ticket, ConnectionRef connection, const Environment& env) {
    SaCore sa;
    sa.unique_id = env.new_ike_unique();
    sa.connection = std::move(connection);
    sa.local_spi = env.new_ike_spi();
    sa.remote_spi = request.header.initiator_spi;
    sa.local = datagram.local;
    sa.remote = datagram.remote;
    sa.nat_t_port = datagram.non_esp_marker;
    sa.came_by(datagram.stream);
    sa.created_at = env.now;
    sa.nat = settled(
        detect_nat(request.payloads, sa.remote_spi, IkeSpi{}, sa.local, sa.remote), *sa.connection,
        would_take_udp(*sa.connection, env.settings()) && says_udp_preference(request.payloads));
    const bool fragmentation =
        sa.connection->fragmentation != Fragmentation::no &&
        wire::find_notify(request.payloads, NotifyType::ikev2_fragmentation_supported) != nullptr;
    sa.peer_takes_fragments = fragmentation && sa.connection->fragmentation == Fragmentation::yes;
    sa.peer_takes_redirects =
        wire::find_notify(request.payloads, NotifyType::redirect_supported) != nullptr;

    InitResult init{.request = datagram.bytes, .ni = ni, .nr = env.random().bytes(nonce_size)};
    IkeKeys keys = derive_resumed(ticket, {.ni = init.ni,
                                           .nr = init.nr,
                                           .initiator_spi = sa.remote_spi,
                                           .responder_spi = sa.local_spi});
    use(sa, ticket, keys, init, env);
    const wire::Payloads payloads = answer_payloads(sa, init, fragmentation, env);
    const wire::IkeHeader header{.initiator_spi = sa.remote_spi,
                                 .responder_spi = sa.local_spi,
                                 .exchange = wire::ExchangeType::ike_session_resume,
                                 .flags = {.response = true}};
    init.response = wire::write(header, payloads);
    init.resumed = std::move(ticket);
    env.exchange_event(sa, "received " + wire::describe(request));
    env.exchange_event(sa, "sending " + wire::describe(header, payloads));
    IkeSa& half = env.add(IkeSa::half_open(std::move(sa), std::move(init), datagram, env));
    half.resend_init_response(datagram, env);
}

bool asks_for_the_same_proofs(const Connection& a, const Connection& b) {
    return same_local_rounds(a, b) && same_remote_rounds(a, b) && a.ppk_id == b.ppk_id &&
           a.ppk_required == b.ppk_required;
}

Error resumed_by_another(std::string_view connection) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("AUTH under the keys of the IKE SA that is resumed (connection "
                                  "{})",
                                  connection),
            .received = "another one",
            .remedy = "nothing: who has the ticket alone cannot use it"};
}

}  // namespace

Error ticket_used_twice(std::string_view connection) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("a ticket that was not used before (connection {})", connection),
            .received = "one that was used meanwhile",
            .remedy = "nothing: the peer begins anew"};
}

wire::Authentication resumed_auth(const crypto::Prf& prf, const Secret& sk_p, ByteView octets) {
    return {.method = wire::AuthMethod::shared_key,
            .data = to_bytes(prf(sk_p.reveal(), {octets}).reveal())};
}

Status verify_resumed(std::string_view connection, const wire::Authentication& auth,
                      const crypto::Prf& prf, const Secret& sk_p, ByteView octets) {
    const wire::Authentication wanted = resumed_auth(prf, sk_p, octets);
    if (auth.method != wanted.method || !constant_time_equal(auth.data, wanted.data)) {
        return std::unexpected(resumed_by_another(connection));
    }
    return {};
}

void take_over_from(const ResumableSa& ticket, const SaCore& sa, const Environment& env) {
    env.state.ticket_office.spend(ticket.id, ticket.expires, env.now);
    for (IkeSa* const other : env.with_identities(sa.local_id, sa.peer())) {
        const auto& given = other->core().ticket;
        if (given && given->id == ticket.id && other->core().local_spi != sa.local_spi) {
            other->vanish("its peer has resumed it with the ticket", env);
        }
    }
}

void answer_ticket_request(const wire::Payloads& request, wire::Payloads& response, SaCore& sa,
                           const Environment& env) {
    if (wire::find_notify(request, NotifyType::ticket_request) == nullptr) { return; }
    const Connection& connection = *sa.connection;
    Instant expires = env.now + ticket_lifetime_max;
    std::optional<Instant> reauth = sa.reauth_at;
    if (!reauth && connection.reauth_time.count() > 0) {
        reauth = env.now + connection.reauth_time;
    }
    if (reauth) { expires = std::min(expires, *reauth); }
    const auto lifetime = std::chrono::duration_cast<seconds>(expires - env.now);
    if (!connection.resumption || lifetime.count() <= 0) {
        response.emplace_back(wire::Notify{.type = NotifyType::ticket_nack});
        return;
    }
    ResumableSa kept{.connection = connection.name,
                     .suite = *sa.suite,
                     .sk_d = sa.sk_d.clone(),
                     .local = sa.local_id,
                     .remote = sa.remote_id,
                     .remote_eap = sa.remote_eap_id,
                     .expires = expires,
                     .reauth_at = reauth};
    Writer data;
    data.u32(static_cast<std::uint32_t>(lifetime.count()));
    data.bytes(env.state.ticket_office.seal(kept, env.now, env.random()));
    response.emplace_back(wire::Notify{.type = NotifyType::ticket_lt_opaque, .data = data.take()});
    sa.ticket = SaCore::GivenTicket{.id = kept.id, .expires = expires};
}

void keep_ticket(const wire::Payloads& response, SaCore& sa, const Environment& env) {
    const auto* notify = wire::find_notify(response, NotifyType::ticket_lt_opaque);
    if (!sa.connection->resumption || notify == nullptr || notify->data.size() <= 4 ||
        notify->data.size() > ticket_size_max) {
        return;
    }
    Reader in{notify->data};
    const seconds lifetime{in.u32()};
    TicketWallet::Entry entry{.ticket = to_bytes(in.rest()),
                              .sa = {.connection = sa.name(),
                                     .suite = *sa.suite,
                                     .sk_d = sa.sk_d.clone(),
                                     .local = sa.local_id,
                                     .remote = sa.remote_id,
                                     .expires = env.now + std::min(lifetime, ticket_lifetime_max),
                                     .reauth_at = sa.reauth_at,
                                     .vips = sa.local_vips}};
    if (sa.reauth_at) { entry.sa.expires = std::min(entry.sa.expires, *sa.reauth_at); }
    sa.ticket_kept = env.state.tickets.keep(std::move(entry));
}

void end_outdated_tickets(const Config& before, EngineState& state) {
    const Config& now = *state.config;
    if (std::ranges::none_of(before.connections, &Connection::resumption)) { return; }
    if (!same_secrets(before, now) || !same(before.credentials, now.credentials)) {
        state.ticket_office.end_all();
        return state.tickets.forget_all();
    }
    std::unordered_map<std::string_view, const Connection*> there;
    for (const Connection& one : now.connections) { there.emplace(one.name, &one); }
    for (const Connection& old : before.connections) {
        if (!old.resumption) { continue; }
        const auto found = there.find(old.name);
        if (found != there.end() && asks_for_the_same_proofs(old, *found->second)) { continue; }
        state.ticket_office.end_those_of(old.name);
        state.tickets.forget(old.name);
    }
}

InitInitiator::Outcome InitInitiator::take_resumption(const wire::Message& response, ByteView raw,
                                                      SaCore& sa, const Environment& env) {
    const bool refused = wire::find_notify(response.payloads, NotifyType::ticket_nack) != nullptr ||
                         wire::find_error_notify(response.payloads) != nullptr;
    const auto* nonce = wire::find<wire::Nonce>(response.payloads);
    if (refused) {
        // Anybody can say so; the worst of it is a handshake from the beginning.
        forget_ticket(sa, env);
        return SendAgain{};
    }
    if (nonce == nullptr || response.header.responder_spi == IkeSpi{}) { return Ignored{}; }
    ResumableSa from = std::move(std::exchange(ticket_, std::nullopt)->sa);
    sa.remote_spi = response.header.responder_spi;
    InitResult init{.request = std::move(request_),
                    .response = to_bytes(raw),
                    .ni = std::move(nonce_),
                    .nr = nonce->data};
    IkeKeys keys = derive_resumed(from, {.ni = init.ni,
                                         .nr = init.nr,
                                         .initiator_spi = sa.local_spi,
                                         .responder_spi = sa.remote_spi});
    use(sa, from, keys, init, env);
    sa.nat = settled(
        detect_nat(response.payloads, sa.local_spi, sa.remote_spi, sa.local, sa.remote),
        *sa.connection,
        would_take_udp(*sa.connection, env.settings()) && says_udp_preference(response.payloads));
    sa.peer_takes_fragments =
        sa.connection->fragmentation == Fragmentation::yes &&
        wire::find_notify(response.payloads, NotifyType::ikev2_fragmentation_supported) != nullptr;
    init.peer_takes_childless =
        wire::find_notify(response.payloads, NotifyType::childless_ikev2_supported) != nullptr;
    init.resumed = std::move(from);
    return Done{std::move(init)};
}

void respond_to_resume(const Datagram& datagram, const Environment& env) {
    if (env.state.guard.judge(datagram.remote.address, env.settings()) ==
            HalfOpenGuard::Verdict::ignore ||
        takes_no_more(env)) {
        return;
    }
    const auto request = wire::parse_message(datagram.bytes);
    const auto* nonce = request ? wire::find<wire::Nonce>(request->payloads) : nullptr;
    const auto* ticket =
        request ? wire::find_notify(request->payloads, NotifyType::ticket_opaque) : nullptr;
    const bool sane = nonce != nullptr && ticket != nullptr &&
                      wire::count<wire::Nonce>(request->payloads) == 1 &&
                      !wire::unknown_critical(request->payloads);
    if (!sane) {
        env.state.counters.count(Counter::invalid);
        return;
    }
    if (cookie_wanted(datagram, *request, nonce->data, env)) {
        return answer_without_state(datagram, request->header,
                                    {.type = NotifyType::cookie,
                                     .data = env.state.guard.make_cookie(
                                         nonce->data, datagram.remote.address,
                                         request->header.initiator_spi, env.now, env.random())},
                                    env);
    }
    if (const auto away = sent_away(*request, nonce->data, datagram.local.address, env)) {
        return answer_without_state(datagram, request->header, *away, env);
    }
    auto opened = env.state.ticket_office.open(ticket->data, env.now);
    const ConnectionRef connection = opened ? connection_of(*opened, datagram, env) : nullptr;
    if (!connection) {
        answer_without_state(datagram, request->header, {.type = NotifyType::ticket_nack}, env);
        return env.stranger_alert(datagram.remote, {},
                                  fmt::format("a ticket from {} that is none, out of date, used, "
                                              "or of a connection that is not what it was",
                                              datagram.remote.to_string()));
    }
    accept_ticket(datagram, *request, nonce->data, std::move(*opened), connection, env);
}

// RFC 5723 4.3.3: the identities are those of the ticket.
Result<wire::IdResponder> AuthResponder::authenticate_resumed(const wire::Payloads& request,
                                                              SaCore& sa,
                                                              const Environment& env) const {
    const auto* idi = wire::find<wire::IdInitiator>(request);
    const auto* auth = wire::find<wire::Authentication>(request);
    const ResumableSa& ticket = *init_.resumed;
    if (auth == nullptr) {
        return std::unexpected(
            bad_payloads(wire::ExchangeType::ike_auth, "one IDi and AUTH each", request));
    }
    if (env.state.ticket_office.is_spent(ticket.id)) {
        return std::unexpected(ticket_used_twice(sa.name()));
    }
    if (!(idi->identity == ticket.remote)) {
        return std::unexpected(identity_mismatch(sa.name(), ticket.remote, idi->identity));
    }
    const Bytes octets =
        signed_octets(sa.prf(), init_.request, init_.nr, init_.sk_pi, idi->rest_of_id());
    if (Status done = verify_resumed(sa.name(), *auth, sa.prf(), init_.sk_pi, octets); !done) {
        return std::unexpected(std::move(done).error());
    }
    sa.local_id = ticket.local;
    sa.remote_id = ticket.remote;
    sa.remote_eap_id = ticket.remote_eap;
    if (sa.connection->unique == Unique::keep &&
        wire::find_notify(request, NotifyType::initial_contact) == nullptr &&
        has_other_sa(sa.connection, ticket.local, sa.peer(), sa, env)) {
        return std::unexpected(duplicate_peer(sa.name(), sa.peer()));
    }
    return wire::IdResponder{.identity = ticket.local};
}

}  // namespace culvert::ike::v2
