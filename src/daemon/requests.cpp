#include "daemon/requests.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace culvert::daemon {
namespace {

Error not_a(std::string_view what, std::string_view key, std::string_view received) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("{} in {}", what, key),
            .received = received.empty() ? "nothing" : printable(received, 80)};
}

// The value of `key`, which may not be empty. Null: there is no such key.
Result<const std::string*> value_of(const vici::Message& message, std::string_view key,
                                    std::string_view what) {
    const vici::Entry* const entry = message.find(key);
    if (entry == nullptr) { return nullptr; }
    const auto* const text = std::get_if<std::string>(&entry->element);
    if (text == nullptr) { return std::unexpected(not_a(what, key, "a list or a section")); }
    if (text->empty()) { return std::unexpected(not_a(what, key, "")); }
    return text;
}

Result<std::string> name_in(const vici::Message& message, std::string_view key) {
    auto text = value_of(message, key, "a name");
    if (!text) { return std::unexpected(std::move(text).error()); }
    return *text == nullptr ? std::string{} : **text;
}

Result<std::optional<std::int64_t>> integer_in(const vici::Message& message, std::string_view key,
                                               std::int64_t least, std::int64_t most) {
    const std::string what = fmt::format("a number from {} to {}", least, most);
    const auto text = value_of(message, key, what);
    if (!text) { return std::unexpected(text.error()); }
    if (*text == nullptr) { return std::nullopt; }
    std::int64_t out = 0;
    const char* const end = (*text)->data() + (*text)->size();
    const auto [at, error] = std::from_chars((*text)->data(), end, out);
    if (error != std::errc{} || at != end || out < least || out > most) {
        return std::unexpected(not_a(what, key, **text));
    }
    return out;
}

Result<std::optional<std::uint32_t>> id_in(const vici::Message& message, std::string_view key) {
    const auto id = integer_in(message, key, 1, std::numeric_limits<std::uint32_t>::max());
    if (!id) { return std::unexpected(id.error()); }
    if (!*id) { return std::nullopt; }
    return static_cast<std::uint32_t>(**id);
}

Status read_peer(const vici::Message& message, ike::Redirect& out) {
    constexpr std::string_view addresses = "an address, subnet or range";
    const auto peer_ip = value_of(message, "peer-ip", addresses);
    if (!peer_ip) { return std::unexpected(peer_ip.error()); }
    if (*peer_ip != nullptr) {
        out.peer_address = IpRange::parse(**peer_ip);
        if (!out.peer_address) { return std::unexpected(not_a(addresses, "peer-ip", **peer_ip)); }
    }
    const auto peer_id = value_of(message, "peer-id", "an identity");
    if (!peer_id) { return std::unexpected(peer_id.error()); }
    if (*peer_id != nullptr) {
        auto id = ike::Identity::parse_pattern(**peer_id);
        if (!id) { return std::unexpected(std::move(id).error()); }
        out.peer_id = *std::move(id);
    }
    return {};
}

}  // namespace

Result<SaSelector> read_selector(const vici::Message& message) {
    auto ike = name_in(message, "ike");
    if (!ike) { return std::unexpected(std::move(ike).error()); }
    auto child = name_in(message, "child");
    if (!child) { return std::unexpected(std::move(child).error()); }
    const auto ike_id = id_in(message, "ike-id");
    if (!ike_id) { return std::unexpected(ike_id.error()); }
    const auto child_id = id_in(message, "child-id");
    if (!child_id) { return std::unexpected(child_id.error()); }
    return SaSelector{*std::move(ike), *std::move(child), *ike_id, *child_id};
}

Result<bool> read_switch(const vici::Message& message, std::string_view key) {
    const auto text = value_of(message, key, "yes or no");
    if (!text) { return std::unexpected(text.error()); }
    if (*text == nullptr) { return false; }
    std::string word = **text;
    std::ranges::transform(word, word.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    constexpr std::array<std::string_view, 4> yes{"yes", "true", "enabled", "1"};
    constexpr std::array<std::string_view, 4> no{"no", "false", "disabled", "0"};
    if (std::ranges::find(yes, word) != yes.end()) { return true; }
    if (std::ranges::find(no, word) != no.end()) { return false; }
    return std::unexpected(not_a("yes or no", key, **text));
}

Result<std::int64_t> read_integer(const vici::Message& message, std::string_view key,
                                  std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    const auto value = integer_in(message, key, least, most);
    if (!value) { return std::unexpected(value.error()); }
    return value->value_or(otherwise);
}

Result<ike::Redirect> read_redirect(const vici::Message& message) {
    auto selector = read_selector(message);
    if (!selector) { return std::unexpected(std::move(selector).error()); }
    ike::Redirect out{.ike = std::move(selector->ike), .ike_id = selector->ike_id};
    if (Status done = read_peer(message, out); !done) {
        return std::unexpected(std::move(done).error());
    }
    const bool of_somebody =
        !out.ike.empty() || out.ike_id || out.peer_address || message.find("peer-id") != nullptr;
    if (!of_somebody) {
        return std::unexpected(Error{.code = ErrorCode::malformed,
                                     .wanted = "redirect with ike, ike-id, peer-ip or peer-id",
                                     .received = "none of them"});
    }
    const std::string gateway = message.value_or("gateway", "");
    auto id = ike::Identity::parse(gateway);
    if (!id || gateway.empty()) {
        return std::unexpected(not_a("an address or a domain name", "gateway", gateway));
    }
    out.gateway = *std::move(id);
    return out;
}

}  // namespace culvert::daemon
