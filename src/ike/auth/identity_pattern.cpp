#include "ike/auth/identity_pattern.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <regex.h>

#include "ike/auth/limits.hpp"

namespace culvert::ike {
namespace {

struct RangePrefix {
    std::string_view text;
    IpFamily family;
};
constexpr std::array range_prefixes{
    RangePrefix{"ipv4net:", IpFamily::v4}, RangePrefix{"ipv4range:", IpFamily::v4},
    RangePrefix{"ipv6net:", IpFamily::v6}, RangePrefix{"ipv6range:", IpFamily::v6}};

const RangePrefix* range_prefix_of(std::string_view text) {
    const auto found = std::ranges::find_if(range_prefixes, [text](const RangePrefix& one) {
        return std::ranges::equal(text.substr(0, one.text.size()), one.text, {}, [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
    });
    return found == range_prefixes.end() ? nullptr : &*found;
}

// Without a prefix: what can be no name. A lone address is an identity like others.
bool is_range_text(std::string_view text) {
    return text.find_first_of("/-") != std::string_view::npos && IpRange::parse(text) &&
           !IpAddress::parse(text);
}

Error bad_pattern(std::string_view text, std::string_view wanted, std::string_view why) {
    return {.code = ErrorCode::config,
            .wanted = std::string{wanted},
            .received = fmt::format("\"{}\", which {}", printable(text), why)};
}

// Of the C library, which frees by function.
class Regex {
 public:
    explicit Regex(const std::string& text)
        : status_(::regcomp(&regex_, text.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB)) {}
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;
    Regex(Regex&&) = delete;
    Regex& operator=(Regex&&) = delete;
    ~Regex() {
        if (status_ == 0) { ::regfree(&regex_); }
    }

    std::optional<std::string> error() const {
        if (status_ == 0) { return std::nullopt; }
        std::array<char, 128> text{};
        ::regerror(status_, &regex_, text.data(), text.size());
        return text.data();
    }
    bool fits(const std::string& text) const {
        return status_ == 0 && ::regexec(&regex_, text.c_str(), 0, nullptr, 0) == 0;
    }

 private:
    regex_t regex_{};
    int status_;
};

// The data is the type it is for, in two octets, and the text.
constexpr std::size_t type_size = 2;

IdType type_in(ByteView data) {
    return static_cast<IdType>((std::uint16_t{data[0]} << 8U) | data[1]);
}

}  // namespace

bool is_pattern_text(std::string_view text) {
    const std::size_t at = text.find('^');
    const bool regex =
        at != std::string_view::npos && text.ends_with('$') && (at == 0 || text[at - 1] == ':');
    return regex || range_prefix_of(text) != nullptr || is_range_text(text);
}

Result<Identity> range_identity(std::string_view text) {
    std::string_view rest = text;
    const RangePrefix* const prefix = range_prefix_of(text);
    if (prefix != nullptr) { rest.remove_prefix(prefix->text.size()); }
    const auto range = IpRange::parse(rest);
    if (!range || (prefix != nullptr && range->first.family() != prefix->family)) {
        return std::unexpected(bad_pattern(text, "a network or a range of addresses", "is none"));
    }
    Identity out{.type = IdType::address_range, .data = to_bytes(range->first.octets())};
    append(out.data, range->last.octets());
    return out;
}

Result<Identity> regex_identity(std::string_view regex, IdType type) {
    if (const auto error = Regex{std::string{regex}}.error()) {
        return std::unexpected(
            bad_pattern(regex, "a POSIX extended regular expression", "is none: " + *error));
    }
    const auto number = static_cast<std::uint16_t>(type);
    Identity out{
        .type = IdType::regex,
        .data = {static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)}};
    append(out.data, as_bytes(regex));
    return out;
}

std::string range_text(ByteView data) {
    const auto first = IpAddress::from_octets(data.first(data.size() / 2));
    const auto last = IpAddress::from_octets(data.subspan(data.size() / 2));
    const auto range = first && last ? IpRange::make(*first, *last) : std::nullopt;
    return range ? range->to_string() : "#" + to_hex(data);
}

std::string regex_text(ByteView data) { return printable(as_text(data.subspan(type_size))); }

bool in_range(const Identity& identity, ByteView range) {
    const bool v4 = range.size() == 8;
    return identity.type == (v4 ? IdType::ipv4_addr : IdType::ipv6_addr) &&
           identity.data.size() * 2 == range.size() &&
           !std::ranges::lexicographical_compare(identity.data, range.first(range.size() / 2)) &&
           !std::ranges::lexicographical_compare(range.subspan(range.size() / 2), identity.data);
}

bool fits_regex(const Identity& identity, ByteView regex) {
    const IdType type = type_in(regex);
    if (identity.type == IdType::null || (type != IdType::any && type != identity.type)) {
        return false;
    }
    return Regex{std::string{as_text(regex.subspan(type_size))}}.fits(identity.to_string());
}

}  // namespace culvert::ike
