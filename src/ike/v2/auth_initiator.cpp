#include <algorithm>

#include <fmt/format.h>

#include "ike/auth/psk.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/auth_rounds.hpp"
#include "ike/v2/configuration.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/hash_and_url.hpp"
#include "ike/v2/mobike.hpp"
#include "ike/v2/ocsp_in_band.hpp"
#include "ike/v2/redirect.hpp"
#include "ike/v2/shared_secrets.hpp"
#include "ike/v2/uniqueness.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

Identity expected_remote(const SaCore& sa) {
    return !sa.connection->remote.id.is_pattern() ? sa.connection->remote.id
                                                  : Identity::of(sa.remote.address);
}

// EAP is what initiators prove themselves by; responders only in the first round, with EAP alone.
bool only_answers(const Connection& connection) {
    const bool first = connection.remote.method == AuthMethodKind::eap &&
                       connection.local.method != AuthMethodKind::eap;
    return first || std::ranges::any_of(connection.remote_more, [](const AuthConfig& further) {
               return further.method == AuthMethodKind::eap;
           });
}

}  // namespace

Result<AuthInitiator> AuthInitiator::begin(SaCore& sa, InitResult init,
                                           const std::optional<PacketSelectors>& packet,
                                           const ChildRef& child, const Environment& env) {
    sa.local_id = init.resumed ? init.resumed->local
                               : local_identity(*sa.connection, nullptr, sa.local.address);
    const Identity remote = expected_remote(sa);
    const SharedSecret* secret = find_secret(env.state.config->secrets, sa.local_id, remote);
    const bool resumed = init.resumed.has_value();
    const bool by_psk = !resumed && sa.connection->local.method == AuthMethodKind::psk;
    if (by_psk && secret == nullptr) {
        return std::unexpected(no_secret(sa.name(), sa.local_id, remote));
    }

    if (!resumed && only_answers(*sa.connection)) {
        return std::unexpected(eap_only_answers(sa.name()));
    }
    AuthInitiator exchange{std::move(init)};
    exchange.shown_id_ = sa.local_id;
    if (resumed) {
        exchange.prove_resumed(sa);
    } else if (sa.connection->local.method == AuthMethodKind::eap) {
        exchange.begin_eap(sa.connection, sa.local_id);
    } else if (Status proof = exchange.prove_ourselves(sa, secret, env); !proof) {
        return std::unexpected(std::move(proof).error());
    }
    if (has_rounds(*sa.connection) && !resumed && !exchange.init_.peer_has_rounds) {
        return std::unexpected(lacks_rounds(sa.name()));
    }
    sa.awaits_vips = !sa.connection->vips.empty();
    if (child) {
        if (auto fits = check_path(sa, *child); !fits) {
            return std::unexpected(std::move(fits).error());
        }
        exchange.offer_ = make_offer(sa, child, false, packet, nullptr, env);
    }
    return exchange;
}

// AUTH over what we sent, and with a post-quantum secret also the one for peers without.
Status AuthInitiator::prove_ourselves(const SaCore& sa, const SharedSecret* secret,
                                      const Environment& env) {
    const bool by_psk = sa.connection->local.method == AuthMethodKind::psk;
    if (by_psk) { secret_name_ = secret->name; }
    const OwnCertificate* const own = choose_own(*sa.connection, init_.peer_asks);
    if (!by_psk && own != nullptr) { own_name_ = own->certificate.to_string(); }
    const crypto::Prf prf = sa.prf();
    const wire::IdInitiator id{.identity = sa.local_id};
    const auto auth_with = [&](const Secret& sk_pi) {
        return prove(*sa.connection, secret, own, prf,
                     signed_octets(prf, init_.request, init_.nr, sk_pi, id.rest_of_id(),
                                   init_.intermediate.int_auth()),
                     init_.peer_hashes, sk_pi);
    };
    const Connection& connection = *sa.connection;
    const SharedSecret* ppk =
        init_.ppk_possible ? find_ppk(env.state.config->ppks, connection.ppk_id.data) : nullptr;
    if (ppk == nullptr && connection.ppk_required) {
        return std::unexpected(no_ppk(sa.name(), init_.ppk_possible
                                                     ? "no secret with the id of ppk_id"
                                                     : "a peer without USE_PPK"));
    }
    if (ppk != nullptr) {
        ppk_ = mix_ppk(prf, ppk->secret, sa.sk_d, init_.sk_pi, init_.sk_pr);
        if (!connection.ppk_required) {
            auto without = auth_with(init_.sk_pi);
            if (!without) { return std::unexpected(std::move(without).error()); }
            auth_without_ppk_ = std::move(without->data);
        }
    }
    auto auth = auth_with(ppk_ ? ppk_->sk_pi : init_.sk_pi);
    if (!auth) { return std::unexpected(std::move(auth).error()); }
    auth_ = std::move(*auth);
    return {};
}

