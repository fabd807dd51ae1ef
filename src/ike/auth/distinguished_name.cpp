#include "ike/auth/distinguished_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/auth/limits.hpp"

namespace culvert::ike {
namespace {

// X.690 8.1: the tags that names are made of.
constexpr std::uint8_t tag_oid = 0x06;
constexpr std::uint8_t tag_utf8 = 0x0c;
constexpr std::uint8_t tag_printable = 0x13;
constexpr std::uint8_t tag_t61 = 0x14;
constexpr std::uint8_t tag_ia5 = 0x16;
constexpr std::uint8_t tag_visible = 0x1a;
constexpr std::uint8_t tag_sequence = 0x30;
constexpr std::uint8_t tag_set = 0x31;

struct AttributeType {
    std::string_view name;
    std::string_view oid;
};

// The first name of an OID is the one that is printed.
constexpr std::array attribute_types{
    AttributeType{"CN", "2.5.4.3"},
    AttributeType{"SN", "2.5.4.4"},
    AttributeType{"serialNumber", "2.5.4.5"},
    AttributeType{"C", "2.5.4.6"},
    AttributeType{"L", "2.5.4.7"},
    AttributeType{"ST", "2.5.4.8"},
    AttributeType{"STREET", "2.5.4.9"},
    AttributeType{"O", "2.5.4.10"},
    AttributeType{"OU", "2.5.4.11"},
    AttributeType{"T", "2.5.4.12"},
    AttributeType{"D", "2.5.4.13"},
    AttributeType{"postalCode", "2.5.4.17"},
    AttributeType{"N", "2.5.4.41"},
    AttributeType{"G", "2.5.4.42"},
    AttributeType{"I", "2.5.4.43"},
    AttributeType{"ID", "2.5.4.45"},
    AttributeType{"dnQualifier", "2.5.4.46"},
    AttributeType{"pseudonym", "2.5.4.65"},
    AttributeType{"organizationIdentifier", "2.5.4.97"},
    AttributeType{"E", "1.2.840.113549.1.9.1"},
    AttributeType{"Email", "1.2.840.113549.1.9.1"},
    AttributeType{"emailAddress", "1.2.840.113549.1.9.1"},
    AttributeType{"UN", "1.2.840.113549.1.9.2"},
    AttributeType{"unstructuredName", "1.2.840.113549.1.9.2"},
    AttributeType{"UA", "1.2.840.113549.1.9.8"},
    AttributeType{"unstructuredAddress", "1.2.840.113549.1.9.8"},
    AttributeType{"UID", "0.9.2342.19200300.100.1.1"},
    AttributeType{"DC", "0.9.2342.19200300.100.1.25"},
    AttributeType{"EN", "2.16.840.1.113730.3.1.3"},
    AttributeType{"employeeNumber", "2.16.840.1.113730.3.1.3"},
    AttributeType{"ND", "0.2.262.1.10.7.20"},
    AttributeType{"TCGID", "1.3.6.1.4.1.1201.1.1.2.2.75"},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

// ---- DER

// X.690 10.1: definite, in as few octets as can be. Up to 65535 is more than any name has.
std::size_t read_length(Reader& in) {
    const std::uint8_t first = in.u8();
    if (first < 0x80) { return first; }
    std::size_t length = 0;
    switch (first) {
        case 0x81: length = in.u8(); break;
        case 0x82: length = in.u16(); break;
        default: in.fail("has a length that no name needs");
    }
    if (length < (first == 0x81 ? 0x80U : 0x100U)) { in.fail("has a length that is not DER"); }
    return length;
}

struct Element {
    std::uint8_t tag = 0;
    ByteView value;
};

Element read_element(Reader& in) {
    const std::uint8_t tag = in.u8();
    const std::size_t length = read_length(in);
    return {tag, in.bytes(length)};
}

ByteView read_tagged(Reader& in, std::uint8_t tag) {
    const Element element = read_element(in);
    if (element.tag != tag) { in.fail("is not the DER of a name"); }
    return in.failed() ? ByteView{} : element.value;
}

void write_element(Writer& out, std::uint8_t tag, ByteView value) {
    out.u8(tag);
    if (value.size() >= 0x100) {
        out.u8(0x82);
        out.u16(static_cast<std::uint16_t>(value.size()));
    } else {
        if (value.size() >= 0x80) { out.u8(0x81); }
        out.u8(static_cast<std::uint8_t>(value.size()));
    }
    out.bytes(value);
}

// ---- object identifiers

std::string oid_to_text(ByteView oid) {
    std::string out;
    std::uint64_t arc = 0;
    for (const std::uint8_t octet : oid) {
        if (arc >> 56U != 0) { return "?"; }
        arc = (arc << 7U) | (octet & 0x7fU);
        if ((octet & 0x80U) != 0) { continue; }
        if (out.empty()) {
            const std::uint64_t root = std::min<std::uint64_t>(arc / 40, 2);
            out = fmt::format("{}.{}", root, arc - 40 * root);
        } else {
            out += fmt::format(".{}", arc);
        }
        arc = 0;
    }
    return out;
}

void append_arc(Bytes& out, std::uint64_t arc) {
    std::array<std::uint8_t, 10> septets{};
    std::size_t count = 0;
    do {
        septets.at(count++) = static_cast<std::uint8_t>(arc & 0x7fU);
        arc >>= 7U;
    } while (arc != 0);
    while (count > 1) { out.push_back(septets.at(--count) | 0x80U); }
    out.push_back(septets[0]);
}

std::optional<Bytes> oid_from_text(std::string_view text) {
    std::vector<std::uint32_t> arcs;
    while (arcs.size() < oid_arcs_max) {
        std::uint32_t arc = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), arc);
        if (error != std::errc{}) { return {}; }
        arcs.push_back(arc);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty()) { break; }
        if (text.front() != '.') { return {}; }
        text.remove_prefix(1);
    }
    if (!text.empty() || arcs.size() < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39)) {
        return {};
    }
    Bytes out;
    append_arc(out, std::uint64_t{arcs[0]} * 40 + arcs[1]);
    for (std::size_t i = 2; i < arcs.size(); ++i) { append_arc(out, arcs[i]); }
    return out;
}

