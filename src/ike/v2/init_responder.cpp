#include <algorithm>

#include <fmt/format.h>

#include "base/writer.hpp"
#include "ike/v2/auth_rounds.hpp"
#include "ike/v2/certificate_auth.hpp"
#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/hash_and_url.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/init.hpp"
#include "ike/v2/key_log.hpp"
#include "ike/v2/ocsp_in_band.hpp"
#include "ike/v2/redirect.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

struct Offer {
    const wire::SecurityAssociation* sa = nullptr;
    const wire::KeyExchange* ke = nullptr;
    const wire::Nonce* nonce = nullptr;
    bool intermediate = false;  // N(INTERMEDIATE_EXCHANGE_SUPPORTED)
};

std::optional<Offer> offer_of(const wire::Payloads& payloads) {
    const bool complete = wire::count<wire::SecurityAssociation>(payloads) == 1 &&
                          wire::count<wire::KeyExchange>(payloads) == 1 &&
                          wire::count<wire::Nonce>(payloads) == 1;
    if (!complete) { return std::nullopt; }
    return Offer{
        .sa = wire::find<wire::SecurityAssociation>(payloads),
        .ke = wire::find<wire::KeyExchange>(payloads),
        .nonce = wire::find<wire::Nonce>(payloads),
        .intermediate =
            wire::find_notify(payloads, NotifyType::intermediate_exchange_supported) != nullptr};
}

struct Selection {
    ConnectionRef connection;
    ChosenProposal chosen;
    // Who asks is not known yet: what all that it may be have in common.
    bool childless = false;
    bool rounds = false;
    std::optional<wire::Notify> methods;
    std::optional<wire::CertificateRequest> certificates;  // that any of them takes
    bool ocsp = false;  // any of them asks for responses inside of IKE
    bool udp = false;   // in place of native ESP, if the peer wants that, too
};

// RFC 9370 2.2.1: additional key exchanges need IKE_INTERMEDIATE.
bool needs_intermediate(const ChosenProposal& chosen, const Offer& offer) {
    return !offer.intermediate && !kes_of(chosen.additional).empty();
}

using Candidates = std::vector<ConnectionRef>;

std::optional<Selection> select(const Candidates& candidates, const Offer& offer,
                                const Environment& env) {
    const auto is = [](Childless wish) {
        return [wish](const ConnectionRef& c) { return c->childless == wish; };
    };
    // RFC 6023 3: an announcement that one of them does not keep would be worse than none.
    const bool childless = std::ranges::none_of(candidates, is(Childless::never)) ||
                           std::ranges::any_of(candidates, is(Childless::force));
    const bool rounds =
        std::ranges::any_of(candidates, [](const ConnectionRef& c) { return has_rounds(*c); });
    const bool udp = std::ranges::all_of(
        candidates, [&](const ConnectionRef& c) { return would_take_udp(*c, env.settings()); });
    const bool ocsp =
        std::ranges::any_of(candidates, [](const ConnectionRef& c) { return requests_ocsp(*c); });
    std::vector<const Proposals*> in_vain;
    for (const ConnectionRef& connection : candidates) {
        // Most have the same ones as the one before.
        const bool tried = std::ranges::any_of(
            in_vain, [&](const Proposals* before) { return *before == connection->proposals; });
        if (tried) { continue; }
        auto chosen = find_common(connection->proposals, offer.sa->proposals, true);
        if (!chosen || needs_intermediate(*chosen, offer)) {
            in_vain.push_back(&connection->proposals);
            continue;
        }
        return Selection{.connection = connection,
                         .chosen = std::move(*chosen),
                         .childless = childless,
                         .rounds = rounds,
                         .methods = announced_methods_notify(candidates),
                         .certificates = certificate_request(candidates, *env.state.config),
                         .ocsp = ocsp,
                         .udp = udp};
    }
    return std::nullopt;
}