void AuthInitiator::prove_resumed(const SaCore& sa) {
    const wire::IdInitiator id{.identity = sa.local_id};
    auth_ = resumed_auth(
        sa.prf(), init_.sk_pi,
        signed_octets(sa.prf(), init_.request, init_.nr, init_.sk_pi, id.rest_of_id()));
}

void take_auth_lifetime(const wire::Payloads& payloads, SaCore& sa) {
    const auto* notify = wire::find_notify(payloads, NotifyType::auth_lifetime);
    if (notify == nullptr || notify->data.size() != 4) { return; }
    Reader in{notify->data};
    const seconds lifetime{in.u32()};
    if (lifetime.count() > 0) { sa.auth_lifetime = std::max(lifetime, auth_lifetime_min); }
}

wire::Payloads AuthInitiator::request(const SaCore& sa, const Environment& env) const {
    wire::Payloads payloads;
    payloads.emplace_back(wire::IdInitiator{.identity = sa.local_id});
    if (!init_.resumed) {
        const OwnCertificate* const own = choose_own(*sa.connection, init_.peer_asks);
        add_certificates(payloads, *sa.connection, own, init_.peer_asks, env);
        if (init_.peer_asks.ocsp) {
            const OwnStanding standing = own_standing(*sa.connection, own, env);
            add_ocsp_answers(payloads, standing);
            // IKE_AUTH does not wait for what we lack; the next one has it.
            env.state.revocation.ask(standing.sources, sa.local_spi, env.actions);
        }
        if (auto request = certificate_request({&sa.connection, 1}, *env.state.config)) {
            payloads.emplace_back(*std::move(request));
            if (requests_ocsp(*sa.connection)) { payloads.emplace_back(ocsp_request_payload()); }
        }
        add_lookup_support(payloads, env);
        // RFC 9593 3.1: to who has shown that it reads them.
        if (!init_.peer_asks.methods.empty()) {
            if (auto ours = announced_methods_notify({&sa.connection, 1})) {
                payloads.emplace_back(std::move(*ours));
            }
        }
    }
    if (wants_initial_contact(sa, env)) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::initial_contact});
    }
    if (!sa.connection->remote.id.is_pattern()) {
        payloads.emplace_back(wire::IdResponder{.identity = sa.connection->remote.id});
    }
    if (!eap_) {
        payloads.emplace_back(auth_);
    } else if (sa.connection->remote.method == AuthMethodKind::eap) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::eap_only_authentication});
    }
    if (ppk_) {
        Bytes id{ppk_id_fixed};
        append(id, sa.connection->ppk_id.data);
        payloads.emplace_back(
            wire::Notify{.type = NotifyType::ppk_identity, .data = std::move(id)});
        if (!auth_without_ppk_.empty()) {
            payloads.emplace_back(
                wire::Notify{.type = NotifyType::no_ppk_auth, .data = auth_without_ppk_});
        }
    }
    if (auto cp = address_request(*sa.connection, sa.vips_before)) {
        payloads.emplace_back(std::move(*cp));
    }
    if (sa.connection->mobike) {
        add_mobike_support(payloads, additional_addresses(sa, env.state.host_addresses));
    }
    add_crash_token(payloads, sa, env);
    if (sa.connection->resumption) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::ticket_request});
    }
    if (init_.peer_has_rounds) {
        payloads.emplace_back(wire::Notify{.type = NotifyType::multiple_auth_supported});
        // With EAP it comes beside AUTH, when the round ends.
        if (local_rounds(*sa.connection) > 1 && !eap_) {
            payloads.emplace_back(wire::Notify{.type = NotifyType::another_auth_follows});
        }
    }
    if (offer_) {
        add_sa_payloads(payloads, *offer_);
        add_ts_payloads(payloads, *offer_);
    }
    return payloads;
}

