#include "ike/v2/child_negotiation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/writer.hpp"
#include "ike/v2/child_resources.hpp"
#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

bool is_key_exchange(TransformType type) {
    return type == TransformType::ke || is_additional_ke(type);
}

Proposals without_ke(Proposals proposals) {
    for (Proposal& proposal : proposals) {
        std::erase_if(proposal.transforms,
                      [](const Transform& t) { return is_key_exchange(t.type); });
    }
    // Those that differed in the group alone are now the same.
    Proposals unique;
    for (Proposal& proposal : proposals) {
        const bool known = std::ranges::any_of(unique, [&](const Proposal& p) {
            return p.protocol == proposal.protocol && p.transforms == proposal.transforms;
        });
        if (!known) { unique.push_back(std::move(proposal)); }
    }
    std::uint8_t number = 0;
    for (Proposal& proposal : unique) { proposal.number = ++number; }
    return unique;
}

bool is_ah(const Proposal& proposal) { return proposal.protocol == ProtocolId::ah; }

// RFC 3715 2.1: AH covers the addresses that a NAT changes.
Proposals fit_for_path(const SaCore& sa, Proposals proposals) {
    if (sa.nat.any()) { std::erase_if(proposals, is_ah); }
    return proposals;
}

SelectorPair offered_pair(const wire::Payloads& request) {
    const auto* tsi = wire::find<wire::TsInitiator>(request);
    const auto* tsr = wire::find<wire::TsResponder>(request);
    return {.local = tsr->selectors, .remote = tsi->selectors};
}

// How well a child serves an offer.
enum class Fit : std::uint8_t {
    part,
    whole,  // all of it
    exact,  // and the child is for nothing else
};

struct Choice {
    ChildRef config;
    TransportSelectors traffic;
    bool transport = false;
    Fit fit = Fit::part;
};

bool covers(const SelectorPair& outer, const SelectorPair& inner) {
    const auto all = [](const TrafficSelectors& big, const TrafficSelectors& small) {
        return std::ranges::all_of(small,
                                   [&](const TrafficSelector& one) { return contains(big, one); });
    };
    return all(outer.local, inner.local) && all(outer.remote, inner.remote);
}

std::optional<Choice> try_child(const SaCore& sa, const ChildRef& config,
                                const SelectorPair& offered, bool transport_asked) {
    if (config->mode == ChildMode::pass || config->mode == ChildMode::drop) { return std::nullopt; }
    Choice choice{.config = config,
                  .traffic = {.selectors = offered},
                  .transport = transport_asked && config->mode == ChildMode::transport};
    if (choice.transport) { choice.traffic = substitute_for_nat(offered, sa.ends(), sa.nat); }
    const auto narrowed = narrow_offer(*config, sa.ends(), choice.traffic.selectors);
    if (!narrowed) { return std::nullopt; }
    if (covers(*narrowed, choice.traffic.selectors)) {
        const Ends ends = sa.ends();
        const bool exact =
            covers(*narrowed, {.local = resolve(config->local_ts, ends.dynamic_local()),
                               .remote = resolve(config->remote_ts, ends.dynamic_remote())});
        choice.fit = exact ? Fit::exact : Fit::whole;
    }
    choice.traffic.selectors = *narrowed;
    return choice;
}

bool is_dynamic(const std::vector<SelectorConfig>& selectors) {
    return selectors.empty() || std::ranges::any_of(selectors, &SelectorConfig::dynamic);
}

// What a Child SA has it may go on having, though the ends that its selectors mean are others now:
// not every peer takes the new ones.
std::optional<Choice> as_before(const SaCore& sa, const Child& rekeyed, const SelectorPair& offered,
                                bool transport_asked) {
    if (transport_asked || rekeyed.mode != IpsecMode::tunnel || fits_the_ends(rekeyed, sa)) {
        return std::nullopt;
    }
    SelectorPair both{.local = narrow(rekeyed.local_ts, offered.local),
                      .remote = narrow(rekeyed.remote_ts, offered.remote)};
    if (both.local.empty() || both.remote.empty()) { return std::nullopt; }
    return Choice{.config = rekeyed.config, .traffic = {.selectors = std::move(both)}};
}

// The first of those that fit best; that of the Child SA to be replaced before all others.
std::optional<Choice> choose_child(const SaCore& sa, const SelectorPair& offered,
                                   bool transport_asked, const Child* rekeyed) {
    if (rekeyed != nullptr) {
        if (auto choice = try_child(sa, rekeyed->config, offered, transport_asked)) {
            return choice;
        }
        if (auto choice = as_before(sa, *rekeyed, offered, transport_asked)) { return choice; }
    }
    std::optional<Choice> best;
    for (const ChildConfig& child : sa.connection->children) {
        auto choice = try_child(sa, {sa.connection, &child}, offered, transport_asked);
        if (choice && (!best || choice->fit > best->fit)) { best = std::move(choice); }
    }
    return best;
}

