// swanctl's proposal strings, and the defaults.

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "ike/proposal/limits.hpp"
#include "ike/proposal/proposal.hpp"
#include "ike/proposal/words.hpp"

namespace culvert::ike {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;
using crypto::KeMethod;
using crypto::PrfAlgorithm;

std::string_view protocol_name(ProtocolId protocol) {
    switch (protocol) {
        case ProtocolId::ike: return "IKE";
        case ProtocolId::ah: return "AH";
        case ProtocolId::esp: return "ESP";
        case ProtocolId::none: break;
    }
    return "?";
}

// ---- refusals

Error unknown_word(std::string_view word) {
    return {.code = ErrorCode::config,
            .wanted = "proposal words that exist",
            .received = fmt::format("\"{}\"", printable(word)),
            .remedy = fmt::format("the nearest word is \"{}\"", nearest_word(word))};
}

Error not_built(std::string_view word, ProtocolId protocol) {
    return {.code = ErrorCode::not_built,
            .wanted = fmt::format("algorithms that are built for {}", protocol_name(protocol)),
            .received = fmt::format("\"{}\", which is not built", printable(word)),
            .remedy = fmt::format("remove \"{}\" from the proposal", printable(word))};
}

Error misplaced_word(std::string_view word, ProtocolId protocol) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("words that mean something for {}", protocol_name(protocol)),
            .received = fmt::format("\"{}\"", printable(word)),
            .remedy = fmt::format("remove \"{}\"", printable(word))};
}

Error incomplete(std::string_view proposal, std::string_view lacks, std::string_view remedy) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("a proposal with {}", lacks),
            .received = fmt::format("\"{}\"", printable(proposal)),
            .remedy = std::string{remedy}};
}

Error mixed_modes(std::string_view proposal) {
    return {.code = ErrorCode::config,
            .wanted = "proposals with either AEAD ciphers or others (RFC 5282 8)",
            .received = fmt::format("\"{}\", which mixes them", printable(proposal)),
            .remedy = "write it as two proposals with a comma between them"};
}

Error too_many(std::size_t max, std::string_view what) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("at most {} {}", max, what),
            .received = "more",
            .remedy = "name fewer algorithms"};
}

// ---- parts of a proposal

bool has(const Proposal& proposal, TransformType type) {
    return std::ranges::find(proposal.transforms, type, &Transform::type) !=
           proposal.transforms.end();
}

void add(Proposal& proposal, const Transform& transform) {
    if (std::ranges::find(proposal.transforms, transform) == proposal.transforms.end()) {
        proposal.transforms.push_back(transform);
    }
}

void add(Proposal& proposal, TransformType type, std::uint16_t id,
         std::optional<std::uint16_t> key_bits = {}) {
    add(proposal, Transform{.type = type, .id = id, .key_bits = key_bits});
}

PrfAlgorithm prf_like(IntegrityAlgorithm integrity) {
    switch (integrity) {
        case IntegrityAlgorithm::hmac_sha1_96: return PrfAlgorithm::hmac_sha1;
        case IntegrityAlgorithm::aes_xcbc_96: return PrfAlgorithm::aes128_xcbc;
        case IntegrityAlgorithm::aes_cmac_96: return PrfAlgorithm::aes128_cmac;
        case IntegrityAlgorithm::hmac_sha2_256_96:
        case IntegrityAlgorithm::hmac_sha2_256_128: return PrfAlgorithm::hmac_sha2_256;
        case IntegrityAlgorithm::hmac_sha2_384_192: return PrfAlgorithm::hmac_sha2_384;
        case IntegrityAlgorithm::hmac_sha2_512_256: return PrfAlgorithm::hmac_sha2_512;
        case IntegrityAlgorithm::none:
        case IntegrityAlgorithm::hmac_md5_96:
        case IntegrityAlgorithm::aes128_gmac:
        case IntegrityAlgorithm::aes192_gmac:
        case IntegrityAlgorithm::aes256_gmac: break;
    }
    return PrfAlgorithm::none;
}

// swanctl's rule: without a prf word, each integrity word brings its own prf along.
void derive_prfs(Proposal& proposal) {
    if (has(proposal, TransformType::prf)) { return; }
    const std::vector<Transform> stated = proposal.transforms;
    for (const Transform& transform : stated) {
        if (transform.type != TransformType::integ) { continue; }
        const PrfAlgorithm prf = prf_like(IntegrityAlgorithm{transform.id});
        if (prf != PrfAlgorithm::none) {
            add(proposal, TransformType::prf, std::to_underlying(prf));
        }
    }
}

// In the order in which people and most implementations write them.
void sort_by_type(Proposal& proposal) {
    const auto rank = [](const Transform& transform) {
        constexpr std::array order{TransformType::encr, TransformType::integ, TransformType::prf,
                                   TransformType::ke};
        const bool last = transform.type == TransformType::esn;
        const auto at = std::ranges::find(order, transform.type) - order.begin();
        return last ? 100
                    : static_cast<int>(at) + (at == 4 ? std::to_underlying(transform.type) : 0);
    };
    std::ranges::stable_sort(proposal.transforms, {}, rank);
}