AuthInitiator::Outcome AuthInitiator::handle(const wire::Payloads& response, SaCore& sa,
                                             const Environment& env) {
    if (eap_) { return handle_eap(response, sa, env); }
    // Without AUTH the error is about the IKE SA, beside AUTH it is about the child (2.21.2).
    const auto* error = wire::find_error_notify(response);
    // The last of several responses may have nothing to prove.
    const bool proved =
        remote_done_ > 0 && remote_done_ == remote_all(sa) && local_done_ == local_all(sa);
    const bool beside_proof =
        wire::count<wire::Authentication>(response) > 0 ||
        (proved && error != nullptr && error->type != NotifyType::authentication_failed);
    if (error != nullptr && !beside_proof) {
        abandon(env);
        if (error->type == NotifyType::authentication_failed) {
            return Failed{.error = refused_by_peer(sa)};
        }
        return Failed{.error = peer_refused(sa.name(), {}, error->type, "IKE_AUTH")};
    }
    std::vector<RevocationSource> sources;
    auto refused = remote_done_ == 0 ? verify(response, sa, sources, env)
                                     : verify_next(response, sa, sources, env);
    if (!sources.empty()) { return Waits{std::move(sources)}; }
    if (!refused) { refused = count_round(response, sa); }
    if (refused) { return fail(std::move(*refused), env); }
    if (remote_done_ == remote_all(sa)) {
        if (auto elsewhere = take_redirect(response, sa, env)) { return std::move(*elsewhere); }
    }
    if (auto more = next_round(sa, env)) { return std::move(*more); }
    return finish(response, sa, env);
}

AuthInitiator::Outcome AuthInitiator::finish(const wire::Payloads& response, SaCore& sa,
                                             const Environment& env) {
    take_auth_lifetime(response, sa);
    take_crash_token(response, sa);
    if (auto elsewhere = take_redirect(response, sa, env)) { return std::move(*elsewhere); }
    if (sa.connection->mobike &&
        wire::find_notify(response, NotifyType::mobike_supported) != nullptr) {
        sa.mobike.on = true;
        sa.mobike.peer_addresses =
            additional_addresses_in(response).value_or(std::vector<IpAddress>{});
        sa.mobike.told = additional_addresses(sa, env.state.host_addresses);
    }
    return take_child(response, sa, env);
}

// RFC 5685 6: to another gateway, once this one has proved who it is; with EAP or several rounds
// that may be long before the end.
std::optional<AuthInitiator::Done> AuthInitiator::take_redirect(const wire::Payloads& response,
                                                                SaCore& sa,
                                                                const Environment& env) {
    const auto* redirect = wire::find_notify(response, NotifyType::redirect);
    if (redirect == nullptr || !env.settings().follow_redirects) { return std::nullopt; }
    auto target = redirect_target(*redirect);
    if (!target) { return std::nullopt; }
    abandon(env);
    sa.awaits_vips = false;
    return Done{.redirect = std::move(target->gateway)};
}

Error AuthInitiator::refused_by_peer(const SaCore& sa) const {
    const Identity& remote = sa.connection->remote.id;
    Error error = secret_name_.empty()
                      ? peer_refused_signature(sa.name(), shown_id_, remote, own_name_)
                      : peer_failed_authentication(sa.name(), shown_id_, remote, secret_name_);
    const AnnouncedMethods& taken = init_.peer_asks.methods;
    const ConnectionRef view = in_round(sa.connection, local_done_ - 1, 0);
    const OwnCertificate* const own = choose_own(*view, init_.peer_asks);
    const auto& key = own == nullptr ? view->local.key : own->key;
    const bool fits = secret_name_.empty() && key != nullptr ? takes_key(taken, key->public_key())
                                                             : takes_method(taken, auth_.method);
    if (!fits) {
        error.received += fmt::format("; it takes {}, it says", words_of(taken));
        error.remedy = fmt::format(
            "prove ourselves by what it takes (connections.{}.local), or let it take {} "
            "(its remote.auth)",
            sa.name(), wire::to_string(auth_.method));
    }
    return error;
}