std::optional<Bytes> oid_of_type(std::string_view name) {
    const auto same = [name](const AttributeType& type) {
        return equal_ignoring_case(type.name, name);
    };
    const auto found = std::ranges::find_if(attribute_types, same);
    return oid_from_text(found == attribute_types.end() ? name : found->oid);
}

std::string type_of_oid(ByteView oid) {
    const std::string dotted = oid_to_text(oid);
    const auto found = std::ranges::find(attribute_types, dotted, &AttributeType::oid);
    return found == attribute_types.end() ? dotted : std::string{found->name};
}

// ---- text

bool is_printable_string(std::string_view text) {  // X.680 41.4
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{" '()+,-./:=?"}.find(c) != std::string_view::npos;
    });
}

std::uint8_t tag_for(ByteView oid, std::string_view value) {
    const std::string type = type_of_oid(oid);
    if (type == "E" || type == "DC" || type == "UN") { return tag_ia5; }
    return is_printable_string(value) ? tag_printable : tag_utf8;
}

Error bad_name(std::string_view text, std::string_view why) {
    return {.code = ErrorCode::config,
            .wanted = "a distinguished name as in \"C=CH, O=example, CN=moon\"",
            .received = fmt::format("\"{}\", which {}", printable(text), why)};
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') { text.remove_prefix(1); }
    while (!text.empty() && text.back() == ' ') { text.remove_suffix(1); }
    return text;
}

// Takes one "type=value" off the front, resolving quotes and backslashes of the value.
struct Piece {
    std::string_view type;
    std::string value;
    bool joined_next = false;  // a '+' ended it
};
Piece take_piece(std::string_view& text, char separator) {
    Piece piece;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        piece.type = std::exchange(text, {});
        return piece;
    }
    piece.type = trim(text.substr(0, equals));
    std::size_t at = equals + 1;
    while (at < text.size() && text[at] == ' ') { ++at; }
    bool quoted = false;
    std::size_t kept = 0;  // spaces behind this are no part of the value
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '\\' && at + 1 < text.size()) {
            piece.value += text[++at];
            kept = piece.value.size();
        } else if (c == '"') {
            quoted = !quoted;
            kept = piece.value.size();
        } else if (!quoted && c == separator) {
            break;
        } else {
            piece.value += c;
            if (c != ' ' || quoted) { kept = piece.value.size(); }
        }
    }
    piece.value.resize(kept);
    text.remove_prefix(std::min(at + 1, text.size()));
    return piece;
}

// "#hex": a whole DER value.
std::optional<Element> value_from_hex(std::string_view text, Bytes& storage) {
    auto octets = from_hex(text.substr(1));
    if (!octets) { return {}; }
    storage = std::move(*octets);
    Reader in{storage};
    const Element element = read_element(in);
    if (in.failed() || in.more()) { return {}; }
    return element;
}

bool is_text_tag(std::uint8_t tag) {
    return tag == tag_utf8 || tag == tag_printable || tag == tag_t61 || tag == tag_ia5 ||
           tag == tag_visible;
}

