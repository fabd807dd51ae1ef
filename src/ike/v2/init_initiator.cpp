#include <algorithm>

#include <fmt/format.h>

#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/init.hpp"
#include "ike/v2/intermediate.hpp"
#include "ike/v2/key_log.hpp"
#include "ike/v2/redirect.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

std::string text_of(const Proposals& proposals) {
    std::string text;
    for (const Proposal& proposal : proposals) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", proposal.to_string());
    }
    return text;
}

}  // namespace

Result<InitInitiator> InitInitiator::begin(const SaCore& sa,
                                           std::optional<IpAddress> redirected_from,
                                           const Environment& env) {
    auto ke = crypto::KeyExchange::create(first_ke(sa.connection->proposals), env.random());
    if (!ke) { return std::unexpected(std::move(ke).error()); }
    InitInitiator exchange{std::move(*ke), env.random().bytes(nonce_size)};
    exchange.redirected_from_ = redirected_from;
    // Of another gateway none counts.
    if (sa.connection->resumption && !redirected_from) {
        exchange.ticket_ = env.state.tickets.take(sa.name(), env.now);
    }
    exchange.build(sa, env);
    return exchange;
}

void InitInitiator::forget_ticket(const SaCore& sa, const Environment& env) {
    ticket_.reset();
    cookie_.clear();
    nonce_ = env.random().bytes(nonce_size);
    build(sa, env);
}

void InitInitiator::build(const SaCore& sa, const Environment& env) {
    wire::Payloads payloads;
    // RFC 7296 2.6: the cookie comes first, everything else stays as it was.
    if (!cookie_.empty()) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::cookie, .data = cookie_});
    }
    if (!ticket_) {
        Proposals proposals = sa.connection->proposals;
        std::uint8_t number = 0;
        for (Proposal& proposal : proposals) { proposal.number = ++number; }
        payloads.emplace_back(wire::SecurityAssociation{.proposals = std::move(proposals)});
        payloads.emplace_back(
            wire::KeyExchange{.method = ke_.method(), .data = ke_.public_value()});
    }
    payloads.emplace_back(wire::Nonce{.data = nonce_});
    if (ticket_) {
        payloads.emplace_back(
            wire::Notify{.type = NotifyType::ticket_opaque, .data = ticket_->ticket});
    }
    add_nat_detection(payloads, sa.local_spi, IkeSpi{}, sa.local, sa.remote,
                      forces_udp(*sa.connection), env.random());
    if (sa.connection->fragmentation != Fragmentation::no) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::ikev2_fragmentation_supported});
    }
    payloads.emplace_back(signature_hashes_notify());
    // RFC 5685 3: the one says the other as well.
    if (redirected_from_) {
        payloads.emplace_back(redirected_from_notify(*redirected_from_));
    } else if (env.settings().follow_redirects) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::redirect_supported});
    }
    if (sa.connection->ppk_id.type != IdType::any) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::use_ppk});
    }
    if (wants_intermediate(sa.connection->proposals)) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::intermediate_exchange_supported});
    }
    if (!sa.on_tcp() && would_take_udp(*sa.connection, env.settings())) {
        payloads.emplace_back(udp_preference());
    }
    const wire::IkeHeader header{.initiator_spi = sa.local_spi,
                                 .exchange = ticket_ ? wire::ExchangeType::ike_session_resume
                                                     : wire::ExchangeType::ike_sa_init,
                                 .flags = {.initiator = true}};
    request_ = wire::write(header, payloads);
}

InitInitiator::Outcome InitInitiator::handle(const wire::Message& response, ByteView raw,
                                             SaCore& sa, const Environment& env) {
    if (const auto critical = wire::unknown_critical(response.payloads)) {
        return Ignored{wire::unsupported_critical_payload(*critical)};
    }
    const bool resumption = response.header.exchange == wire::ExchangeType::ike_session_resume;
    if (resumption != resumes()) { return Ignored{}; }  // late, of the attempt before
    if (const auto* cookie = wire::find_notify(response.payloads, NotifyType::cookie)) {
        return take_cookie(*cookie, sa, env);
    }
    if (const auto* redirect = wire::find_notify(response.payloads, NotifyType::redirect)) {
        return take_redirect(*redirect, sa, env);
    }
    if (resumption) { return take_resumption(response, raw, sa, env); }
    if (const auto* error = wire::find_error_notify(response.payloads)) {
        if (error->type == NotifyType::invalid_ke_payload) { return change_group(*error, sa, env); }
        return Failed{peer_refused(sa.name(), {}, error->type, text_of(sa.connection->proposals))};
    }
    return take_answer(response, raw, sa, env);
}

InitInitiator::Outcome InitInitiator::take_cookie(const wire::Notify& notify, const SaCore& sa,
                                                  const Environment& env) {
    if (notify.data.empty() || notify.data.size() > cookie_size_max) { return Ignored{}; }
    // The same again: it crossed our answer to it.
    if (notify.data == cookie_) { return Ignored{}; }
    if (++cookies_ > cookie_retries_max) { return Failed{too_many_cookies(sa.name(), sa.remote)}; }
    cookie_ = notify.data;
    build(sa, env);
    return SendAgain{};
}

