#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/nearest.hpp"
#include "ike/auth/identity_text.hpp"

namespace culvert::config {
namespace {

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", printable(text, 80)); }

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// All of `text` as a number; nothing where it is none or too large.
std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (text.empty() || error != std::errc{} || stop != end) { return std::nullopt; }
    return value;
}

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "4h", "4 H" as {"4", 'h'}, "4" as {"4", 0}.
std::pair<std::string_view, char> split_unit(std::string_view text) {
    if (text.empty() || (text.back() >= '0' && text.back() <= '9')) { return {text, '\0'}; }
    const auto unit = static_cast<char>(std::tolower(static_cast<unsigned char>(text.back())));
    text.remove_suffix(1);
    while (!text.empty() && text.back() == ' ') { text.remove_suffix(1); }
    return {text, unit};
}

void not_one_of(const Field& field, std::string_view expected, std::string_view got) {
    field.error(fmt::format("{} is not {}", quoted(got), expected), "");
}

void too_many_items(const Field& field) {
    field.error(fmt::format("a list of more than {} items", list_items_max), "");
}

// In the words of the room that knows what it is.
void refused_below(const Field& field, const Error& error) {
    field.error(fmt::format("wanted {}, found {}", error.wanted, error.received), error.remedy);
}

}  // namespace

std::optional<bool> read_bool(const Field& field) {
    static const Words<bool> words{{"yes", true},    {"no", false},     {"true", true},
                                   {"false", false}, {"enabled", true}, {"disabled", false},
                                   {"1", true},      {"0", false}};
    return read_word(field, words, "yes or no");
}

std::optional<std::uint64_t> read_number(const Field& field, std::uint64_t least,
                                         std::uint64_t most) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    const bool hex = text->starts_with("0x") || text->starts_with("0X");
    const auto value = hex ? number(std::string_view{*text}.substr(2), 16) : number(*text);
    if (!value || *value < least || *value > most) {
        const bool huge = !value && is_digits(*text);
        field.error(fmt::format("{} is not a number from {} to {}",
                                huge ? "so large a number" : quoted(*text), least, most),
                    "");
        return std::nullopt;
    }
    return value;
}

std::optional<std::chrono::seconds> read_time(const Field& field) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    const auto [digits, unit] = split_unit(*text);
    std::uint64_t factor = 0;
    switch (unit) {
        case '\0':
        case 's': factor = 1; break;
        case 'm': factor = 60; break;
        case 'h': factor = 3600; break;
        case 'd': factor = 86400; break;
        default: break;
    }
    if (factor == 0 || !is_digits(digits)) {
        field.error(fmt::format("{} is not a time", quoted(*text)),
                    "write a number and s, m, h or d, as in 30s or 4h");
        return std::nullopt;
    }
    const auto value = number(digits);
    if (!value || *value > static_cast<std::uint64_t>(time_s_max) / factor) {
        field.error(fmt::format("{} is longer than ten years", quoted(*text)),
                    "write 0 for no limit, or a shorter time");
        return std::nullopt;
    }
    return std::chrono::seconds{static_cast<std::int64_t>(*value * factor)};
}

std::optional<std::uint64_t> read_octets(const Field& field) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    const auto [digits, unit] = split_unit(*text);
    unsigned shift = 64;
    switch (unit) {
        case '\0': shift = 0; break;
        case 'k': shift = 10; break;
        case 'm': shift = 20; break;
        case 'g': shift = 30; break;
        default: break;
    }
    if (shift == 64 || !is_digits(digits)) {
        field.error(fmt::format("{} is not a number of octets", quoted(*text)),
                    "write a number, perhaps with k, M or G, as in 500M");
        return std::nullopt;
    }
    const auto value = number(digits);
    // A tenth is added to make the default of life_bytes: keep that within 64 bits.
    constexpr std::uint64_t octets_max = std::uint64_t{1} << 62U;
    if (!value || *value > (octets_max >> shift)) {
        field.error(fmt::format("{} is more than 2^62 octets", quoted(*text)),
                    "write 0 for no limit, or less");
        return std::nullopt;
    }
    return *value << shift;
}

