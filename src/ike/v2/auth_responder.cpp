#include <algorithm>

#include <fmt/format.h>

#include "base/writer.hpp"
#include "ike/auth/psk.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/auth_rounds.hpp"
#include "ike/v2/configuration.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/mobike.hpp"
#include "ike/v2/ocsp_in_band.hpp"
#include "ike/v2/redirect.hpp"
#include "ike/v2/shared_secrets.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

// RFC 4555 3.9.
Error nat_is_forbidden(const SaCore& sa) {
    return {.code = ErrorCode::unsupported,
            .notify = NotifyType::unexpected_nat_detected,
            .wanted = "no NAT on the way, as the peer insists (NO_NATS_ALLOWED)",
            .received = fmt::format("other addresses or ports than it sent from: {} and {}",
                                    sa.remote.to_string(), sa.local.to_string()),
            .remedy = "take away the NAT, or let the peer allow it"};
}

}  // namespace

AuthResponder::Refused AuthResponder::refuse(Error error) {
    wire::Payloads response;
    response.emplace_back(
        wire::Notify{.type = error.notify.value_or(NotifyType::authentication_failed)});
    return Refused{.response = std::move(response), .error = std::move(error)};
}

bool sane_auth_request(const wire::Payloads& payloads) {
    const auto sas = wire::count<wire::SecurityAssociation>(payloads);
    return wire::count<wire::IdInitiator>(payloads) == 1 &&
           wire::count<wire::IdResponder>(payloads) <= 1 &&
           wire::count<wire::Authentication>(payloads) <= 1 && sas <= 1 &&
           wire::count<wire::TsInitiator>(payloads) == sas &&
           wire::count<wire::TsResponder>(payloads) == sas;
}

AuthResponder::Outcome AuthResponder::handle(const wire::Payloads& request, SaCore& sa,
                                             const Environment& env) {
    if (eap_) { return handle_eap(request, sa, env); }
    return rounds_ ? further_round(request, sa, env) : first_round(request, sa, env);
}

AuthResponder::Outcome AuthResponder::first_round(const wire::Payloads& request, SaCore& sa,
                                                  const Environment& env) {
    if (!sane_auth_request(request)) {
        return refuse(bad_payloads(wire::ExchangeType::ike_auth,
                                   "one IDi and AUTH, at most one IDr, and SA, TSi and TSr "
                                   "together",
                                   request));
    }
    if (!init_.kes_left.empty()) {
        return refuse(key_exchange_missing(sa.name(), init_.kes_left.front()));
    }
    auto id = authenticate(request, sa, env);
    if (!sources_.empty()) { return Waits{std::exchange(sources_, {})}; }
    if (!id) { return refuse(std::move(id).error()); }
    if (nat_forbidden_and_there(request, sa.local, sa.remote)) {
        return refuse(nat_is_forbidden(sa));
    }
    const bool with_child = wire::find<wire::SecurityAssociation>(request) != nullptr;
    if (!with_child && sa.connection->childless == Childless::never) {
        return refuse(childless_refused(sa.name()));
    }
    const bool several = !init_.resumed && has_rounds(*sa.connection);
    if (several && wire::find_notify(request, NotifyType::multiple_auth_supported) == nullptr) {
        return refuse(lacks_rounds(sa.name()));
    }
    const bool by_eap = !init_.resumed && sa.connection->remote.method == AuthMethodKind::eap;
    const bool more = several && !by_eap && !sa.connection->remote_more.empty();
    if (another_follows(request) != more) {
        return refuse(
            rounds_differ(sa.name(), remote_rounds(*sa.connection), another_follows(request)));
    }

    wire::Payloads response;
    const Status proved = add_proof(request, *std::move(id), sa, response, env);
    if (!sources_.empty()) { return Waits{std::exchange(sources_, {})}; }
    if (!proved) { return refuse(proved.error()); }
    if (several) {
        rounds_ =
            Rounds{.first = request, .local_id = sa.local_id, .remote_done = by_eap ? 0U : 1U};
        if (local_rounds(*sa.connection) > 1) {
            response.emplace_back(wire::Notify{.type = NotifyType::another_auth_follows});
        }
    }
    if (by_eap) { return begin_eap(request, sa.connection, std::move(response), sa, env); }
    if (!several) {
        if (ppk_) {
            sa.sk_d = ppk_->sk_d.clone();
            response.emplace_back(wire::Notify{.type = NotifyType::ppk_identity});
        }
        return finish(request, std::move(response), sa, env);
    }
    return Continues{std::move(response)};
}

// Who we are, with what proves it; with EAP alone nothing does yet (RFC 5998 3).
Status AuthResponder::add_proof(const wire::Payloads& request, wire::IdResponder id, SaCore& sa,
                                wire::Payloads& response, const Environment& env) {
    const crypto::Prf prf = sa.prf();
    const Secret& sk_pr = ppk_ ? ppk_->sk_pr : init_.sk_pr;
    const auto octets = [&] {
        return signed_octets(prf, init_.response, init_.ni, sk_pr, id.rest_of_id(),
                             init_.intermediate.int_auth());
    };
    if (init_.resumed) {
        wire::Authentication auth = resumed_auth(prf, sk_pr, octets());
        response.emplace_back(std::move(id));
        response.emplace_back(std::move(auth));
        return {};
    }
    if (sa.connection->local.method == AuthMethodKind::eap) {
        response.emplace_back(std::move(id));
        return {};
    }
    const SharedSecret* secret = find_secret(env.state.config->secrets, sa.local_id, sa.remote_id);
    if (sa.connection->local.method == AuthMethodKind::psk && secret == nullptr) {
        return std::unexpected(no_secret(sa.name(), sa.local_id, sa.remote_id));
    }
    const AskedAuthorities asked = asked_authorities(request);
    const OwnCertificate* const own = choose_own(*sa.connection, asked);
    const OwnStanding standing =
        asked.ocsp ? own_standing(*sa.connection, own, env) : OwnStanding{};
    if (!standing.sources.empty()) {
        sources_ = standing.sources;
        return {};
    }
    auto auth = prove(*sa.connection, secret, own, prf, octets(), init_.peer_hashes, sk_pr);
    if (!auth) { return std::unexpected(std::move(auth).error()); }
    response.emplace_back(std::move(id));
    add_certificates(response, *sa.connection, own, asked, env);
    add_ocsp_answers(response, standing);
    response.emplace_back(std::move(*auth));
    return {};
}