InitInitiator::Outcome InitInitiator::take_redirect(const wire::Notify& notify, const SaCore& sa,
                                                    const Environment& env) const {
    auto target = redirect_target(notify);
    // S-13, RFC 5685 9: Ni shows that it is from somebody who has seen our message.
    if (!target || !constant_time_equal(target->nonce, nonce_)) { return Ignored{}; }
    if (!env.settings().follow_redirects) {
        return Failed{{.code = ErrorCode::peer_refused,
                       .wanted = fmt::format("an IKE SA with {} (connection {})",
                                             sa.remote.address.to_string(), sa.name()),
                       .received = "a redirect to " + target->gateway.to_string(),
                       .remedy = "set charon.follow_redirects = yes to follow it, or remote_addrs "
                                 "to where it leads"}};
    }
    return Redirected{std::move(target->gateway)};
}

InitInitiator::Outcome InitInitiator::change_group(const wire::Notify& notify, const SaCore& sa,
                                                   const Environment& env) {
    if (notify.data.size() != 2) { return Ignored{}; }
    Reader in{notify.data};
    const crypto::KeMethod asked{in.u16()};
    const std::string ours = text_of(sa.connection->proposals);
    // K-08: never a group that we did not offer, never round and round.
    if (!offers_ke(sa.connection->proposals, asked)) {
        return Failed{ke_refused(sa.name(), asked, ours, "we do not propose it")};
    }
    if (asked == ke_.method()) {
        // After a change this is the late answer to the first request (duplicated on the way).
        return group_changes_ > 0
                   ? Outcome{Ignored{}}
                   : Outcome{Failed{ke_refused(sa.name(), asked, ours, "it is what we sent")}};
    }
    if (++group_changes_ > invalid_ke_retries_max) {
        return Failed{ke_refused(sa.name(), asked, ours, "it asked for another one before")};
    }
    auto ke = crypto::KeyExchange::create(asked, env.random());
    if (!ke) { return Failed{std::move(ke).error()}; }
    ke_ = std::move(*ke);
    build(sa, env);
    return SendAgain{};
}

InitInitiator::Outcome InitInitiator::take_answer(const wire::Message& response, ByteView raw,
                                                  SaCore& sa, const Environment& env) {
    const auto* answer = wire::find<wire::SecurityAssociation>(response.payloads);
    const auto* ke = wire::find<wire::KeyExchange>(response.payloads);
    const auto* nonce = wire::find<wire::Nonce>(response.payloads);
    const bool complete = wire::count<wire::SecurityAssociation>(response.payloads) == 1 &&
                          wire::count<wire::KeyExchange>(response.payloads) == 1 &&
                          wire::count<wire::Nonce>(response.payloads) == 1;
    // Nothing is authenticated yet: what is broken may be forged, the true answer may follow.
    if (!complete || response.header.responder_spi == IkeSpi{}) {
        return Ignored{bad_payloads(wire::ExchangeType::ike_sa_init,
                                    "an SPI, and one SA, KE and Nr each", response.payloads)};
    }
    auto chosen = check_answer(sa.connection->proposals, answer->proposals, true);
    if (!chosen) { return Failed{std::move(chosen).error()}; }
    const bool intermediate =
        wants_intermediate(sa.connection->proposals) &&
        wire::find_notify(response.payloads, NotifyType::intermediate_exchange_supported) !=
            nullptr;
    std::vector<crypto::KeMethod> kes_left = kes_of(chosen->additional);
    if (!kes_left.empty() && !intermediate) { return Failed{lacks_intermediate(sa.name())}; }
    if (chosen->ke != ke_.method() || ke->method != ke_.method()) { return Ignored{}; }
    const auto shared = ke_.derive(ke->data);
    if (!shared) { return Failed{shared.error()}; }

    sa.remote_spi = response.header.responder_spi;
    IkeKeys keys = derive_ike_keys(chosen->ike, *shared,
                                   {.ni = nonce_,
                                    .nr = nonce->data,
                                    .initiator_spi = sa.local_spi,
                                    .responder_spi = sa.remote_spi});
    sa.use_keys(chosen->ike, keys);
    log_keys(sa, keys, env);
    sa.nat = settled(
        detect_nat(response.payloads, sa.local_spi, sa.remote_spi, sa.local, sa.remote),
        *sa.connection,
        would_take_udp(*sa.connection, env.settings()) && says_udp_preference(response.payloads));
    sa.peer_takes_fragments =
        sa.connection->fragmentation == Fragmentation::yes &&
        wire::find_notify(response.payloads, NotifyType::ikev2_fragmentation_supported) != nullptr;
    return Done{
        {.request = std::move(request_),
         .response = to_bytes(raw),
         .ni = std::move(nonce_),
         .nr = nonce->data,
         .sk_pi = std::move(keys.sk_pi),
         .sk_pr = std::move(keys.sk_pr),
         .peer_takes_childless =
             wire::find_notify(response.payloads, NotifyType::childless_ikev2_supported) != nullptr,
         .peer_has_rounds =
             wire::find_notify(response.payloads, NotifyType::multiple_auth_supported) != nullptr,
         .peer_hashes = signature_hashes_in(response.payloads),
         .peer_asks = asked_authorities(response.payloads),
         .ppk_possible = sa.connection->ppk_id.type != IdType::any &&
                         wire::find_notify(response.payloads, NotifyType::use_ppk) != nullptr,
         .intermediate_possible = intermediate,
         .intermediate = {},
         .kes_left = std::move(kes_left)}};
}

}  // namespace culvert::ike::v2