std::optional<std::uint8_t> read_dscp(const Field& field) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    if (text->size() != 6 || text->find_first_not_of("01") != std::string::npos) {
        field.error(fmt::format("\"{}\" is not six binary digits", printable(*text, 80)),
                    "write the code point so, as 101110 for EF");
        return std::nullopt;
    }
    unsigned value = 0;
    for (const char digit : *text) { value = value * 2 + (digit == '1' ? 1U : 0U); }
    return static_cast<std::uint8_t>(value);
}

std::optional<double> read_fraction(const Field& field, double least, double most) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    double value = 0;
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, value, std::chars_format::fixed);
    if (text->empty() || error != std::errc{} || stop != end ||
        !(value >= least && value <= most)) {
        field.error(fmt::format("{} is not a number from {} to {}", quoted(*text), least, most),
                    "");
        return std::nullopt;
    }
    return value;
}

std::optional<std::size_t> read_word(const Field& field, const std::vector<std::string_view>& words,
                                     std::string_view expected) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    const auto at = std::ranges::find(words, std::string_view{lower(*text)});
    if (at == words.end()) {
        const auto meant = nearest(lower(*text), words);
        field.error(fmt::format("{} is not {}", quoted(*text), expected),
                    meant ? fmt::format("did you mean {}?", *meant) : "");
        return std::nullopt;
    }
    return static_cast<std::size_t>(at - words.begin());
}

std::optional<Actions> read_actions(const Field& field) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    Actions out;
    std::string_view left = *text;
    while (true) {
        const auto bar = left.find('|');
        const std::string word = lower(left.substr(0, bar));
        if (word == "trap" || word == "route" || word == "hold") {
            out.trap = true;
        } else if (word == "start" || word == "restart") {
            out.start = true;
        } else if (word != "none" && word != "clear") {
            not_one_of(field, "none, trap or start", *text);
            return std::nullopt;
        }
        if (bar == std::string_view::npos) { return out; }
        left.remove_prefix(bar + 1);
    }
}

namespace {

template <class Parse>
std::optional<ike::Identity> identity_in(const Field& field, Parse parse) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    Result<ike::Identity> identity = parse(*text);
    if (!identity) {
        refused_below(field, identity.error());
        return std::nullopt;
    }
    if (identity->type == ike::IdType::key_id && text->contains('=') && ike::is_untyped(*text)) {
        field.warning(fmt::format("{} is no distinguished name, so that it is a KEY_ID, as with "
                                  "strongSwan",
                                  quoted(*text)),
                      "correct it, or write keyid: in front of it");
    }
    return *std::move(identity);
}

}  // namespace

std::optional<ike::Identity> read_identity(const Field& field) {
    return identity_in(field, ike::Identity::parse);
}

std::optional<ike::Identity> read_own_identity(const Field& field) {
    auto identity = read_identity(field);
    if (identity && identity->type != ike::IdType::any && identity->is_pattern()) {
        field.error(
            fmt::format("{} stands for many: only a peer's id may", quoted(identity->to_string())),
            "name this side alone");
        return std::nullopt;
    }
    return identity;
}

std::optional<ike::Identity> read_identity_pattern(const Field& field) {
    return identity_in(field, ike::Identity::parse_pattern);
}

namespace {

bool is_name(std::string_view text) {
    constexpr std::size_t host_name_size_max = 253;  // RFC 1035 2.3.4, as text
    return text.size() <= host_name_size_max &&
           std::ranges::all_of(text,
                               [](unsigned char c) {
                                   return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
                               }) &&
           text.front() != '.' && text.front() != '-';
}

// What nobody would call a host: an address gone wrong.
bool is_like_an_address(std::string_view text) {
    return text.contains(':') || text.contains('/') || std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || c == '.' || c == '-';
           });
}