std::optional<Error> AuthInitiator::verify(const wire::Payloads& response, SaCore& sa,
                                           std::vector<RevocationSource>& sources,
                                           const Environment& env) const {
    const auto* id = wire::find<wire::IdResponder>(response);
    const auto* auth = wire::find<wire::Authentication>(response);
    if (wire::count<wire::IdResponder>(response) != 1 ||
        wire::count<wire::Authentication>(response) != 1) {
        return bad_payloads(wire::ExchangeType::ike_auth, "one IDr and AUTH each", response);
    }
    const Identity& wanted = sa.connection->remote.id;
    if (wanted.type != IdType::any && !(id->identity == wanted) && !id->identity.matches(wanted)) {
        return identity_mismatch(sa.name(), wanted, id->identity);
    }
    if (init_.resumed) {
        if (!(id->identity == init_.resumed->remote)) {
            return identity_mismatch(sa.name(), init_.resumed->remote, id->identity);
        }
        const Bytes resumed_octets =
            signed_octets(sa.prf(), init_.response, init_.ni, init_.sk_pr, id->rest_of_id());
        if (Status done = verify_resumed(sa.name(), *auth, sa.prf(), init_.sk_pr, resumed_octets);
            !done) {
            return std::move(done).error();
        }
        sa.remote_id = id->identity;
        return std::nullopt;
    }
    // RFC 8784 3: the responder says whether it has it.
    const bool with_ppk = ppk_ && wire::find_notify(response, NotifyType::ppk_identity) != nullptr;
    if (sa.connection->ppk_required && !with_ppk) {
        return no_ppk(sa.name(), "an answer without PPK_IDENTITY");
    }
    const crypto::Prf prf = sa.prf();
    const Bytes octets =
        signed_octets(prf, init_.response, init_.ni, with_ppk ? ppk_->sk_pr : init_.sk_pr,
                      id->rest_of_id(), init_.intermediate.int_auth());
    const bool unproved = sa.connection->remote.method == AuthMethodKind::null;
    if (!unproved && id->identity.type == IdType::null) {
        return identity_mismatch(sa.name(), wanted, id->identity);  // RFC 7619 2.2
    }
    if (unproved) {
        if (Status done = verify_null(*sa.connection, *auth, prf,
                                      with_ppk ? ppk_->sk_pr : init_.sk_pr, octets);
            !done) {
            return std::move(done).error();
        }
    } else if (sa.connection->remote.method == AuthMethodKind::pubkey) {
        if (Status done = verify_signature(
                {*sa.connection, *auth, octets, response, id->identity, &sources}, env);
            !done) {
            return std::move(done).error();
        }
    } else if (auto refused = verify_secret(*auth, octets, id->identity, sa, env)) {
        return refused;
    }
    if (with_ppk) { sa.sk_d = ppk_->sk_d.clone(); }
    sa.remote_id = unproved ? nobody() : id->identity;
    return std::nullopt;
}

std::optional<Error> AuthInitiator::verify_secret(const wire::Authentication& auth, ByteView octets,
                                                  const Identity& remote, const SaCore& sa,
                                                  const Environment& env) const {
    if (auth.method != wire::AuthMethod::shared_key) {
        return auth_method_unsupported(sa.name(), "AUTH by " + wire::to_string(auth.method));
    }
    const SharedSecret* secret = find_secret(env.state.config->secrets, sa.local_id, remote);
    if (secret == nullptr) { return no_secret(sa.name(), sa.local_id, remote); }
    const Bytes expected = psk_auth(sa.prf(), secret->secret, octets);
    if (!constant_time_equal(expected, auth.data)) {
        return wrong_psk(sa.name(), sa.local_id, remote, secret->name);
    }
    return std::nullopt;
}

AuthInitiator::Outcome AuthInitiator::take_child(const wire::Payloads& response, SaCore& sa,
                                                 const Environment& env) {
    Done done;
    sa.awaits_vips = false;
    Status addresses{};
    if (!sa.connection->vips.empty()) { addresses = take_address_reply(response, sa, env); }
    if (!offer_) {
        if (!addresses) { done.child_error = std::move(addresses).error(); }
        return done;
    }
    // Status notifies and errors that we do not know are no refusal when the SA payload is there
    // (RFC 7296 3.10.1: unknown error types in a response mean failure of the exchange; with SA
    // present it has not failed).
    if (const auto* error = wire::find_error_notify(response);
        error != nullptr && wire::count<wire::SecurityAssociation>(response) == 0) {
        done.child_error = peer_refused(sa.name(), offer_->config->name, error->type,
                                        offer_->to_string(), offer_->ah_alone());
        abandon(env);
        return done;
    }
    auto agreed = addresses ? check_child_answer(sa, *offer_, response)
                            : Result<AgreedChild>{std::unexpected(std::move(addresses).error())};
    if (!agreed) {
        done.child_error = std::move(agreed).error();
        done.child_we_refused = true;
        // The responder has it already: tell it to forget.
        if (const auto* answer = wire::find<wire::SecurityAssociation>(response);
            answer != nullptr && answer->proposals.size() == 1) {
            done.refused_spi = offer_->inbound_spi;
            done.refused_protocol = offer_->proposals.front().protocol == ProtocolId::ah
                                        ? IpsecProtocol::ah
                                        : IpsecProtocol::esp;
        }
        abandon(env);
        return done;
    }
    tell_what_was_left_out(sa, *offer_, *agreed, env);
    offer_.reset();
    ChildKeys keys =
        derive_child_keys(agreed->suite, sa.suite->prf, sa.sk_d, nullptr, init_.ni, init_.nr);
    done.child = install_child(sa, *agreed, std::move(keys), true, env);
    return done;
}

void AuthInitiator::abandon(const Environment& env) {
    if (offer_) { env.release(offer_->inbound_spi); }
    offer_.reset();
}

}  // namespace culvert::ike::v2