// Why nothing was selected, in view of the first one.
Error why_none(const Candidates& candidates, const Datagram& datagram, const Offer& offer) {
    if (candidates.empty()) { return no_connection_for_addresses(datagram.local, datagram.remote); }
    const Connection& first = *candidates.front();
    const auto chosen = find_common(first.proposals, offer.sa->proposals, true);
    if (chosen && needs_intermediate(*chosen, offer)) { return lacks_intermediate(first.name); }
    return nothing_in_common(first.proposals, offer.sa->proposals, first.name, true);
}

struct Accepted {
    SaCore core;
    InitResult init;
};

Result<Accepted> accept(const Datagram& datagram, const wire::Message& request, const Offer& offer,
                        Selection selection, const Environment& env) {
    auto ke = crypto::KeyExchange::create(offer.ke->method, env.random());
    if (!ke) { return std::unexpected(std::move(ke).error()); }
    const auto shared = ke->derive(offer.ke->data);
    if (!shared) { return std::unexpected(shared.error()); }

    SaCore sa;
    sa.unique_id = env.new_ike_unique();
    sa.connection = std::move(selection.connection);
    sa.local_spi = env.new_ike_spi();
    sa.remote_spi = request.header.initiator_spi;
    sa.local = datagram.local;
    sa.remote = datagram.remote;
    sa.nat_t_port = datagram.non_esp_marker;
    sa.came_by(datagram.stream);
    sa.created_at = env.now;
    sa.nat = settled(detect_nat(request.payloads, sa.remote_spi, IkeSpi{}, sa.local, sa.remote),
                     *sa.connection, selection.udp && says_udp_preference(request.payloads));
    const bool fragmentation =
        sa.connection->fragmentation != Fragmentation::no &&
        wire::find_notify(request.payloads, NotifyType::ikev2_fragmentation_supported) != nullptr;
    sa.peer_takes_fragments = fragmentation && sa.connection->fragmentation == Fragmentation::yes;

    // RFC 5685 3.
    sa.peer_takes_redirects =
        wire::find_notify(request.payloads, NotifyType::redirect_supported) != nullptr ||
        wire::find_notify(request.payloads, NotifyType::redirected_from) != nullptr;

    InitResult init{
        .request = datagram.bytes, .ni = offer.nonce->data, .nr = env.random().bytes(nonce_size)};
    init.redirected_from = redirected_from(request.payloads);
    IkeKeys keys = derive_ike_keys(selection.chosen.ike, *shared,
                                   {.ni = init.ni,
                                    .nr = init.nr,
                                    .initiator_spi = sa.remote_spi,
                                    .responder_spi = sa.local_spi});
    sa.use_keys(selection.chosen.ike, keys);
    log_keys(sa, keys, env);
    init.sk_pi = std::move(keys.sk_pi);
    init.sk_pr = std::move(keys.sk_pr);
    init.kes_left = kes_of(selection.chosen.additional);
    init.intermediate_possible = offer.intermediate;

    wire::Payloads payloads;
    payloads.emplace_back(
        wire::SecurityAssociation{.proposals = {std::move(selection.chosen.proposal)}});
    payloads.emplace_back(wire::KeyExchange{.method = ke->method(), .data = ke->public_value()});
    payloads.emplace_back(wire::Nonce{.data = init.nr});
    if (sa.nat.supported) {
        add_nat_detection(payloads, sa.remote_spi, sa.local_spi, sa.local, sa.remote,
                          forces_udp(*sa.connection), env.random());
    }
    if (sa.nat.preferred) { payloads.emplace_back(udp_preference()); }
    if (fragmentation) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::ikev2_fragmentation_supported});
    }
    if (selection.childless) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::childless_ikev2_supported});
    }
    if (selection.rounds) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::multiple_auth_supported});
    }
    if (selection.certificates) {
        payloads.emplace_back(std::move(*selection.certificates));
        if (selection.ocsp) { payloads.emplace_back(ocsp_request_payload()); }
    }
    add_lookup_support(payloads, env);
    if (selection.methods) { payloads.emplace_back(std::move(*selection.methods)); }
    init.peer_hashes = signature_hashes_in(request.payloads);
    if (!init.peer_hashes.empty()) { payloads.emplace_back(signature_hashes_notify()); }
    // RFC 8784 3: which one it is comes in IKE_AUTH.
    init.ppk_possible = !env.state.config->ppks.empty() &&
                        wire::find_notify(request.payloads, NotifyType::use_ppk) != nullptr;
    if (init.ppk_possible) { payloads.emplace_back(wire::Notify{.type = NotifyType::use_ppk}); }
    if (init.intermediate_possible) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::intermediate_exchange_supported});
    }
    const wire::IkeHeader header{.initiator_spi = sa.remote_spi,
                                 .responder_spi = sa.local_spi,
                                 .exchange = wire::ExchangeType::ike_sa_init,
                                 .flags = {.response = true}};
    init.response = wire::write(header, payloads);
    env.exchange_event(sa, "sending " + wire::describe(header, payloads));
    return Accepted{.core = std::move(sa), .init = std::move(init)};
}

