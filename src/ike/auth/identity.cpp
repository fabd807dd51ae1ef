#include "ike/auth/identity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "ike/auth/distinguished_name.hpp"
#include "ike/auth/identity_pattern.hpp"
#include "ike/auth/identity_text.hpp"
#include "ike/auth/limits.hpp"

namespace culvert::ike {
namespace {

Error bad_identity(std::string_view text, std::string_view why) {
    return {.code = ErrorCode::config,
            .wanted = "an identity: an address, a name, user@host, a DN, keyid:text or %any",
            .received = fmt::format("\"{}\", which {}", printable(text), why)};
}

Identity text_identity(IdType type, std::string_view text) {
    return {type, to_bytes(as_bytes(text))};
}

Result<Identity> address_identity(std::string_view text, IpFamily family) {
    const auto address = IpAddress::parse(text);
    if (!address || address->family() != family) {
        return std::unexpected(bad_identity(
            text, family == IpFamily::v4 ? "is no IPv4 address" : "is no IPv6 address"));
    }
    return Identity::of(*address);
}

Result<Identity> name_identity(std::string_view text) {
    const auto name = parse_name_text(text);
    if (!name) { return std::unexpected(name.error()); }
    return Identity{IdType::der_asn1_dn, write_name_der(*name)};
}

struct Prefix {
    std::string_view text;
    IdType type;
};
constexpr std::array prefixes{
    Prefix{"ipv4:", IdType::ipv4_addr},
    Prefix{"ipv6:", IdType::ipv6_addr},
    Prefix{"fqdn:", IdType::fqdn},
    Prefix{"dns:", IdType::fqdn},
    Prefix{"email:", IdType::rfc822_addr},
    Prefix{"rfc822:", IdType::rfc822_addr},
    Prefix{"userfqdn:", IdType::rfc822_addr},
    Prefix{"asn1dn:", IdType::der_asn1_dn},
    Prefix{"asn1gn:", IdType::der_asn1_gn},
    Prefix{"keyid:", IdType::key_id},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// What is said of the type in front of a text.
struct Typed {
    std::optional<IdType> type;  // none: of no type that an identity in text can have
    std::string_view rest;
};

std::optional<Typed> numbered(std::string_view text) {
    const std::size_t end = text.find("}:");
    if (!text.starts_with('{') || end == text.npos) { return std::nullopt; }
    unsigned number = 0;
    const auto [at, error] = std::from_chars(text.data() + 1, text.data() + end, number);
    if (error != std::errc{} || at != text.data() + end) { return std::nullopt; }
    const auto known = std::ranges::find(
        prefixes, number, [](const Prefix& prefix) { return static_cast<unsigned>(prefix.type); });
    return Typed{known == prefixes.end() ? std::nullopt : std::optional{known->type},
                 text.substr(end + 2)};
}

std::optional<Typed> typed(std::string_view text) {
    if (const auto number = numbered(text)) { return number; }
    for (const Prefix& prefix : prefixes) {
        if (std::ranges::equal(text.substr(0, prefix.text.size()), prefix.text, {}, lower)) {
            return Typed{prefix.type, text.substr(prefix.text.size())};
        }
    }
    constexpr std::string_view xmpp = "xmppaddr:";
    if (std::ranges::equal(text.substr(0, xmpp.size()), xmpp, {}, lower)) {
        return Typed{std::nullopt, text.substr(xmpp.size())};
    }
    return std::nullopt;
}

// The type is given, so nothing is guessed.
Result<Identity> parse_typed(IdType type, std::string_view text) {
    if (text.starts_with('#')) {
        auto octets = from_hex(text.substr(1));
        if (!octets) { return std::unexpected(bad_identity(text, "is no hex")); }
        return Identity{type, std::move(*octets)};
    }
    switch (type) {
        case IdType::ipv4_addr: return address_identity(text, IpFamily::v4);
        case IdType::ipv6_addr: return address_identity(text, IpFamily::v6);
        case IdType::der_asn1_dn: return name_identity(text);
        case IdType::der_asn1_gn:
            return std::unexpected(bad_identity(text, "must be given as \"#\" and hex"));
        case IdType::any:
        case IdType::fqdn:
        case IdType::rfc822_addr:
        case IdType::key_id:
        case IdType::null:
        case IdType::address_range:
        case IdType::regex: break;
    }
    return text_identity(type, text);
}

bool is_any(std::string_view text) {
    constexpr std::array<std::string_view, 7> words{"",   "%any", "%any6",  "*",
                                                    "::", "0::0", "0.0.0.0"};
    return std::ranges::find(words, text) != words.end();
}

// "*.example.org" stands for whatever ends like that; else the whole has to be the same.
bool text_matches(std::string_view text, std::string_view pattern) {
    if (pattern.starts_with('*')) {
        pattern.remove_prefix(1);
        if (text.size() < pattern.size()) { return false; }
        text = text.substr(text.size() - pattern.size());
    }
    return std::ranges::equal(text, pattern, {}, lower, lower);
}

bool is_plain_text(ByteView octets) {
    return !octets.empty() &&
           std::ranges::all_of(octets, [](std::uint8_t o) { return o >= 0x20 && o < 0x7f; });
}

std::string address_text(ByteView octets) {
    const auto address = IpAddress::from_octets(octets);
    return address ? address->to_string() : "#" + to_hex(octets);
}

}  // namespace

bool is_untyped(std::string_view text) { return !text.starts_with("@#") && !typed(text); }

Identity Identity::of(const IpAddress& address) {
    return {address.is_v4() ? IdType::ipv4_addr : IdType::ipv6_addr, to_bytes(address.octets())};
}

Result<Identity> Identity::parse(std::string_view text) {
    if (text.size() > identity_size_max) {
        return std::unexpected(bad_identity(text, "is too long"));
    }
    if (is_any(text)) { return Identity{}; }
    if (is_pattern_text(text)) {
        return std::unexpected(bad_identity(text, "stands for many: only a peer's id may"));
    }
    if (const auto said = typed(text)) {
        if (said->type) { return parse_typed(*said->type, said->rest); }
        return std::unexpected(bad_identity(text, "is of a kind that is not built"));
    }
    if (text.find('=') != std::string_view::npos) {
        auto name = name_identity(text);
        return name ? *std::move(name) : text_identity(IdType::key_id, text);
    }
    if (text.starts_with("@#")) { return parse_typed(IdType::key_id, text.substr(1)); }
    if (text.starts_with("@@")) { return text_identity(IdType::rfc822_addr, text.substr(2)); }
    if (text.starts_with('@')) { return text_identity(IdType::fqdn, text.substr(1)); }
    if (text.find('@') != std::string_view::npos) {
        return text_identity(IdType::rfc822_addr, text);
    }
    if (const auto address = IpAddress::parse(text)) { return of(*address); }
    // A colon is in no host name.
    const bool has_colon = text.find(':') != std::string_view::npos;
    return text_identity(has_colon ? IdType::key_id : IdType::fqdn, text);
}

Result<Identity> Identity::parse_pattern(std::string_view text) {
    if (!is_pattern_text(text) || text.size() > identity_size_max) { return parse(text); }
    if (const std::size_t at = text.find('^'); text.ends_with('$') && at != text.npos) {
        const auto said = typed(text.substr(0, at));
        return regex_identity(text.substr(at),
                              said ? said->type.value_or(IdType::any) : IdType::any);
    }
    return range_identity(text);
}

std::string Identity::to_string() const {
    switch (type) {
        case IdType::any: return "%any";
        case IdType::null: return "%null";
        case IdType::ipv4_addr:
        case IdType::ipv6_addr: return address_text(data);
        case IdType::fqdn:
        case IdType::rfc822_addr: return printable(as_text(data));
        case IdType::der_asn1_dn: {
            const auto name = parse_name_der(data);
            return name ? name_to_text(*name) : "#" + to_hex(data);
        }
        case IdType::key_id:
            return is_plain_text(data) ? printable(as_text(data)) : "#" + to_hex(data);
        case IdType::address_range: return range_text(data);
        case IdType::regex: return regex_text(data);
        case IdType::der_asn1_gn: break;
    }
    return "#" + to_hex(data);
}

std::string_view Identity::type_name() const {
    switch (type) {
        case IdType::any: return "ANY";
        case IdType::ipv4_addr: return "IPV4_ADDR";
        case IdType::fqdn: return "FQDN";
        case IdType::rfc822_addr: return "RFC822_ADDR";
        case IdType::ipv6_addr: return "IPV6_ADDR";
        case IdType::der_asn1_dn: return "DER_ASN1_DN";
        case IdType::der_asn1_gn: return "DER_ASN1_GN";
        case IdType::key_id: return "KEY_ID";
        case IdType::null: return "NULL";
        case IdType::address_range: return "address range";
        case IdType::regex: return "regular expression";
    }
    return "UNKNOWN";
}

bool Identity::matches(const Identity& pattern) const {
    if (pattern.type == IdType::any) { return true; }
    if (pattern.type == IdType::address_range) { return in_range(*this, pattern.data); }
    if (pattern.type == IdType::regex) { return fits_regex(*this, pattern.data); }
    if (pattern.type != type) { return false; }
    switch (type) {
        case IdType::fqdn:
        case IdType::rfc822_addr: return text_matches(as_text(data), as_text(pattern.data));
        case IdType::der_asn1_dn: {
            const auto name = parse_name_der(data);
            const auto wanted = parse_name_der(pattern.data);
            if (name && wanted) { return name_matches(*name, *wanted); }
            return data == pattern.data;
        }
        case IdType::any:
        case IdType::ipv4_addr:
        case IdType::ipv6_addr:
        case IdType::der_asn1_gn:
        case IdType::key_id:
        case IdType::null:
        case IdType::address_range:
        case IdType::regex: break;
    }
    return data == pattern.data;
}

bool Identity::is_pattern() const {
    switch (type) {
        case IdType::any:
        case IdType::address_range:
        case IdType::regex: return true;
        case IdType::fqdn:
        case IdType::rfc822_addr: return as_text(data).starts_with('*');
        case IdType::der_asn1_dn: {
            const auto name = parse_name_der(data);
            return name && std::ranges::any_of(*name, [](const NameAttribute& one) {
                       return as_text(one.value) == "*";
                   });
        }
        case IdType::ipv4_addr:
        case IdType::ipv6_addr:
        case IdType::der_asn1_gn:
        case IdType::key_id:
        case IdType::null: break;
    }
    return false;
}

}  // namespace culvert::ike
