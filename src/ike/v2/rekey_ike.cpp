#include "ike/v2/rekey_ike.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/writer.hpp"
#include "ike/v2/crash_tokens.hpp"
#include "ike/v2/create_child.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/key_log.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

Bytes octets_of(IkeSpi spi) {
    Writer out;
    out.u64(spi.value());
    return out.take();
}

std::optional<IkeSpi> ike_spi_of(ByteView octets) {
    if (octets.size() != 8) { return std::nullopt; }
    Reader in{octets};
    const IkeSpi spi{in.u64()};
    return spi == IkeSpi{} ? std::nullopt : std::optional{spi};
}

bool sane(const wire::Payloads& payloads) {
    return wire::count<wire::SecurityAssociation>(payloads) == 1 &&
           wire::count<wire::Nonce>(payloads) == 1 && wire::count<wire::KeyExchange>(payloads) == 1;
}

// What a successor takes over; children are moved apart, when it is sure which one stands.
SaCore successor_of(const SaCore& sa, bool we_initiate, IkeSpi local_spi, IkeSpi remote_spi) {
    SaCore next;
    next.connection = sa.connection;
    next.original_initiator = we_initiate;  // RFC 7296 2.18: of the new IKE SA
    next.began_first = sa.began_first;
    next.local_spi = local_spi;
    next.remote_spi = remote_spi;
    next.local = sa.local;
    next.remote = sa.remote;
    next.nat_t_port = sa.nat_t_port;
    next.stream = sa.stream;
    next.stream_state = sa.stream_state;
    next.peer_takes_fragments = sa.peer_takes_fragments;
    next.peer_takes_redirects = sa.peer_takes_redirects;
    next.nat = sa.nat;
    next.mobike = sa.mobike;
    next.mobike.seen_as.clear();  // it covers the SPIs
    next.effort = sa.effort;
    next.local_id = sa.local_id;
    next.remote_id = sa.remote_id;
    next.remote_eap_id = sa.remote_eap_id;
    return next;
}

void derive(SaCore& next, const SaCore& old, const ChosenIkeSuite& suite, const Secret& shared,
            ByteView ni, ByteView nr, const Secret* further, const Environment& env) {
    const IkeKeys keys = derive_rekeyed_ike_keys(suite, old.suite->prf, old.sk_d, shared,
                                                 {.ni = ni,
                                                  .nr = nr,
                                                  .initiator_spi = next.initiator_spi(),
                                                  .responder_spi = next.responder_spi(),
                                                  .further = further});
    next.use_keys(suite, keys);
    log_keys(next, keys, env);
    next.unique_id = env.new_ike_unique();
    next.created_at = env.now;
    next.established_at = env.now;
    next.reauth_at = old.reauth_at;
    next.authenticated_until = old.authenticated_until;
    env.set_lifetimes(next);
}

}  // namespace

Result<RekeyIke> RekeyIke::begin(const SaCore& sa, crypto::KeMethod group, const Environment& env) {
    const bool other_group = group != crypto::KeMethod::none;
    // What serves already is the likeliest to be taken at once.
    auto ke = crypto::KeyExchange::create(other_group ? group : sa.suite->ke, env.random());
    if (!ke) { return std::unexpected(std::move(ke).error()); }
    return RekeyIke{env.promise_ike_spi(), std::move(*ke), env.random().bytes(nonce_size),
                    other_group};
}

wire::Payloads RekeyIke::request(const SaCore& sa) const {
    if (answered_) { return answered_->follow_up->request(); }
    Proposals proposals = sa.connection->proposals;
    std::uint8_t number = 0;
    for (Proposal& proposal : proposals) {
        proposal.number = ++number;
        proposal.spi = octets_of(spi_);
    }
    wire::Payloads payloads;
    payloads.emplace_back(wire::SecurityAssociation{.proposals = std::move(proposals)});
    payloads.emplace_back(wire::Nonce{.data = nonce_});
    payloads.emplace_back(wire::KeyExchange{.method = ke_.method(), .data = ke_.public_value()});
    return payloads;
}