Error too_many_half_open(std::size_t from_there, std::size_t in_all) {
    return {
        .code = ErrorCode::limit_reached,
        .wanted =
            "few IKE SAs that are not authenticated (charon.block_threshold, "
            "charon.init_limit_half_open)",
        .received = fmt::format("{} from there, {} in all: more are ignored", from_there, in_all),
        .remedy =
            "nothing, if this is an attack; else look what keeps its IKE_AUTH from coming "
            "through"};
}

Error too_many_ike_sas(const Environment& env) {
    return {
        .code = ErrorCode::limit_reached,
        .wanted =
            fmt::format("at most {} IKE SAs (charon.ikesa_limit)", env.settings().ike_sas_max),
        .received = fmt::format("{}: those that peers begin now are ignored", env.state.sas.size()),
        .remedy = "raise the limit, or see who has so many (culvert status)"};
}

}  // namespace

std::optional<wire::Notify> sent_away(const wire::Message& request, ByteView ni,
                                      const IpAddress& here, const Environment& env) {
    const auto& gateway = env.settings().redirect_to;
    if (!gateway || env.settings().redirect_when != RedirectWhen::init || !is_gateway(*gateway) ||
        *gateway == Identity::of(here) ||  // it is we who are meant
        wire::find_notify(request.payloads, NotifyType::redirect_supported) == nullptr) {
        return std::nullopt;
    }
    return redirect_notify(*gateway, ni);
}

void answer_without_state(const Datagram& request, const wire::IkeHeader& header,
                          wire::Notify notify, const Environment& env) {
    const wire::IkeHeader reply{.initiator_spi = header.initiator_spi,
                                .exchange = header.exchange,
                                .flags = {.response = true}};
    Bytes answer = wire::write(reply, {std::move(notify)});
    // a stranger with a forged source gets no more sent than it sent itself.
    if (answer.size() > request.bytes.size()) { return; }
    env.state.counters.count_message(wire::ExchangeType::ike_sa_init, true, true);
    env.emit(Transmit{.datagram = {.local = request.local,
                                   .remote = request.remote,
                                   .non_esp_marker = request.non_esp_marker,
                                   .bytes = std::move(answer),
                                   .stream = request.stream}});
}

bool cookie_wanted(const Datagram& datagram, const wire::Message& request, ByteView nonce,
                   const Environment& env) {
    // RFC 9329 7.3: a TCP connection has shown what a cookie shows, that the peer is there.
    if (datagram.stream != StreamId{}) { return false; }
    const bool refused_many =
        env.settings().cookie_threshold > 0 && !env.state.refused_inits.has_room(env.now);
    switch (env.state.guard.judge(datagram.remote.address, env.settings())) {
        case HalfOpenGuard::Verdict::accept:
            if (!refused_many) { return false; }
            break;
        case HalfOpenGuard::Verdict::ignore: return true;  // was asked before: judged already
        case HalfOpenGuard::Verdict::ask_cookie: break;
    }
    const auto* cookie = wire::find_notify(request.payloads, NotifyType::cookie);
    return cookie == nullptr ||
           !env.state.guard.check_cookie(cookie->data, nonce, datagram.remote.address,
                                         request.header.initiator_spi, env.now);
}

