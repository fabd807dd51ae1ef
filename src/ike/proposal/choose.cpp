// Choosing (RFC 7296 2.7, 3.3) and checking what the other side chose.

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "ike/proposal/compare.hpp"
#include "ike/proposal/limits.hpp"
#include "ike/proposal/proposal.hpp"
#include "ike/wire/notify_type.hpp"

namespace culvert::ike {
namespace {

using wire::NotifyType;

std::uint16_t id_of(const std::vector<Transform>& chosen, TransformType type) {
    const auto found = std::ranges::find(chosen, type, &Transform::type);
    return found == chosen.end() ? std::uint16_t{0} : found->id;
}

std::uint16_t key_bits_of(const std::vector<Transform>& chosen) {
    const auto found = std::ranges::find(chosen, TransformType::encr, &Transform::type);
    return found == chosen.end() ? std::uint16_t{0} : found->key_bits.value_or(0);
}

ChosenProposal chosen_from(const Proposal& theirs, std::vector<Transform> transforms) {
    ChosenProposal out;
    const crypto::EncryptionAlgorithm encryption{id_of(transforms, TransformType::encr)};
    const crypto::IntegrityAlgorithm integrity{id_of(transforms, TransformType::integ)};
    const std::uint16_t key_bits = key_bits_of(transforms);
    out.ke = crypto::KeMethod{id_of(transforms, TransformType::ke)};
    for (std::size_t i = 0; i < out.additional.size(); ++i) {
        out.additional.at(i) = crypto::KeMethod{id_of(transforms, additional_ke_type(i))};
    }
    if (theirs.protocol == ProtocolId::ike) {
        out.ike = {.encryption = encryption,
                   .key_bits = key_bits,
                   .integrity = integrity,
                   .prf = crypto::PrfAlgorithm{id_of(transforms, TransformType::prf)},
                   .ke = out.ke,
                   .additional = out.additional};
    } else {
        out.ipsec = {
            .protocol = theirs.protocol == ProtocolId::ah ? IpsecProtocol::ah : IpsecProtocol::esp,
            .encryption = encryption,
            .key_bits = key_bits,
            .integrity = integrity,
            .esn = id_of(transforms, TransformType::esn) == 1};
    }
    out.proposal = {.number = theirs.number,
                    .protocol = theirs.protocol,
                    .spi = theirs.spi,
                    .transforms = std::move(transforms)};
    return out;
}

// "gw" or "gw.children.net" to the setting that a person has to change.
std::string setting_of(ProtocolId protocol, std::string_view connection) {
    if (protocol == ProtocolId::ike) { return fmt::format("connections.{}.proposals", connection); }
    const bool has_child = connection.find(".children.") != std::string_view::npos;
    return fmt::format("connections.{}{}.{}_proposals", connection,
                       has_child ? "" : ".children.<child>",
                       protocol == ProtocolId::ah ? "ah" : "esp");
}

Error not_what_we_offered(const Mismatch& mismatch, std::string_view what) {
    return {.code = ErrorCode::no_proposal_chosen,
            .wanted = fmt::format("an answer chosen from {}", list(mismatch.ours)),
            .received = fmt::format("{}: {}", what, list(mismatch.theirs)),
            .remedy =
                "the peer breaks the protocol (RFC 7296 3.3.6): offer it fewer proposals, "
                "one suite at best"};
}

// RFC 9370 2.2.1: no method twice among the additional ones.
bool one_method_once(const Proposal& answer) {
    std::set<std::uint16_t> seen;
    return std::ranges::all_of(answer.transforms, [&](const Transform& t) {
        return !is_additional_ke(t.type) || t.id == 0 || seen.insert(t.id).second;
    });
}

bool one_transform_a_type(const Proposal& answer) {
    std::set<TransformType> seen;
    return std::ranges::all_of(answer.transforms,
                               [&](const Transform& t) { return seen.insert(t.type).second; });
}

}  // namespace

std::optional<ChosenProposal> find_common(const Proposals& ours, const Proposals& offered,
                                          bool require_ke) {
    std::size_t near = 0;
    for (const Proposal& one : ours) {
        for (const Proposal& other : offered) {
            if (!may_match(one, other)) { continue; }
            Comparison both = compare(one, other, require_ke);
            if (both.match()) { return chosen_from(other, std::move(both.common)); }
            if (++near == near_misses_max) { return std::nullopt; }
        }
    }
    return std::nullopt;
}

Error nothing_in_common(const Proposals& ours, const Proposals& offered,
                        std::string_view connection, bool require_ke) {
    const Mismatch mismatch{ours, offered, require_ke};
    const ProtocolId protocol = ours.empty() ? ProtocolId::ike : ours.front().protocol;
    return {.code = ErrorCode::no_proposal_chosen,
            .notify = NotifyType::no_proposal_chosen,
            .wanted = fmt::format("one of {}", list(ours)),
            .received = list(offered),
            .remedy = nearest_change(mismatch, setting_of(protocol, connection))};
}

Result<ChosenProposal> choose(const Proposals& ours, const Proposals& offered,
                              std::string_view connection, bool require_ke) {
    if (auto common = find_common(ours, offered, require_ke)) { return *std::move(common); }
    return std::unexpected(nothing_in_common(ours, offered, connection, require_ke));
}

Result<ChosenProposal> check_answer(const Proposals& ours, const Proposals& answer,
                                    bool require_ke) {
    const Mismatch mismatch{ours, answer, require_ke};
    if (answer.size() != 1) {
        return std::unexpected(
            not_what_we_offered(mismatch, fmt::format("{} proposals", answer.size())));
    }
    if (!one_transform_a_type(answer.front())) {
        return std::unexpected(not_what_we_offered(mismatch, "several algorithms of one type"));
    }
    if (!one_method_once(answer.front())) {
        return std::unexpected(
            not_what_we_offered(mismatch, "one additional key exchange twice (RFC 9370 2.2.1)"));
    }
    for (const Proposal& one : ours) {
        Comparison both = compare(one, answer.front(), require_ke);
        if (both.match()) { return chosen_from(answer.front(), std::move(both.common)); }
    }
    return std::unexpected(not_what_we_offered(mismatch, "what we did not offer"));
}

}  // namespace culvert::ike
