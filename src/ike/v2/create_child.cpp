#include "ike/v2/create_child.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

Bytes lower_nonce(ByteView ni, ByteView nr) {
    const bool first = std::ranges::lexicographical_compare(ni, nr);
    return to_bytes(first ? ni : nr);
}

namespace {

bool same_selectors(const ChildConfig& a, const ChildConfig& b) {
    const auto alike = [](const SelectorConfig& one, const SelectorConfig& other) {
        return one.dynamic == other.dynamic && one.selector == other.selector;
    };
    return std::ranges::equal(a.local_ts, b.local_ts, alike) &&
           std::ranges::equal(a.remote_ts, b.remote_ts, alike);
}

// There are Child SAs of this child for other selectors.
bool has_other_part(const SaCore& sa, const Child& child) {
    return std::ranges::any_of(sa.children, [&](const Child& other) {
        return other.live() && other.config->name == child.config->name &&
               (other.local_ts != child.local_ts || other.remote_ts != child.remote_ts);
    });
}

}  // namespace

Result<CreateChild> CreateChild::begin(SaCore& sa, Wanted wanted, const Environment& env) {
    if (auto fits = check_path(sa, *wanted.child); !fits) {
        return std::unexpected(std::move(fits).error());
    }
    const crypto::KeMethod group =
        wanted.group == crypto::KeMethod::none ? first_ke(wanted.child->proposals) : wanted.group;
    std::optional<crypto::KeyExchange> ke;
    if (group != crypto::KeMethod::none) {
        auto made = crypto::KeyExchange::create(group, env.random());
        if (!made) { return std::unexpected(std::move(made).error()); }
        ke = std::move(*made);
    }
    Child* old = wanted.rekeyed ? sa.find_child(*wanted.rekeyed) : nullptr;
    ChildOffer offer =
        make_offer(sa, wanted.child, group != crypto::KeMethod::none, wanted.packet, old, env);
    if (wanted.rekeyed) {
        old->state = ChildState::rekeying;
        // RFC 7296 2.9.2: the new one is no narrower than the old. Where the peer takes one part of
        // a child's selectors a Child SA, it might choose another part now.
        const SelectorPair before{.local = old->local_ts, .remote = old->remote_ts};
        const bool narrowed = same_selectors(*old->config, *wanted.child) &&
                              !within(before, offer.selectors) && has_other_part(sa, *old);
        const bool fits = fits_the_ends(*old, sa);
        if (old->mode == IpsecMode::tunnel && fits &&
            (narrowed || !within(offer.selectors, before))) {
            offer.selectors = before;
        }
        offer.reqid = old->reqid;
    }
    CreateChild exchange{std::move(wanted), std::move(offer), env.random().bytes(nonce_size)};
    exchange.ke_ = std::move(ke);
    return exchange;
}

wire::Payloads CreateChild::request(SaCore& sa) const {
    if (answered_) { return answered_->follow_up->request(); }
    wire::Payloads payloads;
    if (wanted_.rekeyed) {
        const Child* old = sa.find_child(*wanted_.rekeyed);
        // RFC 7296 1.3.3, 3.10: the SPI that we expect in inbound packets.
        payloads.emplace_back(wire::Notify{
            .protocol = old->suite.protocol == IpsecProtocol::ah ? ProtocolId::ah : ProtocolId::esp,
            .spi = octets_of(old->inbound_spi),
            .type = NotifyType::rekey_sa});
    }
    add_sa_payloads(payloads, offer_);
    payloads.emplace_back(wire::Nonce{.data = nonce_});
    if (ke_) {
        payloads.emplace_back(
            wire::KeyExchange{.method = ke_->method(), .data = ke_->public_value()});
    }
    add_ts_payloads(payloads, offer_);
    return payloads;
}

void CreateChild::collided(ChildSaId made_by_peer, Bytes lowest_nonce) {
    collision_ = {.made_by_peer = made_by_peer, .lowest_nonce = std::move(lowest_nonce)};
}

CreateChild::Outcome CreateChild::handle(const wire::Payloads& response, SaCore& sa,
                                         const Environment& env) {
    if (const auto* error = wire::find_error_notify(response);
        error != nullptr && wire::count<wire::SecurityAssociation>(response) == 0) {
        return refused(*error, sa, env);
    }
    return answered_ ? handle_follow_up(response, sa, env) : handle_answer(response, sa, env);
}

CreateChild::Outcome CreateChild::fail(Error error, std::optional<EspSpi> spi, SaCore& sa,
                                       const Environment& env) {
    abandon(sa, env);
    return Failed{.error = std::move(error),
                  .we_refused = true,
                  .refused_spi = spi,
                  .refused_protocol = offer_.ah_alone() ? IpsecProtocol::ah : IpsecProtocol::esp};
}