AuthResponder::Accepted AuthResponder::finish(const wire::Payloads& first, wire::Payloads response,
                                              SaCore& sa, const Environment& env) const {
    Accepted result{.response = std::move(response)};
    result.initial_contact = wire::find_notify(first, NotifyType::initial_contact) != nullptr;
    if (init_.resumed) { take_over_from(*init_.resumed, sa, env); }
    if (auto gateway = other_gateway(sa, env)) {
        result.response.emplace_back(redirect_notify(*gateway));
        result.redirect = std::move(gateway);
        return result;
    }
    // Its virtual address may be what it is to have again.
    if (result.initial_contact) { forget_disowned(sa, env); }
    if (sa.connection->reauth_time.count() > 0) {
        // RFC 4478 3: when it ends, not when it should be replaced. The peer takes its own margin
        // off, and with nothing left would begin again at once, and again.
        const Duration wanted = sa.reauth_at ? *sa.reauth_at - env.now : sa.connection->reauth_time;
        const auto end =
            std::chrono::duration_cast<seconds>(wanted + sa.connection->over_time).count();
        Writer lifetime;
        lifetime.u32(static_cast<std::uint32_t>(std::max<std::int64_t>(end, 1)));
        result.response.emplace_back(
            wire::Notify{.type = NotifyType::auth_lifetime, .data = lifetime.take()});
    }
    take_crash_token(first, sa);
    add_crash_token(result.response, sa, env);
    answer_ticket_request(first, result.response, sa, env);
    if (sa.connection->mobike &&
        wire::find_notify(first, NotifyType::mobike_supported) != nullptr) {
        sa.mobike.on = true;
        sa.mobike.peer_addresses =
            additional_addresses_in(first).value_or(std::vector<IpAddress>{});
        sa.mobike.told = additional_addresses(sa, env.state.host_addresses);
        add_mobike_support(result.response, sa.mobike.told);
    }
    if (wire::find<wire::SecurityAssociation>(first) != nullptr) {
        answer_child(first, sa, result, env);
    } else if (wire::find<wire::Configuration>(first) != nullptr) {
        // RFC 6023 3: an IKE SA without a child has its address all the same.
        auto addresses = answer_address_request(first, sa, env);
        if (!addresses) {
            result.response.emplace_back(wire::Notify{
                .type = addresses.error().notify.value_or(NotifyType::internal_address_failure)});
            result.child_error = std::move(addresses).error();
        } else if (*addresses) {
            result.response.emplace_back(std::move(**addresses));
        }
    }
    return result;
}

// RFC 5685 6: now that we know who it is. Not where we are, and not back to who sent it here; nor
// to where all go, if it was sent already.
std::optional<Identity> AuthResponder::other_gateway(const SaCore& sa,
                                                     const Environment& env) const {
    const EngineSettings& settings = env.settings();
    std::optional<Identity> gateway = sa.connection->redirect_to;
    if (!gateway && settings.redirect_when == RedirectWhen::auth && !init_.redirected_from) {
        gateway = settings.redirect_to;
    }
    const bool sends = gateway && sa.peer_takes_redirects && is_gateway(*gateway) &&
                       !(*gateway == Identity::of(sa.local.address)) &&
                       gateway != init_.redirected_from;
    return sends ? gateway : std::nullopt;
}

void AuthResponder::answer_child(const wire::Payloads& request, SaCore& sa, Accepted& result,
                                 const Environment& env) const {
    // RFC 7296 2.21.2, 1.2: a Child SA that cannot be is a notify beside AUTH; the IKE SA stays.
    const auto refuse = [&](Error error) {
        result.response.emplace_back(
            wire::Notify{.type = error.notify.value_or(NotifyType::no_proposal_chosen)});
        result.child_error = std::move(error);
    };
    auto addresses = answer_address_request(request, sa, env);
    if (!addresses) { return refuse(std::move(addresses).error()); }
    if (*addresses) { result.response.emplace_back(std::move(**addresses)); }
    if (sa.connection->childless == Childless::force) {
        return refuse(child_in_auth_refused(sa.name()));
    }
    auto answer = answer_child_offer(sa, request, false, nullptr, env);
    if (!answer) { return refuse(std::move(answer).error()); }
    add_answer_sa(result.response, *answer);
    add_answer_ts(result.response, *answer);
    ChildKeys keys = derive_child_keys(answer->agreed.suite, sa.suite->prf, sa.sk_d, nullptr,
                                       init_.ni, init_.nr);
    result.child = install_child(sa, answer->agreed, std::move(keys), false, env);
}

}  // namespace culvert::ike::v2