void RekeyIke::collided(IkeSpi made_by_peer, Bytes lowest_nonce) {
    collision_ = {.made_by_peer = made_by_peer, .lowest_nonce = std::move(lowest_nonce)};
}

RekeyIke::Outcome RekeyIke::handle(const wire::Payloads& response, const SaCore& sa,
                                   const Environment& env) {
    if (const auto* error = wire::find_error_notify(response);
        error != nullptr && wire::count<wire::SecurityAssociation>(response) == 0) {
        return refused(*error, sa);
    }
    auto outcome =
        answered_ ? handle_follow_up(response, sa, env) : handle_answer(response, sa, env);
    if (auto* done = std::get_if<Done>(&outcome)) { take_crash_token(response, done->successor); }
    return outcome;
}

RekeyIke::Outcome RekeyIke::handle_answer(const wire::Payloads& response, const SaCore& sa,
                                          const Environment& env) {
    const auto went_wrong = [](Error error) {
        return Failed{.error = std::move(error), .we_refused = true, .peer_went_over = true};
    };
    if (!sane(response)) {
        return went_wrong(
            bad_payloads(wire::ExchangeType::create_child_sa, "one SA, Nr, KE each", response));
    }
    const auto* answer = wire::find<wire::SecurityAssociation>(response);
    const auto* ke = wire::find<wire::KeyExchange>(response);
    const auto* nonce = wire::find<wire::Nonce>(response);
    auto chosen = check_answer(sa.connection->proposals, answer->proposals, true);
    if (!chosen) { return went_wrong(std::move(chosen).error()); }
    const auto remote_spi = ike_spi_of(chosen->proposal.spi);
    if (!remote_spi || chosen->ke != ke_.method() || ke->method != ke_.method()) {
        return went_wrong(bad_payloads(wire::ExchangeType::create_child_sa,
                                       "an SPI of 8 octets and KE of the group that was chosen",
                                       response));
    }
    auto shared = ke_.derive(ke->data);
    if (!shared) { return went_wrong(shared.error()); }
    answered_ = Answered{.remote_spi = *remote_spi,
                         .suite = chosen->ike,
                         .nr = nonce->data,
                         .shared = std::move(*shared),
                         .follow_up = {}};
    std::vector<crypto::KeMethod> further = kes_of(chosen->additional);
    if (further.empty()) { return succeed(nullptr, sa, env); }
    auto begun = FollowUpInitiator::begin(std::move(further), response, env);
    // The peer still waits for the further ones.
    if (!begun) { return Failed{.error = std::move(begun).error(), .we_refused = true}; }
    answered_->follow_up = std::move(*begun);
    return FollowUp{};
}

RekeyIke::Outcome RekeyIke::handle_follow_up(const wire::Payloads& response, const SaCore& sa,
                                             const Environment& env) {
    const auto complete = answered_->follow_up->handle(response, env);
    if (!complete) { return Failed{.error = complete.error(), .we_refused = true}; }
    if (!*complete) { return FollowUp{}; }
    return succeed(&answered_->follow_up->secrets(), sa, env);
}

RekeyIke::Done RekeyIke::succeed(const Secret* further, const SaCore& sa, const Environment& env) {
    Done done{.successor = successor_of(sa, true, spi_, answered_->remote_spi)};
    derive(done.successor, sa, answered_->suite, answered_->shared, nonce_, answered_->nr, further,
           env);
    // RFC 7296 2.8.2: the one with the lowest of the four nonces is closed by who made it.
    done.redundant =
        collision_ && std::ranges::lexicographical_compare(lower_nonce(nonce_, answered_->nr),
                                                           collision_->lowest_nonce);
    return done;
}

