#include "cli/terminal.hpp"

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace culvert::cli {
namespace {

// How many octets "ESC [ 31 m" has at the beginning of `text`; 0: it is none.
std::size_t colour_size(std::string_view text) {
    if (!text.starts_with("\x1b[")) { return 0; }
    const auto end = text.find_first_not_of("0123456789;", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

std::uint8_t octet(std::string_view text, std::size_t at) {
    return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

// RFC 3629 4: how many octets the character at the beginning has; 0: it is none.
std::size_t character_size(std::string_view text) {
    const std::uint8_t first = octet(text, 0);
    const std::uint8_t second = octet(text, 1);
    const auto follows = [&](std::size_t at) { return (octet(text, at) & 0xc0U) == 0x80U; };
    if (first < 0x80) { return 1; }
    if (first >= 0xc2 && first <= 0xdf) { return follows(1) ? 2 : 0; }
    if (first >= 0xe0 && first <= 0xef) {
        const bool shortest = first != 0xe0 || second >= 0xa0;
        const bool surrogate = first == 0xed && second >= 0xa0;
        return shortest && !surrogate && follows(1) && follows(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool shortest = first != 0xf0 || second >= 0x90;
        const bool in_range = first != 0xf4 || second < 0x90;
        return shortest && in_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::string fit_for_terminal(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::uint8_t first = octet(text, 0);
        std::size_t size = 1;
        // U+0080 to U+009F are control characters as well.
        const bool upper = first == 0xc2 && octet(text, 1) >= 0x80 && octet(text, 1) < 0xa0;
        if (const std::size_t colour = colour_size(text); colour != 0) {
            size = colour;
            out += text.substr(0, size);
        } else if (upper) {
            size = 2;
            out += fmt::format("\\x{:02x}", octet(text, 1));
        } else if ((first < 0x20 && first != '\n' && first != '\t') || first == 0x7f) {
            out += fmt::format("\\x{:02x}", first);
        } else {
            out += text.front();
        }
        text.remove_prefix(size);
    }
    return out;
}

std::string as_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        out += size == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, size);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

}  // namespace culvert::cli
