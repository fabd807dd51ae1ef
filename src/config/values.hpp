#pragma once
// Values of swanctl.conf as types. Each reports what is wrong at the field and gives nothing then.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "config/report.hpp"
#include "ike/connection.hpp"

namespace culvert::config {

// yes, true, enabled, 1; no, false, disabled, 0; in any case.
std::optional<bool> read_bool(const Field& field);
// Decimal, or hex behind 0x.
std::optional<std::uint64_t> read_number(const Field& field, std::uint64_t least,
                                         std::uint64_t most);
// "90", "90s", "5m", "4h", "1 d", in any case; at most time_max.
std::optional<std::chrono::seconds> read_time(const Field& field);
// "1000", "64k", "10 M", "2G": powers of 1024.
std::optional<std::uint64_t> read_octets(const Field& field);
// A code point as six binary digits: "101110".
std::optional<std::uint8_t> read_dscp(const Field& field);
// A plain decimal fraction, as "1.8".
std::optional<double> read_fraction(const Field& field, double least, double most);

template <class T>
using Words = std::vector<std::pair<std::string_view, T>>;
// `expected` for messages: "yes, accept, no or force".
std::optional<std::size_t> read_word(const Field& field, const std::vector<std::string_view>& words,
                                     std::string_view expected);
template <class T>
std::optional<T> read_word(const Field& field, const Words<T>& words, std::string_view expected) {
    std::vector<std::string_view> names;
    for (const auto& [word, value] : words) { names.push_back(word); }
    const auto at = read_word(field, names, expected);
    if (!at) { return std::nullopt; }
    return words[*at].second;
}

struct Actions {
    bool trap = false;
    bool start = false;
};
// none/clear, trap/route/hold, start/restart, joined with "|".
std::optional<Actions> read_actions(const Field& field);

std::optional<ike::Identity> read_identity(const Field& field);
// The same, which may not stand for many but for %any.
std::optional<ike::Identity> read_own_identity(const Field& field);
// The same, which may stand for many.
std::optional<ike::Identity> read_identity_pattern(const Field& field);
// Where clients are redirected to: an address or a domain name.
std::optional<ike::Identity> read_gateway(const Field& field);
std::optional<std::vector<ike::AddressPattern>> read_addresses(const Field& field);
std::optional<ike::Proposals> read_proposals(const Field& field, ike::ProtocolId protocol);
std::optional<std::vector<ike::SelectorConfig>> read_selectors(const Field& field);

// Plain text, 0x and hex, 0s and base64. No message quotes it.
std::optional<Secret> read_secret(const Field& field);

// RFC 4648 4, without blanks. What the padding is missing of is passed over, as swanctl does.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace culvert::config