// RFC 7296 1.3.1: such a peer does not expect octets behind the inner packet.
bool refuses_tfc_padding(const wire::Payloads& payloads) {
    return wire::find_notify(payloads, NotifyType::esp_tfc_padding_not_supported) != nullptr;
}

std::optional<EspSpi> spi_of(const Child* child) {
    return child == nullptr ? std::nullopt : std::optional{child->inbound_spi};
}

EspSpi new_spi(const Child* rekeyed, std::optional<std::uint16_t> resource,
               const Environment& env) {
    return rekeyed == nullptr && resource ? env.new_esp_spi_of(*resource)
                                          : env.new_esp_spi(spi_of(rekeyed));
}

}  // namespace

bool ChildOffer::ah_alone() const { return std::ranges::all_of(proposals, is_ah); }

std::string ChildOffer::to_string() const {
    std::string text;
    for (const Proposal& proposal : proposals) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", proposal.to_string());
    }
    return fmt::format("{} {} with {} === {}", transport ? "transport mode" : "tunnel mode", text,
                       culvert::to_string(selectors.local), culvert::to_string(selectors.remote));
}

Status check_path(const SaCore& sa, const ChildConfig& config) {
    if (fit_for_path(sa, config.proposals).empty()) {
        return std::unexpected(ah_through_nat(sa.name(), config.name));
    }
    return {};
}

ChildOffer make_offer(const SaCore& sa, const ChildRef& config, bool with_ke,
                      const std::optional<PacketSelectors>& packet, const Child* rekeyed,
                      const Environment& env) {
    const Ends ends = sa.ends();
    Proposals proposals = fit_for_path(sa, config->proposals);
    const auto resource = resource_for(sa, *config, rekeyed);
    ChildOffer offer{.config = config,
                     .reqid = env.state.reqid_of(sa.name(), config->name),
                     .inbound_spi = new_spi(rekeyed, resource, env),
                     .proposals = with_ke ? std::move(proposals) : without_ke(std::move(proposals)),
                     .selectors = {.local = resolve(config->local_ts, ends.dynamic_local()),
                                   .remote = resolve(config->remote_ts, ends.dynamic_remote())},
                     .transport = config->mode == ChildMode::transport,
                     .with_ke = with_ke,
                     .resource = resource};
    std::uint8_t number = 0;
    for (Proposal& proposal : offer.proposals) {
        proposal.number = ++number;
        proposal.spi = octets_of(offer.inbound_spi);
    }
    if (packet && contains(offer.selectors.local, packet->local) &&
        contains(offer.selectors.remote, packet->remote)) {
        offer.selectors.local.insert(offer.selectors.local.begin(), packet->local);
        offer.selectors.remote.insert(offer.selectors.remote.begin(), packet->remote);
    }
    return offer;
}

void add_sa_payloads(wire::Payloads& out, const ChildOffer& offer) {
    if (offer.transport) { out.emplace_back(wire::Notify{.type = NotifyType::use_transport_mode}); }
    if (offer.resource) { out.emplace_back(wire::Notify{.type = NotifyType::sa_resource_info}); }
    out.emplace_back(wire::SecurityAssociation{.proposals = offer.proposals});
}

void add_ts_payloads(wire::Payloads& out, const ChildOffer& offer) {
    out.emplace_back(wire::TsInitiator{.selectors = offer.selectors.local});
    out.emplace_back(wire::TsResponder{.selectors = offer.selectors.remote});
}

bool fits_the_ends(const Child& child, const SaCore& sa) {
    const ChildConfig& config = *child.config;
    if (!is_dynamic(config.local_ts) && !is_dynamic(config.remote_ts)) { return true; }
    if (child.mode == IpsecMode::transport && sa.nat.any()) { return true; }
    const Ends ends = sa.ends();
    return within({.local = resolve(config.local_ts, ends.dynamic_local()),
                   .remote = resolve(config.remote_ts, ends.dynamic_remote())},
                  {.local = child.local_ts, .remote = child.remote_ts});
}

bool is_everything(const IpRange& range) { return range.first.is_any() && !range.last.next(); }

