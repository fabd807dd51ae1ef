#pragma once
// Proposals of RFC 7296 3.3: what each side can do, choosing, and saying why nothing could be
// chosen.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "crypto/algorithms.hpp"
#include "ipsec_types/child_sa.hpp"

namespace culvert::ike {

enum class TransformType : std::uint8_t {
    encr = 1,
    prf = 2,
    integ = 3,
    ke = 4,
    esn = 5,
    addke1 = 6,  // RFC 9370: further key exchanges, one type each
    addke7 = 12
};
constexpr std::size_t additional_ke_max = 7;
constexpr bool is_additional_ke(TransformType type) {
    return type >= TransformType::addke1 && type <= TransformType::addke7;
}
constexpr TransformType additional_ke_type(std::size_t index) {
    return TransformType(std::to_underlying(TransformType::addke1) + index);
}

// What was chosen of them, by type; none where there is none.
using AdditionalKes = std::array<crypto::KeMethod, additional_ke_max>;
// Those that take place, in order.
std::vector<crypto::KeMethod> kes_of(const AdditionalKes& chosen);

enum class ProtocolId : std::uint8_t { none = 0, ike = 1, ah = 2, esp = 3 };

struct Transform {
    TransformType type{};
    std::uint16_t id = 0;
    std::optional<std::uint16_t> key_bits{};
    bool unknown_attributes = false;  // then it is never chosen (RFC 7296 3.3.6)
    // With unknown_attributes: all attributes as they came, for writing them back.
    Bytes attributes{};

    friend bool operator==(const Transform&, const Transform&) = default;
};

struct Proposal {
    std::uint8_t number = 0;
    ProtocolId protocol = ProtocolId::ike;
    Bytes spi;  // empty in the IKE_SA_INIT exchange; 8 octets for an IKE SA rekey, 4 for ESP and AH
    std::vector<Transform> transforms;

    // swanctl's words: "aes256gcm16-prfsha384-ecp384".
    std::string to_string() const;

    friend bool operator==(const Proposal&, const Proposal&) = default;
};

using Proposals = std::vector<Proposal>;

// swanctl's list, "aes256gcm16-prfsha384-ecp384, aes128-sha256-modp2048" or "default". A legacy
// algorithm is accepted where it is named. Errors name the word and the nearest one that exists.
Result<Proposals> parse_proposals(ProtocolId protocol, std::string_view text);

// Without the words that swanctl has and we have not built, where another of their kind stands
// beside them, and without whole proposals that need one, where another remains. All of it, if
// nothing would remain.
struct BuiltPart {
    std::string text;
    std::vector<std::string> left_out;  // words, or whole proposals
};
BuiltPart built_part(ProtocolId protocol, std::string_view text);
Proposals default_proposals(ProtocolId protocol);

// The words of such a list whose algorithm is weak and accepted only because it is named ("3des",
// "modp1024"), for a warning.
std::vector<std::string> legacy_words(std::string_view text);

// One transform of each type. Type `esn` absent means 32-bit numbers; `ke` absent or none: no (new)
// key exchange.
struct ChosenIkeSuite {
    crypto::EncryptionAlgorithm encryption{};
    std::uint16_t key_bits = 0;
    crypto::IntegrityAlgorithm integrity = crypto::IntegrityAlgorithm::none;
    crypto::PrfAlgorithm prf{};
    crypto::KeMethod ke{};
    AdditionalKes additional{};

    std::string to_string() const;  // "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384"
    friend bool operator==(const ChosenIkeSuite&, const ChosenIkeSuite&) = default;
};

struct ChosenProposal {
    Proposal proposal;   // to send back: one transform a type, number and protocol as offered, SPI
                         // as offered (replace by ours)
    ChosenIkeSuite ike;  // when protocol is ike
    IpsecSuite ipsec;    // when protocol is esp or ah
    crypto::KeMethod ke = crypto::KeMethod::none;
    AdditionalKes additional{};
};

// Our order of preference decides, as in strongSwan by default. `require_ke` false ignores key
// exchange transforms altogether (the Child SA of IKE_AUTH). The error is no_proposal_chosen with
// both sides' proposals and, as remedy, the nearest pair and the transform where it differs.
Result<ChosenProposal> choose(const Proposals& ours, const Proposals& offered,
                              std::string_view connection, bool require_ke);
// Its two halves, where most of what is offered may be a stranger's nonsense: the explanation costs
// many times what finding nothing does.
std::optional<ChosenProposal> find_common(const Proposals& ours, const Proposals& offered,
                                          bool require_ke);
Error nothing_in_common(const Proposals& ours, const Proposals& offered,
                        std::string_view connection, bool require_ke);

// The initiator's check of the answer: exactly one proposal, a subset of one of ours (RFC
// 7296 3.3).
Result<ChosenProposal> check_answer(const Proposals& ours, const Proposals& answer,
                                    bool require_ke);

// "AES_GCM_16", "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_384", "ECP_384", "CURVE_25519", "UNKNOWN_77":
// strongSwan's words, as VICI lists them.
std::string to_string(crypto::EncryptionAlgorithm algorithm);
std::string to_string(crypto::IntegrityAlgorithm algorithm);
std::string to_string(crypto::PrfAlgorithm algorithm);
std::string to_string(crypto::KeMethod method);
// "/KE1_CURVE_448/KE2_ECP_384", behind a suite's text; empty without any.
std::string to_string(const AdditionalKes& chosen);

}  // namespace culvert::ike