CreateChild::Outcome CreateChild::handle_answer(const wire::Payloads& response, SaCore& sa,
                                                const Environment& env) {
    if (!sane_create_child(response)) {
        // With an SA payload the peer thinks that it has one.
        const bool has_one = wire::find<wire::SecurityAssociation>(response) != nullptr;
        return fail(bad_payloads(wire::ExchangeType::create_child_sa, "one SA, Nr, TSi, TSr each",
                                 response),
                    has_one ? std::optional{offer_.inbound_spi} : std::nullopt, sa, env);
    }
    const EspSpi inbound_spi = offer_.inbound_spi;
    auto agreed = check_child_answer(sa, offer_, response);
    if (!agreed) { return fail(std::move(agreed).error(), inbound_spi, sa, env); }
    if (!wanted_.rekeyed) { tell_what_was_left_out(sa, offer_, *agreed, env); }
    const auto* nonce = wire::find<wire::Nonce>(response);
    std::optional<Secret> shared;
    if (agreed->ke != crypto::KeMethod::none) {
        const auto* ke = wire::find<wire::KeyExchange>(response);
        if (ke == nullptr || !ke_ || ke->method != ke_->method() || agreed->ke != ke->method) {
            return fail(bad_payloads(wire::ExchangeType::create_child_sa,
                                     "a KE payload of the group that was chosen", response),
                        inbound_spi, sa, env);
        }
        auto derived = ke_->derive(ke->data);
        if (!derived) { return fail(std::move(derived).error(), inbound_spi, sa, env); }
        shared = std::move(*derived);
    }
    std::vector<crypto::KeMethod> further = kes_of(agreed->additional);
    std::optional<FollowUpInitiator> follow_up;
    if (!further.empty()) {
        auto begun = FollowUpInitiator::begin(std::move(further), response, env);
        if (!begun) { return fail(std::move(begun).error(), std::nullopt, sa, env); }
        follow_up = std::move(*begun);
    }
    const bool more = follow_up.has_value();
    answered_ = Answered{.agreed = std::move(*agreed),
                         .nr = nonce->data,
                         .shared = std::move(shared),
                         .follow_up = std::move(follow_up)};
    return more ? Outcome{FollowUp{}} : install(nullptr, sa, env);
}

CreateChild::Outcome CreateChild::handle_follow_up(const wire::Payloads& response, SaCore& sa,
                                                   const Environment& env) {
    const auto complete = answered_->follow_up->handle(response, env);
    // If that was the last one, the peer has its Child SA already: it is told to forget it.
    if (!complete) { return fail(complete.error(), offer_.inbound_spi, sa, env); }
    if (!*complete) { return FollowUp{}; }
    return install(&answered_->follow_up->secrets(), sa, env);
}

CreateChild::Outcome CreateChild::install(const Secret* further, SaCore& sa,
                                          const Environment& env) {
    const AgreedChild& agreed = answered_->agreed;
    const Secret* const shared = answered_->shared ? &*answered_->shared : nullptr;
    ChildKeys keys = derive_child_keys(agreed.suite, sa.suite->prf, sa.sk_d, shared, nonce_,
                                       answered_->nr, further);
    const ChildSaId fresh = install_child(sa, agreed, std::move(keys), true, env);
    if (!wanted_.rekeyed) { return Done{.fresh = fresh, .to_delete = {}}; }
    sa.find_child(fresh)->successor = true;
    return settle(fresh, answered_->nr, sa, env);
}

// RFC 7296 2.8, 2.8.1. Without a collision the old one is ours to delete. With one, the SA made
// with the lowest of the four nonces is one too many and closed by who made it; the other side
// deletes the old one.
CreateChild::Done CreateChild::settle(ChildSaId fresh, ByteView peer_nonce, SaCore& sa,
                                      const Environment& env) const {
    Child* old = sa.find_child(*wanted_.rekeyed);
    Child* theirs = collision_ ? sa.find_child(collision_->made_by_peer) : nullptr;
    const bool ours_is_redundant =
        theirs != nullptr && std::ranges::lexicographical_compare(lower_nonce(nonce_, peer_nonce),
                                                                  collision_->lowest_nonce);
    if (ours_is_redundant) {
        Child* ours = sa.find_child(fresh);
        stop_sending(*ours, env);
        replaced(*ours);
        // The old one goes on sending until the peer deletes it: only then is it sure that the peer
        // has its own.
        if (old != nullptr) { replaced(*old); }
        return Done{.fresh = collision_->made_by_peer, .to_delete = fresh};
    }
    if (theirs != nullptr) {
        replaced(*theirs);
        stop_sending(*theirs, env);
    }
    if (old == nullptr) { return Done{.fresh = fresh, .to_delete = {}}; }
    replaced(*old);
    stop_sending(*old, env);
    return Done{.fresh = fresh, .to_delete = old->id};
}