std::string value_to_text(const NameAttribute& attribute) {
    if (!is_text_tag(attribute.tag)) {
        Writer der;
        write_element(der, attribute.tag, attribute.value);
        return "#" + to_hex(der.view());
    }
    const std::string_view text = as_text(attribute.value);
    if (text.find_first_of(",+\"") != std::string_view::npos) {
        std::string quoted;
        for (const char c : text) { quoted += c == '"' ? std::string{"\\\""} : std::string{c}; }
        return printable("\"" + quoted + "\"");
    }
    // UTF-8 is for people to read; what is no text stays as escapes.
    return printable(text);
}

bool value_matches(const NameAttribute& value, const NameAttribute& pattern) {
    const std::string_view text = as_text(pattern.value);
    if (text == "*") { return true; }
    if (!is_text_tag(value.tag) || !is_text_tag(pattern.tag)) {
        return value.tag == pattern.tag && value.value == pattern.value;
    }
    return equal_ignoring_case(as_text(value.value), text);
}

}  // namespace

Result<NameAttributes> parse_name_der(ByteView der) {
    Reader outer{der};
    Reader rdns{read_tagged(outer, tag_sequence)};
    NameAttributes name;
    while (rdns.more() && !outer.failed()) {
        Reader rdn{read_tagged(rdns, tag_set)};
        bool joined = false;
        while (rdn.more()) {
            Reader attribute{read_tagged(rdn, tag_sequence)};
            NameAttribute one{.oid = to_bytes(read_tagged(attribute, tag_oid)), .joined = joined};
            const Element value = read_element(attribute);
            one.tag = value.tag;
            one.value = to_bytes(value.value);
            if (attribute.failed() || attribute.more()) { rdns.fail("is not the DER of a name"); }
            name.push_back(std::move(one));
            if (name.size() > distinguished_names_max) { rdns.fail("has more parts than we take"); }
            if (rdns.failed()) { break; }
            joined = true;
        }
        if (rdn.failed() || !joined) { rdns.fail("is not the DER of a name"); }
    }
    if (rdns.failed()) { outer.fail(rdns.why()); }
    return outer.finish(std::move(name), "distinguished name");
}

Bytes write_name_der(const NameAttributes& name) {
    Writer rdns;
    for (std::size_t i = 0; i < name.size();) {
        Writer rdn;
        do {
            Writer attribute;
            write_element(attribute, tag_oid, name[i].oid);
            write_element(attribute, name[i].tag, name[i].value);
            write_element(rdn, tag_sequence, attribute.view());
            ++i;
        } while (i < name.size() && name[i].joined);
        write_element(rdns, tag_set, rdn.view());
    }
    Writer out;
    write_element(out, tag_sequence, rdns.view());
    return out.take();
}

Result<NameAttributes> parse_name_text(std::string_view text) {
    const std::string_view whole = text;
    if (whole.size() > identity_size_max) { return std::unexpected(bad_name(text, "is too long")); }
    const char separator = text.starts_with('/') ? '/' : ',';
    if (separator == '/') { text.remove_prefix(1); }
    NameAttributes name;
    while (!trim(text).empty()) {
        const Piece piece = take_piece(text, separator);
        const auto oid = oid_of_type(piece.type);
        if (!oid) {
            return std::unexpected(bad_name(
                whole,
                fmt::format("has the unknown attribute type \"{}\"", printable(piece.type))));
        }
        NameAttribute attribute{.oid = *oid};
        if (piece.value.starts_with('#')) {
            Bytes storage;
            const auto value = value_from_hex(piece.value, storage);
            if (!value) {
                return std::unexpected(bad_name(whole, "has a \"#\" value that is no DER"));
            }
            attribute.tag = value->tag;
            attribute.value = to_bytes(value->value);
        } else {
            attribute.tag = tag_for(attribute.oid, piece.value);
            attribute.value = to_bytes(as_bytes(piece.value));
        }
        name.push_back(std::move(attribute));
        if (name.size() > distinguished_names_max) {
            return std::unexpected(bad_name(whole, "has too many parts"));
        }
    }
    if (name.empty()) { return std::unexpected(bad_name(whole, "is empty")); }
    return name;
}

std::string name_to_text(const NameAttributes& name) {
    std::string out;
    for (const NameAttribute& attribute : name) {
        if (!out.empty()) { out += attribute.joined ? " + " : ", "; }
        out += fmt::format("{}={}", type_of_oid(attribute.oid), value_to_text(attribute));
    }
    return out;
}

bool name_matches(const NameAttributes& name, const NameAttributes& pattern) {
    return std::ranges::equal(name, pattern, [](const auto& value, const auto& wanted) {
        return value.oid == wanted.oid && value_matches(value, wanted);
    });
}

}  // namespace culvert::ike