void tell_what_was_left_out(const SaCore& sa, const ChildOffer& offer, const AgreedChild& agreed,
                            const Environment& env) {
    const SelectorPair& got = agreed.traffic.selectors;
    // With a virtual address, or for everything, it is the peer that is to choose.
    const auto whole = [](const TrafficSelectors& wanted, const TrafficSelectors& have) {
        return std::ranges::all_of(wanted, [&](const TrafficSelector& one) {
            return is_everything(one.addresses) || contains(have, one);
        });
    };
    const bool all = agreed.mode == IpsecMode::transport ||
                     (whole(offer.selectors.remote, got.remote) &&
                      (!sa.local_vips.empty() || whole(offer.selectors.local, got.local)));
    if (all) { return; }
    env.alert(sa, "ts-narrowed", Severity::info,
              fmt::format("the peer has narrowed {} === {} of {} to {} === {}: the rest has no "
                          "tunnel; if it takes one pair of networks a Child SA, give each pair a "
                          "child of its own",
                          to_string(offer.selectors.local), to_string(offer.selectors.remote),
                          offer.config->name, to_string(got.local), to_string(got.remote)));
}

Result<AgreedChild> check_child_answer(const SaCore& sa, const ChildOffer& offer,
                                       const wire::Payloads& response) {
    const auto* answer = wire::find<wire::SecurityAssociation>(response);
    const auto* tsi = wire::find<wire::TsInitiator>(response);
    const auto* tsr = wire::find<wire::TsResponder>(response);
    if (answer == nullptr || tsi == nullptr || tsr == nullptr) {
        return std::unexpected(
            bad_payloads(wire::ExchangeType::create_child_sa, "SA, TSi and TSr", response));
    }
    auto chosen = check_answer(offer.proposals, answer->proposals, offer.with_ke);
    if (!chosen) { return std::unexpected(std::move(chosen).error()); }
    const auto spi = esp_spi_of(chosen->proposal.spi);
    if (!spi || *spi < esp_spi_min) {
        return std::unexpected(
            bad_payloads(wire::ExchangeType::create_child_sa, "an SPI of ESP or AH", response));
    }
    const bool transport =
        offer.transport && wire::find_notify(response, NotifyType::use_transport_mode) != nullptr;
    TransportSelectors traffic{.selectors = {.local = tsi->selectors, .remote = tsr->selectors}};
    if (transport) { traffic = substitute_for_nat(traffic.selectors, sa.ends(), sa.nat); }
    if (!within(offer.selectors, traffic.selectors) ||
        traffic.selectors.local.size() > selectors_max ||
        traffic.selectors.remote.size() > selectors_max) {
        return std::unexpected(answer_widens_selectors(sa.name(), offer.config->name,
                                                       offer.selectors, traffic.selectors));
    }
    if (!sa.local_vips.empty() && !transport) {
        // Offered was everything, since the address was not known then; used is the address.
        const TrafficSelectors ours = resolve(offer.config->local_ts, sa.ends().dynamic_local());
        TrafficSelectors narrowed = narrow(ours, traffic.selectors.local);
        if (narrowed.empty()) {
            return std::unexpected(answer_widens_selectors(
                sa.name(), offer.config->name, {.local = ours, .remote = offer.selectors.remote},
                traffic.selectors));
        }
        traffic.selectors.local = std::move(narrowed);
    }
    return AgreedChild{.config = offer.config,
                       .reqid = offer.reqid,
                       .suite = chosen->ipsec,
                       .ke = chosen->ke,
                       .additional = chosen->additional,
                       .inbound_spi = offer.inbound_spi,
                       .outbound_spi = *spi,
                       .traffic = std::move(traffic),
                       // RFC 7296 1.3.1: a responder that declines transport mode means tunnel.
                       .mode = transport ? IpsecMode::transport : IpsecMode::tunnel,
                       .resource = tells_of_resources(response) ? offer.resource : std::nullopt,
                       .no_tfc_padding = refuses_tfc_padding(response)};
}

