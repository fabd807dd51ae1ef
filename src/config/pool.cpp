// pools.<name>: virtual addresses, and what else a peer is told.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/nearest.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

// Attribute types by their names (IANA "IKEv2 Configuration Payload Attribute Types"); zero: there
// is none for this family.
struct AttributeName {
    std::string_view word;
    std::uint16_t v4;
    std::uint16_t v6;
};
constexpr std::uint16_t unity_split_include = 28676;
constexpr std::uint16_t unity_local_lan = 28678;
constexpr std::array names = std::to_array<AttributeName>({
    {"dns", 3, 10},
    {"nbns", 4, 11},
    {"dhcp", 6, 12},
    {"netmask", 2, 9},
    {"server", 23456, 23457},
    {"subnet", 13, 15},
    {"p_cscf", 20, 21},
    {"split_include", unity_split_include, 0},
    {"split_exclude", unity_local_lan, 0},
});

void append(Bytes& out, ByteView octets) { out.insert(out.end(), octets.begin(), octets.end()); }

Bytes octets_of(const IpAddress& address) {
    Bytes out;
    append(out, address.octets());
    return out;
}

IpAddress mask_of(unsigned prefix) {
    return IpAddress::v4(prefix == 0 ? 0 : 0xffffffffU << (32 - prefix));
}

// RFC 7296 3.15.1: INTERNAL_IP4_SUBNET is address and mask, INTERNAL_IP6_SUBNET address and prefix
// length. Cisco's Unity attributes are the former with six octets more.
Bytes octets_of(const IpSubnet& subnet, std::uint16_t type) {
    Bytes out = octets_of(subnet.network());
    if (subnet.address.is_v6()) {
        out.push_back(static_cast<std::uint8_t>(subnet.prefix));
        return out;
    }
    append(out, mask_of(subnet.prefix).octets());
    constexpr std::size_t unity_padding = 6;
    if (type == unity_split_include || type == unity_local_lan) {
        out.resize(out.size() + unity_padding);
    }
    return out;
}

std::optional<ike::PoolAttribute> named_attribute(const Field& field, const AttributeName& name,
                                                  const std::string& text) {
    const bool takes_subnet = name.word == "subnet" || name.word.starts_with("split_");
    const auto subnet = IpSubnet::parse(text);
    if (!subnet || (!takes_subnet && text.find('/') != std::string::npos)) {
        field.error(fmt::format("\"{}\" is not {}", printable(text, 80),
                                takes_subnet ? "a subnet" : "an address"),
                    takes_subnet ? "write 10.1.0.0/16" : "write one as 10.0.0.53 or fd00::53");
        return std::nullopt;
    }
    const std::uint16_t type = subnet->address.is_v4() ? name.v4 : name.v6;
    if (type == 0) {
        field.error(fmt::format("\"{}\" is an IPv6 subnet, which {} cannot carry",
                                printable(text, 80), name.word),
                    "name an IPv4 subnet");
        return std::nullopt;
    }
    return ike::PoolAttribute{
        .type = type,
        .value = takes_subnet ? octets_of(*subnet, type) : octets_of(subnet->address)};
}

// By number: an address, a subnet, or else the text itself (25 is INTERNAL_DNS_DOMAIN, RFC 8598).
ike::PoolAttribute numbered_attribute(std::uint16_t type, const std::string& text) {
    if (const auto address = IpAddress::parse(text)) {
        return {.type = type, .value = octets_of(*address)};
    }
    if (const auto subnet = IpSubnet::parse(text)) {
        return {.type = type, .value = octets_of(*subnet, type)};
    }
    const ByteView octets = as_bytes(text);
    return {.type = type, .value = {octets.begin(), octets.end()}};
}

// "10.3.0.0/24": strongSwan leaves out the first and the last address of a subnet, and begins at
// the host part where one is written.
std::optional<IpRange> usable(const IpSubnet& subnet) {
    IpRange range = subnet.range();
    constexpr unsigned bits_with_edges = 2;  // a subnet of two addresses or one has none to spare
    if (subnet.address.bits() - subnet.prefix >= bits_with_edges) {
        range = {*range.first.next(), *range.last.previous()};
    }
    return IpRange::make(std::max(range.first, subnet.address), range.last);
}

void read_addrs(const Field& field, ike::Pool& pool, bool& has_addrs) {
    const auto text = field.text();
    if (!text) { return; }
    const auto subnet = IpSubnet::parse(*text);
    const auto range = subnet ? usable(*subnet) : IpRange::parse(*text);
    if (!range) {
        field.error(fmt::format("\"{}\" is neither a subnet nor a range", printable(*text, 80)),
                    "write 10.3.0.0/24, or 10.3.0.10-10.3.0.99");
        return;
    }
    pool.addresses = *range;
    has_addrs = true;
}

}  // namespace

void read_attribute(const Field& field, std::string_view word,
                    std::vector<ike::PoolAttribute>& into) {
    const auto name = std::ranges::find(names, word, &AttributeName::word);
    const bool is_number =
        !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
    if (name == names.end() && !is_number) {
        std::vector<std::string_view> known{"addrs"};
        for (const AttributeName& one : names) { known.push_back(one.word); }
        const auto meant = nearest(word, known);
        return field.error("is not a keyword of this section",
                           meant ? fmt::format("did you mean {}?", *meant) : "remove it");
    }
    constexpr unsigned type_max = 32767;  // 15 bits (RFC 7296 3.15.1)
    unsigned type = 0;
    if (is_number) {
        for (const char c : word.substr(0, 6)) {
            type = type * 10 + static_cast<unsigned>(c - '0');
        }
        if (type == 0 || type > type_max) {
            field.error(
                fmt::format("attribute {} is not 1 to {}", printable(field.key(), 40), type_max),
                "see IANA's list of IKEv2 configuration attributes");
            return;
        }
    }
    const auto values = field.list();
    if (!values) { return; }
    for (const std::string& text : *values) {
        if (text.size() > attribute_size_max) {
            field.error(fmt::format("is longer than {} octets", attribute_size_max), "shorten it");
        } else if (is_number) {
            into.push_back(numbered_attribute(static_cast<std::uint16_t>(type), text));
        } else if (auto attribute = named_attribute(field, *name, text)) {
            into.push_back(*std::move(attribute));
        }
    }
}

std::optional<ike::Pool> read_pool(const Scope& scope) {
    ike::Pool pool{.name = std::string{scope.name()}};
    if (!is_name(scope)) { return std::nullopt; }
    bool has_addrs = false;
    bool named_addrs = false;
    scope.each([&](const Field& field) {
        if (field.key() == "addrs") {
            named_addrs = true;
            read_addrs(field, pool, has_addrs);
        } else {
            read_attribute(field, field.key(), pool.attributes);
        }
    });
    if (!named_addrs) {
        scope.error("has no addrs", "add addrs = 10.3.0.0/24, or remove the pool");
    }
    if (!has_addrs) { return std::nullopt; }
    return pool;
}

}  // namespace culvert::config