// ---- rules of a whole proposal

Status check_encryption(Proposal& proposal, std::string_view text) {
    std::size_t combined = 0;
    std::size_t others = 0;
    for (const Transform& transform : proposal.transforms) {
        if (transform.type != TransformType::encr) { continue; }
        const bool aead = crypto::is_aead(EncryptionAlgorithm{transform.id});
        (aead ? combined : others) += 1;
    }
    if (proposal.protocol == ProtocolId::ah) {
        if (combined + others != 0) {
            return std::unexpected(incomplete(text, "integrity alone: AH does not encrypt",
                                              "remove the encryption, or use esp_proposals"));
        }
    } else if (combined + others == 0) {
        return std::unexpected(incomplete(text, "an encryption algorithm", "add \"aes256gcm16\""));
    }
    if (combined != 0 && others != 0) { return std::unexpected(mixed_modes(text)); }
    if (combined != 0) {
        // RFC 7296 3.3: no integrity beside an AEAD; a word for it served to name the prf.
        std::erase_if(proposal.transforms,
                      [](const Transform& t) { return t.type == TransformType::integ; });
    } else if (!has(proposal, TransformType::integ)) {
        return std::unexpected(incomplete(
            text, "an integrity algorithm: encryption without it is not safe (RFC 8221 4)",
            "add \"sha256\", or use \"aes256gcm16\""));
    }
    return {};
}

Status complete(Proposal& proposal, std::string_view text) {
    const bool ike = proposal.protocol == ProtocolId::ike;
    if (ike) { derive_prfs(proposal); }
    if (auto status = check_encryption(proposal, text); !status) { return status; }
    if (ike && !has(proposal, TransformType::prf)) {
        return std::unexpected(incomplete(text, "a PRF", "add \"prfsha256\""));
    }
    if (ike && !has(proposal, TransformType::ke)) {
        return std::unexpected(
            incomplete(text, "a key exchange method", "add \"x25519\" or \"modp2048\""));
    }
    const bool additional = std::ranges::any_of(
        proposal.transforms, [](const Transform& t) { return is_additional_ke(t.type); });
    if (additional && !has(proposal, TransformType::ke)) {
        return std::unexpected(incomplete(
            text, "a key exchange method that comes before the additional ones (RFC 9370 2.2.4)",
            "add \"x25519\""));
    }
    // RFC 7296 3.3.3: ESN is mandatory for ESP and AH; swanctl's default is none.
    if (!ike && !has(proposal, TransformType::esn)) { add(proposal, TransformType::esn, 0); }
    sort_by_type(proposal);
    return {};
}

// ke1_ecp384 and the like (RFC 9370).
bool names_additional_ke(std::string_view word) {
    return word.size() > 4 && word.starts_with("ke") && word[2] >= '1' && word[2] <= '7' &&
           word[3] == '_';
}

Status add_additional_ke(Proposal& proposal, std::string_view text) {
    const Word* const word = find_word(text.substr(4), proposal.protocol);
    if (word == nullptr || word->type != TransformType::ke) {
        return std::unexpected(unknown_word(text));
    }
    if (word->standing == Standing::not_built) {
        return std::unexpected(not_built(text, proposal.protocol));
    }
    Transform transform = word->transform();
    transform.type = additional_ke_type(static_cast<std::size_t>(text[2] - '1'));
    add(proposal, transform);
    return {};
}

Status add_word(Proposal& proposal, std::string_view text) {
    const ProtocolId protocol = proposal.protocol;
    if (names_additional_ke(text)) { return add_additional_ke(proposal, text); }
    const Word* word = find_word(text, protocol);
    if (word == nullptr) { return std::unexpected(unknown_word(text)); }
    const bool ike = protocol == ProtocolId::ike;
    if (word->standing == Standing::not_built) {
        return std::unexpected(not_built(text, protocol));
    }
    const bool no_ke = word->type == TransformType::ke && word->id == 0;
    if (ike ? word->standing == Standing::esp_only || no_ke : word->type == TransformType::prf) {
        return std::unexpected(misplaced_word(text, protocol));
    }
    add(proposal, word->transform());
    return {};
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) { return {}; }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Calls f for each part between separators.
template <class F>
Status for_each_part(std::string_view text, char separator, F f) {
    while (true) {
        const auto end = text.find(separator);
        if (auto status = f(trim(text.substr(0, end))); !status) { return status; }
        if (end == std::string_view::npos) { return {}; }
        text.remove_prefix(end + 1);
    }
}