RekeyIke::Outcome RekeyIke::refused(const wire::Notify& error, const SaCore& sa) const {
    if (error.type == NotifyType::invalid_ke_payload) {
        crypto::KeMethod asked{};
        if (error.data.size() == 2) {
            Reader in{error.data};
            asked = crypto::KeMethod{in.u16()};
        }
        if (other_group_ || asked == ke_.method() || !offers_ke(sa.connection->proposals, asked)) {
            return Failed{.error = ke_refused(sa.name(), asked, "the connection's proposals",
                                              "we do not offer it, or tried it already")};
        }
        return OtherGroup{asked};
    }
    Error why = peer_refused(sa.name(), {}, error.type, "to rekey the IKE SA");
    // RFC 9370 2.2.4: what the peer has forgotten begins anew.
    if (error.type == NotifyType::temporary_failure || error.type == NotifyType::state_not_found) {
        return Later{std::move(why)};
    }
    return Failed{.error = std::move(why)};
}

std::variant<RekeyedIke, StartedIkeRekey, IkeRekeyRefusal> answer_rekey_ike(
    const wire::Payloads& request, const SaCore& sa, const Environment& env) {
    if (!sane(request)) {
        return IkeRekeyRefusal{
            bad_payloads(wire::ExchangeType::create_child_sa, "one SA, Ni, KE each", request)};
    }
    const auto* offer = wire::find<wire::SecurityAssociation>(request);
    const auto* ke = wire::find<wire::KeyExchange>(request);
    const auto* ni = wire::find<wire::Nonce>(request);
    auto chosen = choose(sa.connection->proposals, offer->proposals, sa.name(), true);
    if (!chosen) { return IkeRekeyRefusal{std::move(chosen).error()}; }
    const auto remote_spi = ike_spi_of(chosen->proposal.spi);
    if (!remote_spi) {
        return IkeRekeyRefusal{bad_payloads(wire::ExchangeType::create_child_sa,
                                            "an SPI of 8 octets in each proposal", request)};
    }
    if (chosen->ke != ke->method) {
        return IkeRekeyRefusal{.error = {.code = ErrorCode::invalid_ke_payload,
                                         .notify = NotifyType::invalid_ke_payload,
                                         .wanted = "a KE payload of " + to_string(chosen->ke),
                                         .received = "one of " + to_string(ke->method),
                                         .remedy = "nothing: the peer tries again with that group"},
                               .group = chosen->ke};
    }
    auto own = crypto::KeyExchange::create(ke->method, env.random());
    auto shared = own ? own->derive(ke->data) : Result<Secret>{std::unexpected(own.error())};
    if (!shared) {
        Error error = std::move(shared).error();
        error.notify = NotifyType::invalid_syntax;
        return IkeRekeyRefusal{std::move(error)};
    }
    StartedIkeRekey started{.response = {},
                            .local_spi = env.promise_ike_spi(),
                            .remote_spi = *remote_spi,
                            .suite = chosen->ike,
                            .shared = std::move(*shared),
                            .ni = ni->data,
                            .nr = env.random().bytes(nonce_size),
                            .follow_up = {kes_of(chosen->additional), env}};
    chosen->proposal.spi = octets_of(started.local_spi);
    started.response.emplace_back(
        wire::SecurityAssociation{.proposals = {std::move(chosen->proposal)}});
    started.response.emplace_back(wire::Nonce{.data = started.nr});
    started.response.emplace_back(
        wire::KeyExchange{.method = own->method(), .data = own->public_value()});
    if (started.follow_up.complete()) {
        return finish_rekey(started, std::move(started.response), sa, env);
    }
    started.response.emplace_back(started.follow_up.link());
    return started;
}

RekeyedIke finish_rekey(StartedIkeRekey& started, wire::Payloads response, const SaCore& sa,
                        const Environment& env) {
    RekeyedIke rekeyed{.response = std::move(response),
                       .successor = successor_of(sa, false, started.local_spi, started.remote_spi),
                       .lowest_nonce = lower_nonce(started.ni, started.nr)};
    derive(rekeyed.successor, sa, started.suite, started.shared, started.ni, started.nr,
           &started.follow_up.secrets(), env);
    add_crash_token(rekeyed.response, rekeyed.successor, env);  // RFC 6290 4.2
    return rekeyed;
}

}  // namespace culvert::ike::v2
