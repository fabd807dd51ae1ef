#include "cli/render_lists.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/drop_words.hpp"
#include "cli/render.hpp"

namespace culvert::cli {
namespace {

const vici::Section* first_section(const vici::Section& in, std::string* key = nullptr) {
    for (const vici::Entry& entry : in.entries) {
        if (const auto* section = std::get_if<vici::Section>(&entry.element)) {
            if (key != nullptr) { *key = entry.key; }
            return section;
        }
    }
    return nullptr;
}

std::string key_values(const vici::Section* section, std::string_view heading) {
    if (section == nullptr || section->entries.empty()) { return {}; }
    std::string out = fmt::format("{}\n", heading);
    for (const vici::Entry& entry : section->entries) {
        if (const auto* value = std::get_if<std::string>(&entry.element)) {
            out += fmt::format("  {:<28} {}\n", entry.key, *value);
        }
    }
    return out;
}

std::string peer_of(const vici::Section& ike) {
    const std::string* user = ike.value("remote-eap-id");
    return fmt::format("{}[{}] ({}{})", ike.value_or("remote-host", "?"),
                       ike.value_or("remote-port", "?"), ike.value_or("remote-id", "?"),
                       user == nullptr ? "" : ", user " + *user);
}

std::string selectors_of(const vici::Section& child) {
    const vici::List none;
    const vici::List* local = child.list("local-ts");
    const vici::List* remote = child.list("remote-ts");
    return fmt::format("{} === {}", fmt::join(local == nullptr ? none : *local, " "),
                       fmt::join(remote == nullptr ? none : *remote, " "));
}

std::string render_child_event(std::string_view event, const vici::Message& message,
                               const std::string& name, const vici::Section& ike) {
    const vici::Section* const children = ike.section("child-sas");
    if (children == nullptr) { return {}; }
    std::string key;
    const vici::Section* child = first_section(*children, &key);
    if (child == nullptr) { return {}; }
    if (event == "child-rekey") {
        const vici::Section* fresh = child->section("new");
        return fmt::format("{}/{} rekeyed: SPIs {} in, {} out\n", name, key,
                           fresh == nullptr ? "?" : fresh->value_or("spi-in", "?"),
                           fresh == nullptr ? "?" : fresh->value_or("spi-out", "?"));
    }
    const bool is_up = message.value_or("up", "no") == "yes";
    return fmt::format("{}/{} {}: {}\n", name, child->value_or("name", key), is_up ? "up" : "down",
                       selectors_of(*child));
}

std::string render_ike_event(std::string_view event, const vici::Message& message,
                             const std::string& name, const vici::Section& ike) {
    if (event == "ike-updown") {
        const bool is_up = message.value_or("up", "no") == "yes";
        return fmt::format("{} {}: {}\n", name, is_up ? "up" : "down", peer_of(ike));
    }
    if (event == "ike-rekey") {
        const vici::Section* fresh = ike.section("new");
        return fmt::format("{} rekeyed: {}\n", name, fresh == nullptr ? "?" : peer_of(*fresh));
    }
    return fmt::format("{} moved: {}\n", name, peer_of(ike));
}

std::string render_failure_event(const vici::Message& failure) {
    const std::string connection = failure.value_or("connection", "");
    return fmt::format("{}failure with {}{}: {}\n", connection.empty() ? "" : connection + " ",
                       failure.value_or("remote", "?"), refused_by(failure),
                       failure.value_or("text", ""));
}

}  // namespace

std::string render_stats(const vici::Message& stats) {
    std::string out;
    if (const vici::Section* const uptime = stats.section("uptime")) {
        out += fmt::format("up for {}, since {}\n", uptime->value_or("running", "?"),
                           uptime->value_or("since", "?"));
    }
    if (const vici::Section* const sas = stats.section("ikesas")) {
        out += fmt::format("IKE SAs: {}, half-open: {}\n", sas->value_or("total", "?"),
                           sas->value_or("half-open", "?"));
    }
    if (const vici::Section* const events = stats.section("culvert-events")) {
        out += key_values(events->section("handshakes"), "\nhandshakes");
        out += key_values(events->section("child-failures"), "\nChild SAs that were refused");
        out += fmt::format("\nrequests sent once more: {}, peers that died: {}\n",
                           events->value_or("retransmissions", "?"),
                           events->value_or("dead-peers", "?"));
    }
    out += key_values(stats.section("counters"), "\nIKE messages and rekeys");
    vici::Section dropped;
    vici::Section others;
    if (const vici::Section* const plane = stats.section("culvert-plane")) {
        for (const vici::Entry& entry : plane->entries) {
            const auto* const value = std::get_if<std::string>(&entry.element);
            if (value == nullptr) { continue; }
            if (drop_words(entry.key).empty()) {
                others.set(entry.key, *value);
            } else if (*value != "0") {
                dropped.set(entry.key, fmt::format("{:<10} {}", *value, drop_words(entry.key)));
            }
        }
    }
    out += key_values(&others, "\npackets");
    out += key_values(&dropped, "\npackets dropped");
    return out;
}

std::string render_leases(const vici::Message& pools) {
    if (pools.entries.empty()) { return "no pools are loaded\n"; }
    std::string out;
    for (const vici::Entry& entry : pools.entries) {
        const auto* const pool = std::get_if<vici::Section>(&entry.element);
        if (pool == nullptr) { continue; }
        out += fmt::format("{}: from {}, {} addresses, {} in use, {} kept\n", entry.key,
                           pool->value_or("base", "?"), pool->value_or("size", "?"),
                           pool->value_or("online", "0"), pool->value_or("offline", "0"));
        const vici::Section* const leases = pool->section("leases");
        if (leases == nullptr) { continue; }
        for (const vici::Entry& one : leases->entries) {
            if (const auto* lease = std::get_if<vici::Section>(&one.element)) {
                out +=
                    fmt::format("  {:<39} {:<8} {}\n", lease->value_or("address", "?"),
                                lease->value_or("status", "?"), lease->value_or("identity", "?"));
            }
        }
        if (const std::string* left = pool->value("culvert-leases-left-out")) {
            out += fmt::format("  and {} more, which do not fit into one answer of the daemon\n",
                               *left);
        }
    }
    return out;
}

std::string render_certs(const vici::Message& certificates) {
    const vici::Section* const all = certificates.section("certificates");
    if (all == nullptr || all->entries.empty()) { return "no certificates are loaded\n"; }
    std::string out;
    for (const vici::Entry& entry : all->entries) {
        const auto* const one = std::get_if<vici::Section>(&entry.element);
        if (one == nullptr) { continue; }
        const std::string flag = one->value_or("flag", "NONE");
        out += fmt::format(
            "{}{}{}\n", one->value_or("culvert-subject", one->value_or("subject", "?")),
            flag == "NONE" ? "" : fmt::format(" [{}]", flag),
            one->value_or("has_privkey", "no") == "yes" ? ", with its private key" : "");
        for (const auto& [key, words] :
             std::array<std::pair<std::string_view, std::string_view>, 4>{
                 {{"culvert-issuer", "issuer"},
                  {"culvert-names", "names"},
                  {"culvert-valid", "valid"},
                  {"culvert-expiry", "expires"}}}) {
            if (const std::string* value = one->value(key)) {
                out += fmt::format("  {:<8} {}\n", words, *value);
            }
        }
    }
    return out;
}

// ": esp_proposals, dpd_action", if the daemon says which.
std::string changed_keywords(const vici::Message& changes, const std::string& name) {
    const vici::Section* const all = changes.section("keywords");
    const vici::List* const words = all == nullptr ? nullptr : all->list(name);
    return words == nullptr ? std::string{} : fmt::format(": {}", fmt::join(*words, ", "));
}

std::string render_changes(const vici::Message& changes, std::string_view nothing) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> of_connections{
        {{"added", "+ connection"}, {"removed", "- connection"}, {"changed", "~ connection"}}};
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> of_children{
        {{"children-added", "+ child     "},
         {"children-removed", "- child     "},
         {"children-changed", "~ child     "}}};
    std::string out;
    for (const auto* kinds : {&of_connections, &of_children}) {
        for (const auto& [key, sign] : *kinds) {
            const vici::List* const names = changes.list(key);
            if (names == nullptr) { continue; }
            for (const std::string& name : *names) {
                out += fmt::format("{} {}{}\n", sign, name, changed_keywords(changes, name));
            }
        }
    }
    for (const auto& [key, words] : std::array<std::pair<std::string_view, std::string_view>, 5>{
             {{"order", "~ order"},
              {"secrets", "~ secrets"},
              {"credentials", "~ certificates and keys"},
              {"pools", "~ pools"},
              {"settings", "~ settings"}}}) {
        if (changes.value_or(key, "no") == "yes") { out += fmt::format("{}\n", words); }
    }
    return out.empty() ? fmt::format("{}\n", nothing) : out;
}

std::string render_event(std::string_view event, const vici::Message& message) {
    if (event == "culvert-failure") { return render_failure_event(message); }
    if (event == "alert") {
        return fmt::format("alert {}{}{}: {}\n", message.value_or("type", "?"),
                           message.find("ike-sa-name") == nullptr ? "" : " of ",
                           message.value_or("ike-sa-name", ""),
                           message.value_or("culvert-text", ""));
    }
    std::string name;
    const vici::Section* const ike = first_section(message, &name);
    if (ike == nullptr) { return fmt::format("{}\n", event); }
    return event.starts_with("child-") ? render_child_event(event, message, name, *ike)
                                       : render_ike_event(event, message, name, *ike);
}

}  // namespace culvert::cli