Result<Proposal> parse_one(ProtocolId protocol, std::string_view text) {
    Proposal proposal{.protocol = protocol};
    auto status =
        for_each_part(text, '-', [&](std::string_view word) { return add_word(proposal, word); });
    if (status) { status = complete(proposal, text); }
    if (!status) { return std::unexpected(std::move(status).error()); }
    if (proposal.transforms.size() > transforms_configured_max) {
        return std::unexpected(too_many(transforms_configured_max, "algorithms in a proposal"));
    }
    return proposal;
}

// ---- defaults

struct Cipher {
    EncryptionAlgorithm algorithm;
    std::uint16_t key_bits;
};

constexpr std::array default_aead{Cipher{EncryptionAlgorithm::aes_gcm_16, 256},
                                  Cipher{EncryptionAlgorithm::aes_gcm_16, 128},
                                  Cipher{EncryptionAlgorithm::chacha20_poly1305, 0}};
constexpr std::array default_cbc{Cipher{EncryptionAlgorithm::aes_cbc, 256},
                                 Cipher{EncryptionAlgorithm::aes_cbc, 192},
                                 Cipher{EncryptionAlgorithm::aes_cbc, 128}};
constexpr std::array default_integrity{IntegrityAlgorithm::hmac_sha2_256_128,
                                       IntegrityAlgorithm::hmac_sha2_384_192,
                                       IntegrityAlgorithm::hmac_sha2_512_256};
constexpr std::array default_prf{PrfAlgorithm::hmac_sha2_256, PrfAlgorithm::hmac_sha2_384,
                                 PrfAlgorithm::hmac_sha2_512};
constexpr std::array default_ke{KeMethod::curve25519, KeMethod::ecp256,   KeMethod::ecp384,
                                KeMethod::ecp521,     KeMethod::curve448, KeMethod::ecp256bp,
                                KeMethod::ecp384bp,   KeMethod::ecp512bp, KeMethod::modp3072,
                                KeMethod::modp4096,   KeMethod::modp2048, KeMethod::modp6144,
                                KeMethod::modp8192};

Proposal default_proposal(ProtocolId protocol, std::span<const Cipher> ciphers,
                          bool with_integrity) {
    Proposal out{.protocol = protocol};
    for (const auto& [algorithm, bits] : ciphers) {
        add(out, TransformType::encr, std::to_underlying(algorithm),
            bits == 0 ? std::nullopt : std::optional{bits});
    }
    for (const auto id : default_integrity) {
        if (with_integrity) { add(out, TransformType::integ, std::to_underlying(id)); }
    }
    if (protocol == ProtocolId::ike) {
        for (const auto id : default_prf) { add(out, TransformType::prf, std::to_underlying(id)); }
        for (const auto id : default_ke) { add(out, TransformType::ke, std::to_underlying(id)); }
    } else {
        // RFC 7296 3.3.2: who can do ESN usually offers both; a busy SA wraps 32 bits in minutes.
        add(out, TransformType::esn, 1);
        add(out, TransformType::esn, 0);
    }
    return out;
}

void number(Proposals& proposals) {
    std::uint8_t next = 1;  // RFC 7296 3.3.1
    for (Proposal& proposal : proposals) { proposal.number = next++; }
}

}  // namespace

Proposals default_proposals(ProtocolId protocol) {
    Proposals out;
    if (protocol == ProtocolId::ah) {
        out.push_back(default_proposal(protocol, {}, true));
    } else {
        out.push_back(default_proposal(protocol, default_aead, false));
        out.push_back(default_proposal(protocol, default_cbc, true));
    }
    number(out);
    return out;
}

Result<Proposals> parse_proposals(ProtocolId protocol, std::string_view text) {
    Proposals out;
    auto status = for_each_part(text, ',', [&](std::string_view part) -> Status {
        if (part == "default") {
            for (Proposal& one : default_proposals(protocol)) { out.push_back(std::move(one)); }
            return {};
        }
        if (part.empty()) {
            return std::unexpected(incomplete(text, "something in it", "remove the extra comma"));
        }
        auto one = parse_one(protocol, part);
        if (!one) { return std::unexpected(std::move(one).error()); }
        out.push_back(std::move(*one));
        return {};
    });
    if (status && out.size() > proposals_configured_max) {
        status = std::unexpected(too_many(proposals_configured_max, "proposals"));
    }
    if (!status) { return std::unexpected(std::move(status).error()); }
    number(out);
    return out;
}

std::vector<std::string> legacy_words(std::string_view text) {
    std::vector<std::string> out;
    const auto collect = [&out](std::string_view part) {
        if (names_additional_ke(part)) { part.remove_prefix(4); }
        const Word* word = find_word(part, ProtocolId::esp);
        if (word != nullptr && word->standing == Standing::legacy &&
            std::ranges::find(out, word->text) == out.end()) {
            out.emplace_back(word->text);
        }
        return Status{};
    };
    const auto status = for_each_part(
        text, ',', [&](std::string_view part) { return for_each_part(part, '-', collect); });
    return status ? out : std::vector<std::string>{};
}

}  // namespace culvert::ike