Result<ChildAnswer> answer_child_offer(const SaCore& sa, const wire::Payloads& request,
                                       bool with_ke, const Child* rekeyed, const Environment& env) {
    // Of those that are rekeyed there are two each for a while.
    if (sa.children.size() >= (rekeyed == nullptr ? children_max : 2 * children_max)) {
        return std::unexpected(too_many_children(sa.name()));
    }
    // RFC 7296 3.15.4: who is to have an address of ours has no child with another one.
    if (rekeyed == nullptr && !sa.began_first && !sa.connection->pools.empty() &&
        sa.leases.empty()) {
        return std::unexpected(address_request_required(sa.name()));
    }
    const auto* offer = wire::find<wire::SecurityAssociation>(request);
    const bool transport_asked =
        wire::find_notify(request, NotifyType::use_transport_mode) != nullptr;
    const SelectorPair offered = offered_pair(request);
    auto choice = choose_child(sa, offered, transport_asked, rekeyed);
    if (!choice) {
        return std::unexpected(no_selectors_in_common(*sa.connection, sa.ends(), offered));
    }
    std::optional<std::uint16_t> resource;
    if (tells_of_resources(request)) {
        resource = resource_for(sa, *choice->config, rekeyed);
        if (resource && rekeyed == nullptr &&
            resources_taken(sa, *choice->config) >= env.resources_max()) {
            return std::unexpected(enough_resources(sa.name(), choice->config->name));
        }
    }
    const Proposals ours = fit_for_path(sa, choice->config->proposals);
    if (ours.empty() || (sa.nat.any() && std::ranges::all_of(offer->proposals, is_ah))) {
        return std::unexpected(ah_through_nat(sa.name(), choice->config->name));
    }
    auto chosen = choose(ours, offer->proposals,
                         fmt::format("{}.children.{}", sa.name(), choice->config->name), with_ke);
    if (!chosen) {
        Error why = std::move(chosen).error();
        if (rekeyed != nullptr && why.code == ErrorCode::no_proposal_chosen) {
            why.remedy += about_pfs_at_rekey;
        }
        return std::unexpected(std::move(why));
    }
    const auto spi = esp_spi_of(chosen->proposal.spi);
    if (!spi || *spi < esp_spi_min) {
        return std::unexpected(
            bad_payloads(wire::ExchangeType::create_child_sa, "an SPI of ESP or AH", request));
    }
    const SelectorPair& agreed = choice->traffic.selectors;
    if (!choice->transport && (agreed.local != offered.local || agreed.remote != offered.remote)) {
        env.alert(
            sa, "ts-narrowed", Severity::debug,
            fmt::format("{} === {}, which the peer offered for {}, was narrowed to {} === {}",
                        to_string(offered.local), to_string(offered.remote), choice->config->name,
                        to_string(agreed.local), to_string(agreed.remote)));
    }
    ChildAnswer answer{
        .agreed = {.config = choice->config,
                   .reqid = env.state.reqid_of(sa.name(), choice->config->name),
                   .suite = chosen->ipsec,
                   .ke = chosen->ke,
                   .additional = chosen->additional,
                   .inbound_spi = new_spi(rekeyed, resource, env),
                   .outbound_spi = *spi,
                   .traffic = std::move(choice->traffic),
                   .mode = choice->transport ? IpsecMode::transport : IpsecMode::tunnel,
                   .resource = resource,
                   .no_tfc_padding = refuses_tfc_padding(request)},
        .proposal = std::move(chosen->proposal)};
    answer.proposal.spi = octets_of(answer.agreed.inbound_spi);
    return answer;
}

void add_answer_sa(wire::Payloads& out, const ChildAnswer& answer) {
    if (answer.agreed.mode == IpsecMode::transport) {
        out.emplace_back(wire::Notify{.type = NotifyType::use_transport_mode});
    }
    if (answer.agreed.resource) {
        out.emplace_back(wire::Notify{.type = NotifyType::sa_resource_info});
    }
    out.emplace_back(wire::SecurityAssociation{.proposals = {answer.proposal}});
}

void add_answer_ts(wire::Payloads& out, const ChildAnswer& answer) {
    out.emplace_back(wire::TsInitiator{.selectors = answer.agreed.traffic.selectors.remote});
    out.emplace_back(wire::TsResponder{.selectors = answer.agreed.traffic.selectors.local});
}

std::optional<EspSpi> esp_spi_of(ByteView spi) {
    if (spi.size() != 4) { return std::nullopt; }
    Reader in{spi};
    return EspSpi{in.u32()};
}

Bytes octets_of(EspSpi spi) {
    Writer out;
    out.u32(spi.value());
    return out.take();
}

crypto::KeMethod first_ke(const Proposals& proposals) {
    for (const Proposal& proposal : proposals) {
        for (const Transform& transform : proposal.transforms) {
            if (transform.type == TransformType::ke) { return crypto::KeMethod{transform.id}; }
        }
        // A first proposal without a group asks for none.
        return crypto::KeMethod::none;
    }
    return crypto::KeMethod::none;
}

bool offers_ke(const Proposals& proposals, crypto::KeMethod method) {
    return std::ranges::any_of(proposals, [&](const Proposal& proposal) {
        return std::ranges::any_of(proposal.transforms, [&](const Transform& transform) {
            return transform.type == TransformType::ke &&
                   transform.id == std::to_underlying(method);
        });
    });
}

}  // namespace culvert::ike::v2
