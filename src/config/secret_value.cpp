// Secrets as they are written.

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

bool has_prefix(std::string_view text, char letter) {
    return text.size() >= 2 && text[0] == '0' &&
           (text[1] == letter || text[1] + 'a' - 'A' == letter);
}

std::optional<Secret> read_hex(const Field& field, std::string_view digits) {
    auto octets = from_hex(digits);
    if (!octets) {
        field.error("begins with 0x but is not hex digits, two an octet",
                    "correct it; a plain text that begins with 0x cannot be written as such, "
                    "write it as hex");
        return std::nullopt;
    }
    Secret out = Secret::copy_of(*octets);
    wipe(*octets);
    return out;
}

std::optional<Secret> read_base64(const Field& field, std::string_view letters) {
    auto octets = from_base64(letters);
    if (!octets) {
        field.error("begins with 0s but is not base64",
                    "correct it; a plain text that begins with 0s cannot be written as such, "
                    "write it as hex behind 0x");
        return std::nullopt;
    }
    if (letters.size() % 4 != 0) {
        field.warning(
            fmt::format("is base64 without its padding: as with swanctl its last {} characters "
                        "count for nothing",
                        letters.size() % 4),
            "fill it up with \"=\", here and at the peer");
    }
    Secret out = Secret::copy_of(*octets);
    wipe(*octets);
    return out;
}

}  // namespace

std::optional<Bytes> from_base64(std::string_view text) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t padding = text.find_last_not_of('=') + 1;
    if (text.substr(0, padding).find_first_not_of(letters) != std::string_view::npos) {
        return std::nullopt;
    }
    // As swanctl has it, an octet needs all the four characters that it is part of.
    text = text.substr(0, std::min(padding, text.size() / 4 * 4));
    Bytes out;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        bits = (bits << 6U) | static_cast<std::uint32_t>(letters.find(c));
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> held));
        }
    }
    return out;
}

std::optional<Secret> read_secret(const Field& field) {
    const auto* text = std::get_if<std::string>(&field.entry.element);
    if (text == nullptr) {
        field.error("takes one value", "put it in double quotes");
        return std::nullopt;
    }
    const std::string_view behind =
        std::string_view{*text}.substr(std::min<std::size_t>(2, text->size()));
    std::optional<Secret> out = has_prefix(*text, 'x')   ? read_hex(field, behind)
                                : has_prefix(*text, 's') ? read_base64(field, behind)
                                                         : Secret::copy_of(as_bytes(*text));
    if (!out) { return std::nullopt; }
    if (out->size() > secret_size_max) {
        field.error(fmt::format("is longer than {} octets", secret_size_max), "use a shorter one");
        return std::nullopt;
    }
    if (out->empty()) {
        field.error("is empty", "give the secret as text, as hex behind 0x or as base64 behind 0s");
        return std::nullopt;
    }
    return out;
}

}  // namespace culvert::config
