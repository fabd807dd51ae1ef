// Proposals in people's words, and the smallest change that would make two sides agree.

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "ike/proposal/compare.hpp"
#include "ike/proposal/limits.hpp"
#include "ike/proposal/words.hpp"

namespace culvert::ike {
namespace {

// What swanctl would make of the integrity words if no prf were named.
bool prf_follows_from_integrity(const Proposal& proposal) {
    std::string text = "aes128";
    for (const Transform& one : transforms_of(proposal, TransformType::integ)) {
        text += "-" + spell(one);
    }
    const auto implied = parse_proposals(ProtocolId::ike, text + "-modp2048");
    return implied && transforms_of(implied->front(), TransformType::prf) ==
                          transforms_of(proposal, TransformType::prf);
}

bool is_usable(const Transform& transform, ProtocolId protocol) {
    const Word* word = word_of(transform);
    return word != nullptr && !transform.unknown_attributes &&
           word->standing != Standing::not_built &&
           (word->standing != Standing::ah_only || protocol == ProtocolId::ah) &&
           (word->standing != Standing::esp_only || protocol != ProtocolId::ike);
}

bool is_legacy(const Transform& transform) {
    const Word* word = word_of(transform);
    return word != nullptr && word->standing == Standing::legacy;
}

// Of what the peer offers, what we would best take: built, and not weak if it can be.
std::optional<Transform> best(const std::vector<Transform>& offered, ProtocolId protocol) {
    std::optional<Transform> weak;
    for (const Transform& one : offered) {
        if (!is_usable(one, protocol)) { continue; }
        if (!is_legacy(one)) { return one; }
        if (!weak) { weak = one; }
    }
    return weak;
}

struct Pair {
    const Proposal* ours = nullptr;
    const Proposal* theirs = nullptr;
    Comparison comparison;
    unsigned cost = 0;
};

// How far from agreeing: first the number of differences, then how bad it would be to give in.
unsigned cost_of(const Comparison& comparison, ProtocolId protocol) {
    unsigned cost = 0;
    if (comparison.wrong_protocol) { cost += 1000; }
    if (comparison.wrong_spi_size) { cost += 500; }
    for (const Difference& difference : comparison.differences) {
        const auto way_out = best(difference.theirs, protocol);
        cost += 10;
        if (!way_out) { cost += 5; }
        if (way_out && is_legacy(*way_out)) { cost += 3; }
    }
    return cost;
}

std::optional<Pair> nearest_pair(const Mismatch& mismatch) {
    std::optional<Pair> nearest;
    std::size_t compared = 0;
    for (const Proposal& one : mismatch.ours) {
        for (const Proposal& other : mismatch.theirs) {
            if (++compared > pairs_explained_max) { return nearest; }
            Pair pair{&one, &other, compare(one, other, mismatch.with_ke)};
            pair.cost = cost_of(pair.comparison, one.protocol);
            if (!nearest || pair.cost < nearest->cost) { nearest = std::move(pair); }
        }
    }
    return nearest;
}

std::string spell_all(const std::vector<Transform>& transforms) {
    if (transforms.empty()) { return "nothing"; }
    std::string out;
    std::size_t printed = 0;
    for (const Transform& one : transforms) {
        if (printed++ == words_printed_max) { return out + ", ..."; }
        out += (out.empty() ? "" : ", ") + spell(one);
    }
    return out;
}

// One suite: what is common, and for each difference the best of one side. Nothing where that side
// has nothing to take.
std::optional<Proposal> suite_of(const Pair& pair, bool theirs) {
    const ProtocolId protocol = pair.ours->protocol;
    Proposal suite{.protocol = protocol, .transforms = pair.comparison.common};
    for (const Difference& difference : pair.comparison.differences) {
        const auto& side = theirs ? difference.theirs : difference.ours;
        // An additional key exchange that one side does not have at all can stay away.
        if (is_additional_ke(difference.type) && side.empty()) { continue; }
        const auto one = best(side, protocol);
        if (!one) { return {}; }
        suite.transforms.push_back(*one);
    }
    // A cipher that came by way of a difference may need an integrity of its side, or none.
    const auto ciphers = transforms_of(suite, TransformType::encr);
    const bool aead =
        !ciphers.empty() && crypto::is_aead(crypto::EncryptionAlgorithm{ciphers.front().id});
    if (aead) {
        std::erase_if(suite.transforms,
                      [](const Transform& t) { return t.type == TransformType::integ; });
    } else if (transforms_of(suite, TransformType::integ).empty()) {
        const Proposal& side = theirs ? *pair.theirs : *pair.ours;
        const auto one = best(transforms_of(side, TransformType::integ), protocol);
        if (!one) { return {}; }
        suite.transforms.push_back(*one);
    }
    std::ranges::stable_sort(suite.transforms, {}, [](const Transform& t) {
        return t.type == TransformType::prf ? TransformType::integ : t.type;
    });
    return suite;
}

bool gives_up_pfs(const Pair& pair, const Proposal& suite) {
    const auto kes = transforms_of(suite, TransformType::ke);
    const auto ours = transforms_of(*pair.ours, TransformType::ke);
    return pair.ours->protocol != ProtocolId::ike && !ours.empty() && ours.front().id != 0 &&
           !kes.empty() && kes.front().id == 0;
}

// What adding `suite` on our side would cost in security; empty if nothing.
std::string weakness(const Pair& pair, const Proposal& suite) {
    if (gives_up_pfs(pair, suite)) { return ", which gives up perfect forward secrecy"; }
    for (const Transform& one : suite.transforms) {
        if (is_legacy(one)) { return fmt::format(", though {} is weak", spell(one)); }
    }
    return {};
}

std::string differences_text(const Comparison& comparison) {
    std::string out;
    for (const Difference& difference : comparison.differences) {
        out += fmt::format("{}{}: ours {}, the peer's {}", out.empty() ? "" : "; ",
                           name(difference.type), spell_all(difference.ours),
                           spell_all(difference.theirs));
    }
    return out;
}

std::string protocol_word(ProtocolId protocol) {
    switch (protocol) {
        case ProtocolId::ike: return "IKE";
        case ProtocolId::ah: return "AH";
        case ProtocolId::esp: return "ESP";
        case ProtocolId::none: break;
    }
    return fmt::format("protocol {}", std::to_underlying(protocol));
}

}  // namespace

std::string Proposal::to_string() const {
    std::string out;
    const auto print = [&out](const std::vector<Transform>& some) {
        for (const Transform& one : some) { out += (out.empty() ? "" : "-") + spell(one); }
    };
    Proposal shown = *this;
    const bool cut = shown.transforms.size() > words_printed_max;
    if (cut) { shown.transforms.resize(words_printed_max); }
    print(transforms_of(shown, TransformType::encr));
    auto integrity = transforms_of(shown, TransformType::integ);
    std::erase_if(integrity, [](const Transform& t) { return t.id == 0; });
    print(integrity);
    if (protocol != ProtocolId::ike || integrity.empty() || !prf_follows_from_integrity(shown)) {
        print(transforms_of(shown, TransformType::prf));
    }
    print(transforms_of(shown, TransformType::ke));
    const auto esn = transforms_of(shown, TransformType::esn);
    if (esn.size() > 1 || (esn.size() == 1 && esn.front().id != 0)) { print(esn); }
    std::erase_if(shown.transforms, [](const Transform& t) {
        return t.type >= TransformType::encr && t.type <= TransformType::esn;
    });
    print(shown.transforms);
    return cut ? out + "-..." : out;
}

std::string list(const Proposals& proposals) {
    if (proposals.empty()) { return "no proposals"; }
    std::string out;
    std::size_t printed = 0;
    for (const Proposal& one : proposals) {
        if (printed++ == proposals_printed_max) {
            return fmt::format("{} and {} more", out, proposals.size() - proposals_printed_max);
        }
        const bool other = one.protocol != proposals.front().protocol;
        out += fmt::format("{}{}{}", out.empty() ? "" : ", ",
                           other ? protocol_word(one.protocol) + ": " : "", one.to_string());
    }
    return out;
}

std::string nearest_change(const Mismatch& mismatch, std::string_view setting) {
    const auto pair = nearest_pair(mismatch);
    if (!pair) { return fmt::format("name algorithms in {}", setting); }
    if (pair->comparison.wrong_protocol) {
        return fmt::format(
            "the peer offers {} where we have {}: use the same protocol on both sides",
            protocol_word(pair->theirs->protocol), protocol_word(pair->ours->protocol));
    }
    if (pair->comparison.wrong_spi_size) {
        return fmt::format(
            "the peer's SPI has {} octets, which no {} SA can have: its software is "
            "at fault",
            pair->theirs->spi.size(), protocol_word(pair->ours->protocol));
    }
    const auto for_us = suite_of(*pair, true);
    const auto for_peer = suite_of(*pair, false);
    std::string out;
    if (for_us) {
        out = fmt::format("add {} to {}{}", for_us->to_string(), setting, weakness(*pair, *for_us));
    }
    if (for_peer) {
        out += fmt::format("{}have the peer offer {}", out.empty() ? "" : "; or ",
                           for_peer->to_string());
    }
    if (out.empty()) { out = "change the proposals of both sides"; }
    return fmt::format("{} (the nearest are our {} and the peer's {}; they differ in {})", out,
                       pair->ours->to_string(), pair->theirs->to_string(),
                       differences_text(pair->comparison));
}

}  // namespace culvert::ike
