#include "cli/render.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace culvert::cli {
namespace {

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string joined(const vici::Section& section, std::string_view key) {
    const vici::List* const list = section.list(key);
    if (list == nullptr) { return {}; }
    std::string out;
    for (const std::string& item : *list) { out += (out.empty() ? "" : " ") + item; }
    return out;
}

std::string with_size(const vici::Section& section, std::string_view algorithm,
                      std::string_view size) {
    const std::string name = section.value_or(algorithm, "");
    const std::string bits = section.value_or(size, "");
    return bits.empty() ? name : name + "-" + bits;
}

std::string suite(const vici::Section& section) {
    std::string out = with_size(section, "encr-alg", "encr-keysize");
    for (const auto& [name, size] : {std::pair{"integ-alg", "integ-keysize"},
                                     std::pair{"prf-alg", ""}, std::pair{"dh-group", ""}}) {
        const std::string part = with_size(section, name, size);
        if (!part.empty()) { out += (out.empty() ? "" : "/") + part; }
    }
    if (section.value_or("esn", "") == "1" || section.value_or("esn", "") == "yes") {
        out += "/ESN";
    }
    return out;
}

const vici::Section* child_named(const vici::Section& ike, std::string_view name) {
    const vici::Section* const children = ike.section("child-sas");
    if (children == nullptr) { return nullptr; }
    for (const vici::Entry& entry : children->entries) {
        const auto* child = std::get_if<vici::Section>(&entry.element);
        if (child != nullptr && child->value_or("name", "") == name) { return child; }
    }
    return nullptr;
}

std::string state_in_words(const vici::Section& ike, const Style& style) {
    const std::string state = ike.value_or("state", "?");
    const std::string* const since = up_for(ike);
    const std::string up =
        style.good("up") + (since == nullptr ? std::string{} : " for " + duration(*since));
    if (state == "ESTABLISHED") { return up; }
    if (state == "REKEYING") { return up + ", getting fresh keys"; }
    if (state == "CREATED" || state == "CONNECTING") {
        return style.bad("connecting") + " for " + duration(ike.value_or("culvert-age", "0"));
    }
    return state == "REKEYED" ? "replaced by a fresh one" : "closing";
}

std::string child_state_in_words(const vici::Section& child, const Style& style) {
    const std::string state = child.value_or("state", "?");
    const std::string up =
        style.good("up") + " for " + duration(child.value_or("install-time", "0"));
    if (state == "INSTALLED") { return up; }
    if (state == "REKEYING") { return up + ", getting fresh keys"; }
    if (state == "UPDATING") { return up + ", moving to other addresses"; }
    if (state == "REKEYED") { return "replaced by a fresh one"; }
    if (state == "ROUTED") { return "waits for a packet"; }
    if (state == "CREATED" || state == "INSTALLING" || state == "RETRYING") {
        return style.bad("coming up");
    }
    return "closing";
}

std::string in_lower_case(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') { c = static_cast<char>(c - 'A' + 'a'); }
    }
    return text;
}

// "1.5 kB in 3 packets, the last 4 s ago".
std::string traffic(const vici::Section& child, std::string_view way) {
    const auto key = [&](std::string_view what) { return fmt::format("{}-{}", what, way); };
    std::string out = fmt::format("{} in {} packets", octets(child.value_or(key("bytes"), "0")),
                                  child.value_or(key("packets"), "0"));
    if (const std::string* idle = child.value(key("use"))) {
        out += fmt::format(", the last {} ago", duration(*idle));
    }
    return out;
}

std::string render_child(const vici::Section& child, const Style& style) {
    const bool in_udp = child.value_or("encap", "no") == "yes";
    std::string out =
        fmt::format("    {} #{}: {}, {} mode, {}{}{}{}\n", child.value_or("name", "?"),
                    child.value_or("uniqueid", "?"), child_state_in_words(child, style),
                    in_lower_case(child.value_or("mode", "?")), child.value_or("protocol", "ESP"),
                    in_udp ? " in UDP" : "", suite(child).empty() ? "" : ", ", suite(child));
    out += fmt::format("      {} === {}\n", joined(child, "local-ts"), joined(child, "remote-ts"));
    if (child.find("spi-in") != nullptr) {
        out +=
            fmt::format("      in  {}  {}\n", child.value_or("spi-in", "?"), traffic(child, "in"));
        out += fmt::format("      out {}  {}\n", child.value_or("spi-out", "?"),
                           traffic(child, "out"));
    }
    if (const std::string* rekey = child.value("rekey-time")) {
        out += fmt::format("      rekey in {}\n", duration(*rekey));
    }
    return out;
}

}  // namespace

std::string duration(std::string_view seconds) {
    const std::uint64_t all = number(seconds);
    if (all < 120) { return fmt::format("{} s", all); }
    if (all < 7200) { return fmt::format("{} min", all / 60); }
    if (all < 48 * 3600) { return fmt::format("{} h {} min", all / 3600, all / 60 % 60); }
    return fmt::format("{} d {} h", all / 86400, all / 3600 % 24);
}