bool takes_no_more(const Environment& env) {
    const unsigned limit = env.settings().ike_sas_max;
    const unsigned count = env.state.share.count;
    return limit > 0 && env.state.sas.size() >= (limit + count - 1) / count;
}

void respond_to_init(const Datagram& datagram, const Environment& env) {
    const auto refuse = [&](std::string_view connection, const Error& error) {
        env.stranger_failure(connection, datagram.remote, "IKE_SA_INIT", error);
    };
    if (env.state.guard.judge(datagram.remote.address, env.settings()) ==
        HalfOpenGuard::Verdict::ignore) {
        // A word for each would be a flood of its own.
        if (env.state.ignored_events.allow(env.now)) {
            refuse({}, too_many_half_open(env.state.guard.from(datagram.remote.address),
                                          env.state.guard.total()));
        }
        return;
    }
    if (takes_no_more(env)) {
        if (env.state.ignored_events.allow(env.now)) { refuse({}, too_many_ike_sas(env)); }
        return;
    }
    const auto request = wire::parse_message(datagram.bytes);
    if (!request) {
        env.state.counters.count(Counter::invalid);
        return refuse({}, request.error());
    }
    env.state.counters.count_message(wire::ExchangeType::ike_sa_init, false, false);
    const wire::IkeHeader& header = request->header;
    if (const auto critical = wire::unknown_critical(request->payloads)) {
        answer_without_state(datagram, header,
                             {.type = NotifyType::unsupported_critical_payload,
                              .data = {std::to_underlying(*critical)}},
                             env);
        return refuse({}, wire::unsupported_critical_payload(*critical));
    }
    const auto offer = offer_of(request->payloads);
    if (!offer) {
        env.state.counters.count(Counter::invalid);
        return refuse({}, bad_payloads(wire::ExchangeType::ike_sa_init, "one SA, KE and Ni each",
                                       request->payloads));
    }
    if (cookie_wanted(datagram, *request, offer->nonce->data, env)) {
        return answer_without_state(
            datagram, header,
            {.type = NotifyType::cookie,
             .data = env.state.guard.make_cookie(offer->nonce->data, datagram.remote.address,
                                                 header.initiator_spi, env.now, env.random())},
            env);
    }
    if (const auto away = sent_away(*request, offer->nonce->data, datagram.local.address, env)) {
        return answer_without_state(datagram, header, *away, env);
    }
    const Candidates candidates =
        connections_by_address(env.state.config, datagram.local.address, datagram.remote.address);
    auto selection = select(candidates, *offer, env);
    if (!selection) {
        answer_without_state(datagram, header, {.type = NotifyType::no_proposal_chosen}, env);
        // Beyond it strangers have to show that they are where they say (cookie_wanted()).
        (void)env.state.refused_inits.allow(env.now);
        // To explain costs more than to refuse.
        if (!env.state.stray_events.has_room(env.now)) { return; }
        return refuse({}, why_none(candidates, datagram, *offer));
    }
    if (selection->chosen.ke != offer->ke->method) {
        // RFC 7296 1.2, 2.7: name the group; the initiator comes again.
        Writer group;
        group.u16(std::to_underlying(selection->chosen.ke));
        return answer_without_state(
            datagram, header, {.type = NotifyType::invalid_ke_payload, .data = group.take()}, env);
    }
    const std::string connection = selection->connection->name;
    auto accepted = accept(datagram, *request, *offer, std::move(*selection), env);
    if (!accepted) {
        // A public value that RFC 6989 or RFC 8031 refuse is no value of an honest peer.
        env.state.counters.count(Counter::invalid);
        return refuse(connection, accepted.error());
    }
    env.exchange_event(accepted->core, "received " + wire::describe(*request));
    IkeSa& sa = env.add(
        IkeSa::half_open(std::move(accepted->core), std::move(accepted->init), datagram, env));
    sa.resend_init_response(datagram, env);
}

}  // namespace culvert::ike::v2