CreateChild::Outcome CreateChild::refused(const wire::Notify& error, SaCore& sa,
                                          const Environment& env) {
    const std::string offered = offer_.to_string();
    abandon(sa, env);
    if (error.type == NotifyType::invalid_ke_payload) {
        crypto::KeMethod asked{};
        if (error.data.size() == 2) {
            Reader in{error.data};
            asked = crypto::KeMethod{in.u16()};
        }
        // K-08: once, and only a group that we offered.
        if (wanted_.group != crypto::KeMethod::none || !ke_ || asked == ke_->method() ||
            !offers_ke(wanted_.child->proposals, asked)) {
            return Failed{.error = ke_refused(sa.name(), asked, offered,
                                              "we do not offer it, or tried it already")};
        }
        wanted_.group = asked;
        return OtherGroup{wanted_};
    }
    Error why = peer_refused(sa.name(), child_name(), error.type, offered, offer_.ah_alone());
    if (wanted_.rekeyed && error.type == NotifyType::no_proposal_chosen) {
        why.remedy += about_pfs_at_rekey;
    }
    // RFC 9370 2.2.4: what the peer has forgotten begins anew.
    if (error.type == NotifyType::temporary_failure || error.type == NotifyType::state_not_found) {
        return Later{std::move(why)};
    }
    return Failed{.error = std::move(why)};
}

void CreateChild::abandon(SaCore& sa, const Environment& env) {
    env.release(offer_.inbound_spi);
    if (!wanted_.rekeyed) { return; }
    Child* old = sa.find_child(*wanted_.rekeyed);
    if (old == nullptr || old->state != ChildState::rekeying) { return; }
    // In a collision the peer's new one stands alone now.
    const bool by_peer = collision_ && sa.find_child(collision_->made_by_peer) != nullptr;
    if (by_peer) {
        replaced(*old);
    } else {
        old->state = ChildState::installed;
    }
}

bool sane_create_child(const wire::Payloads& payloads) {
    return wire::count<wire::SecurityAssociation>(payloads) == 1 &&
           wire::count<wire::Nonce>(payloads) == 1 &&
           wire::count<wire::KeyExchange>(payloads) <= 1 &&
           wire::count<wire::TsInitiator>(payloads) == 1 &&
           wire::count<wire::TsResponder>(payloads) == 1;
}

std::variant<CreatedChild, StartedChild, ChildRefusal> answer_create_child(
    const wire::Payloads& request, SaCore& sa, Child* rekeyed, const Environment& env) {
    auto answer = answer_child_offer(sa, request, true, rekeyed, env);
    if (!answer) { return ChildRefusal{.error = std::move(answer).error()}; }
    AgreedChild& agreed = answer->agreed;
    if (rekeyed != nullptr) {
        agreed.reqid = rekeyed->reqid;
        agreed.behind_older = true;
    }
    const auto* ke = wire::find<wire::KeyExchange>(request);
    std::optional<Secret> shared;
    std::optional<crypto::KeyExchange> own;
    if (agreed.ke != crypto::KeMethod::none) {
        if (ke == nullptr || ke->method != agreed.ke) {
            env.release(agreed.inbound_spi);
            return ChildRefusal{
                .error = {.code = ErrorCode::invalid_ke_payload,
                          .notify = NotifyType::invalid_ke_payload,
                          .wanted = "a KE payload of " + to_string(agreed.ke),
                          .received = ke == nullptr ? "none" : "one of " + to_string(ke->method),
                          .remedy = "nothing: the peer tries again with that group"},
                .group = agreed.ke};
        }
        auto made = crypto::KeyExchange::create(agreed.ke, env.random());
        auto derived =
            made ? made->derive(ke->data) : Result<Secret>{std::unexpected(made.error())};
        if (!derived) {
            env.release(agreed.inbound_spi);
            Error error = std::move(derived).error();
            error.notify = NotifyType::invalid_syntax;
            return ChildRefusal{.error = std::move(error)};
        }
        own = std::move(*made);
        shared = std::move(*derived);
    }
    StartedChild started{.response = {},
                         .agreed = {},
                         .shared = std::move(shared),
                         .ni = wire::find<wire::Nonce>(request)->data,
                         .nr = env.random().bytes(nonce_size),
                         .follow_up = {kes_of(agreed.additional), env}};
    if (rekeyed != nullptr) { started.rekeyed = rekeyed->id; }
    add_answer_sa(started.response, *answer);
    started.response.emplace_back(wire::Nonce{.data = started.nr});
    if (own) {
        started.response.emplace_back(
            wire::KeyExchange{.method = own->method(), .data = own->public_value()});
    }
    add_answer_ts(started.response, *answer);
    started.agreed = std::move(agreed);
    if (started.follow_up.complete()) {
        return finish_child(started, std::move(started.response), sa, env);
    }
    started.response.emplace_back(started.follow_up.link());
    return started;
}

CreatedChild finish_child(StartedChild& started, wire::Payloads response, SaCore& sa,
                          const Environment& env) {
    const Secret* const shared = started.shared ? &*started.shared : nullptr;
    ChildKeys keys = derive_child_keys(started.agreed.suite, sa.suite->prf, sa.sk_d, shared,
                                       started.ni, started.nr, &started.follow_up.secrets());
    CreatedChild created{.response = std::move(response),
                         .rekeyed = started.rekeyed,
                         .lowest_nonce = lower_nonce(started.ni, started.nr)};
    created.fresh = install_child(sa, started.agreed, std::move(keys), false, env);
    sa.find_child(created.fresh)->successor = started.rekeyed.has_value();
    return created;
}

}  // namespace culvert::ike::v2