std::string octets(std::string_view count) {
    constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(number(count));
    std::size_t unit = 0;
    while (value >= 1000 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", number(count))
                     : fmt::format("{:.1f} {}", value, units.at(unit));
}

std::string render_sa(const vici::Message& sa, const Style& style) {
    std::string out;
    for (const vici::Entry& entry : sa.entries) {
        const auto* const ike = std::get_if<vici::Section>(&entry.element);
        if (ike == nullptr) { continue; }
        out += fmt::format("{} #{}: {}, {}\n", entry.key, ike->value_or("uniqueid", "?"),
                           state_in_words(*ike, style), suite(*ike));
        for (const std::string side : {"local", "remote"}) {
            out += fmt::format("  {:<6} {}[{}]  {}\n", side, ike->value_or(side + "-host", "?"),
                               ike->value_or(side + "-port", "?"), ike->value_or(side + "-id", ""));
        }
        if (ike->value_or("culvert-transport", "udp") == "tcp") {
            out += "  way    TCP: IKE and ESP in one connection\n";
        }
        if (ike->value_or("nat-any", "no") == "yes") {
            const bool here = ike->value_or("nat-local", "no") == "yes";
            const bool there = ike->value_or("nat-remote", "no") == "yes";
            out += fmt::format("  NAT    {}\n", here && there ? "here and at the peer"
                                                : here        ? "here"
                                                : there       ? "at the peer"
                                                              : "none, but encap is set");
        }
        if (const std::string vips = joined(*ike, "local-vips"); !vips.empty()) {
            out += fmt::format("  our virtual address    {}\n", vips);
        }
        if (const std::string vips = joined(*ike, "remote-vips"); !vips.empty()) {
            out += fmt::format("  peer's virtual address {}\n", vips);
        }
        if (const std::string* rekey = ike->value("rekey-time")) {
            out += fmt::format("  rekey in {}\n", duration(*rekey));
        }
        if (const std::string* reauth = ike->value("reauth-time")) {
            out += fmt::format("  reauthentication in {}\n", duration(*reauth));
        }
        const vici::Section* const children = ike->section("child-sas");
        if (children == nullptr) { continue; }
        for (const vici::Entry& child : children->entries) {
            if (const auto* section = std::get_if<vici::Section>(&child.element)) {
                out += render_child(*section, style);
            }
        }
    }
    return out;
}

const std::string* up_for(const vici::Section& ike) {
    const std::string* const ours = ike.value("culvert-established");
    return ours != nullptr ? ours : ike.value("established");
}

bool ike_is_up(const vici::Section& ike) {
    const std::string state = ike.value_or("state", "");
    return state == "ESTABLISHED" || state == "REKEYING";
}

bool child_is_up(const vici::Section& child) {
    const std::string state = child.value_or("state", "");
    return state == "INSTALLED" || state == "REKEYING" || state == "UPDATING";
}

std::string suite_of(const vici::Section& sa) { return suite(sa); }

const vici::Message* sa_of(const std::vector<vici::Message>& sas, std::string_view ike,
                           std::string_view child) {
    for (const vici::Message& sa : sas) {
        for (const vici::Entry& entry : sa.entries) {
            const auto* const section = std::get_if<vici::Section>(&entry.element);
            if (section != nullptr && (ike.empty() || entry.key == ike) &&
                (child.empty() || child_named(*section, child) != nullptr)) {
                return &sa;
            }
        }
    }
    return nullptr;
}

std::string render_up(const vici::Message& sa, std::string_view name, const Style& style) {
    std::uint64_t took_us = 0;
    for (const vici::Entry& entry : sa.entries) {
        if (const auto* section = std::get_if<vici::Section>(&entry.element)) {
            took_us = number(section->value_or("culvert-handshake-us", "0"));
        }
    }
    return fmt::format("{} is {}, handshake {:.1f} ms\n", name, style.good("up"),
                       static_cast<double>(took_us) / 1000) +
           render_sa(sa, style);
}

std::string refused_by(const vici::Section& failure) {
    const std::string code = failure.value_or("code", "");
    if (code == name(ErrorCode::peer_unreachable) || code == name(ErrorCode::timed_out)) {
        return {};
    }
    return fmt::format(", refused by {}", failure.value_or("refused-by", "?"));
}

std::string render_error(std::string_view what, const Error& error) {
    std::string out = fmt::format("culvert: {}: {}\n", what, name(error.code));
    if (!error.wanted.empty()) { out += fmt::format("  wanted:    {}\n", error.wanted); }
    if (!error.received.empty()) { out += fmt::format("  got:       {}\n", error.received); }
    if (!error.remedy.empty()) { out += fmt::format("  to fix it: {}\n", error.remedy); }
    return out;
}

Error error_of(const vici::Message& answer) {
    // What is not ours says no more than errmsg.
    Error error{.code = ErrorCode::peer_refused,
                .wanted = answer.value_or("wanted", ""),
                .received = answer.value_or("received", ""),
                .remedy = answer.value_or("remedy", "")};
    const std::string code = answer.value_or("code", "");
    for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
        if (name(static_cast<ErrorCode>(i)) == code) { error.code = static_cast<ErrorCode>(i); }
    }
    if (error.wanted.empty() && error.received.empty()) {
        error.received = answer.value_or("errmsg", "");
    }
    return error;
}

}  // namespace culvert::cli
