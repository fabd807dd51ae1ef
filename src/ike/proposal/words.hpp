#pragma once
// The words of swanctl's proposals: which transform each one means, and the way back.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ike/proposal/proposal.hpp"

namespace culvert::ike {

enum class Standing : std::uint8_t {
    good,
    legacy,     // weak; only where it is named, never by default
    esp_only,   // makes no sense for an IKE SA; of ESP, or of ESP and AH
    ah_only,    // AES-GMAC as an integrity algorithm (RFC 4543 5.1); ESP has it as a cipher
    not_built,  // a word of swanctl's that we know and cannot serve
};

struct Word {
    std::string_view text;
    TransformType type{};
    std::uint16_t id = 0;
    std::uint16_t key_bits = 0;  // 0: no key length attribute
    Standing standing = Standing::good;

    Transform transform() const {
        return {.type = type,
                .id = id,
                .key_bits = key_bits == 0 ? std::nullopt : std::optional{key_bits}};
    }
};

// Of several words for one transform, the one to print comes first.
std::span<const Word> all_words();
// Of a word that means one thing in AH and another elsewhere, the one for `protocol`.
const Word* find_word(std::string_view text, ProtocolId protocol);
const Word* word_of(const Transform& transform);
// The word with the fewest letters to change, for a hint.
std::string_view nearest_word(std::string_view text);

// "aes256gcm16"; "encr77", "ke36" for a transform without a word, with "/128" for its key length.
std::string spell(const Transform& transform);
// "encryption", "key exchange", ...
std::string_view name(TransformType type);

}  // namespace culvert::ike
