#include "base/bytes.hpp"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char c) {
    if (c >= '0' && c <= '9') { return c - '0'; }
    if (c >= 'a' && c <= 'f') { return c - 'a' + 10; }
    if (c >= 'A' && c <= 'F') { return c - 'A' + 10; }
    return -1;
}

}  // namespace

std::string to_hex(ByteView bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        out += hex_digits[byte >> 4U];
        out += hex_digits[byte & 0xfU];
    }
    return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) { return std::nullopt; }
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) { return std::nullopt; }
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

std::string printable(std::string_view text, std::size_t length_max) {
    const std::string_view shown = text.substr(0, length_max);
    const auto is_fit = [](char c) { return c >= 0x20 && c < 0x7f && c != '\\'; };
    if (shown.size() == text.size() && std::ranges::all_of(text, is_fit)) {
        return std::string{text};
    }
    std::string out;
    for (const char c : shown) {
        if (is_fit(c)) {
            out += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        out += "\\x";
        out += hex_digits[octet >> 4U];
        out += hex_digits[octet & 0xfU];
    }
    if (text.size() > length_max) { out += "..."; }
    return out;
}

}  // namespace culvert