std::optional<ike::AddressPattern> address_of(const Field& field, const std::string& text) {
    ike::AddressPattern out{.text = text};
    if (text == "%any" || text == "0.0.0.0" || text == "::") {
        out.any = true;
        return out;
    }
    if (text == "%any4" || text == "%any6") {
        out.ranges.push_back(IpRange::everything(text == "%any4" ? IpFamily::v4 : IpFamily::v6));
        return out;
    }
    if (const auto range = IpRange::parse(text)) {
        out.ranges.push_back(*range);
        return out;
    }
    if (is_like_an_address(text) || !is_name(text)) {
        field.error(
            fmt::format("{} is neither an address, a subnet, a range nor a name", quoted(text)),
            "write for instance 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9, "
            "vpn.example.org or %any");
        return std::nullopt;
    }
    return out;
}

constexpr std::string_view selector_example =
    "write for instance 10.1.0.0/16, 10.1.0.0/16[tcp/443], 10.1.0.1-10.1.0.9 or dynamic";

std::optional<ike::SelectorConfig> selector_of(const Field& field, const std::string& text) {
    ike::SelectorConfig out;
    std::string addresses = text;
    for (const std::string_view word : {"%dynamic", "dynamic"}) {
        if (!text.starts_with(word)) { continue; }
        const std::string_view rest = std::string_view{text}.substr(word.size());
        if (!rest.empty() && rest.front() != '[') { break; }
        out.dynamic = true;
        addresses = fmt::format("0.0.0.0/0{}", rest);
        break;
    }
    const auto selector = TrafficSelector::parse(addresses);
    if (!selector) {
        field.error(fmt::format("{} is not a traffic selector", quoted(text)), selector_example);
        return std::nullopt;
    }
    out.selector = *selector;
    return out;
}

template <class T>
std::optional<std::vector<T>> read_items(const Field& field,
                                         std::optional<T> (*read_item)(const Field&,
                                                                       const std::string&)) {
    const auto items = field.list();
    if (!items) { return std::nullopt; }
    if (items->size() > list_items_max) {
        too_many_items(field);
        return std::nullopt;
    }
    std::vector<T> out;
    bool all = true;
    for (const std::string& item : *items) {
        if (auto value = read_item(field, item)) {
            out.push_back(*std::move(value));
        } else {
            all = false;
        }
    }
    if (!all) { return std::nullopt; }
    return out;
}

}  // namespace

std::optional<ike::Identity> read_gateway(const Field& field) {
    auto gateway = read_identity(field);
    if (!gateway) { return std::nullopt; }
    using enum ike::IdType;
    const bool address = gateway->type == ipv4_addr || gateway->type == ipv6_addr;
    const std::string name(gateway->data.begin(), gateway->data.end());
    if (address || (gateway->type == fqdn && !name.empty() && is_name(name))) { return gateway; }
    field.error("is neither an address nor a domain name", "name the other gateway");
    return std::nullopt;
}

std::optional<std::vector<ike::AddressPattern>> read_addresses(const Field& field) {
    return read_items<ike::AddressPattern>(field, address_of);
}

std::optional<std::vector<ike::SelectorConfig>> read_selectors(const Field& field) {
    return read_items<ike::SelectorConfig>(field, selector_of);
}

std::optional<ike::Proposals> read_proposals(const Field& field, ike::ProtocolId protocol) {
    const auto items = field.list();
    if (!items) { return std::nullopt; }
    if (items->size() > list_items_max) {
        too_many_items(field);
        return std::nullopt;
    }
    const std::string text = fmt::format("{}", fmt::join(*items, ","));
    const ike::BuiltPart built = ike::built_part(protocol, text);
    auto proposals = ike::parse_proposals(protocol, built.text);
    if (!proposals) {
        refused_below(field, proposals.error());
        return std::nullopt;
    }
    if (!built.left_out.empty()) {
        field.warning(fmt::format("offers less than it says: {} is not built, and what remains "
                                  "does without",
                                  printable(fmt::format("{}", fmt::join(built.left_out, ", ")))),
                      "remove it, unless the peer knows nothing else");
    }
    return *std::move(proposals);
}

}  // namespace culvert::config
