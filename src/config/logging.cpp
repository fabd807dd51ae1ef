// strongswan.conf's filelog and syslog: where the log goes besides, and how much of it.

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

// strongSwan's groups. Which of ours each belongs to is the daemon's business.
constexpr std::array<std::string_view, 19> groups{
    "default", "app", "asn", "cfg", "chd", "dmn", "enc", "esp", "ike", "imc",
    "imv",     "job", "knl", "lib", "mgr", "net", "pts", "tls", "tnc"};
constexpr int level_min = -1;
constexpr int level_max = 4;

std::optional<int> read_level(const Field& field) {
    const auto text = field.text();
    if (!text) { return std::nullopt; }
    int level = 0;
    const char* end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data(), end, level);
    if (error == std::errc{} && at == end && level >= level_min && level <= level_max) {
        return level;
    }
    field.error(fmt::format("\"{}\" is not a level", printable(*text, 40)),
                "write -1 (nothing) to 4; 1 is what happens, 2 more of it");
    return std::nullopt;
}

// What files have beside levels. Ours have their own form, and are flushed after each line.
bool is_form(std::string_view key) {
    constexpr std::array<std::string_view, 6> words{"flush_line",  "ike_name",       "time_format",
                                                    "time_add_ms", "time_precision", "log_level"};
    return std::ranges::find(words, key) != words.end();
}

void read_output(const Scope& scope, LogOutput& out) {
    scope.each([&](const Field& field) {
        const std::string& key = field.key();
        if (std::ranges::find(groups, key) != groups.end()) {
            if (const auto level = read_level(field)) { out.levels[key] = *level; }
        } else if (key == "path" && out.kind == LogOutput::Kind::file) {
            if (auto path = field.text()) { out.name = *std::move(path); }
        } else if (key == "append" && out.kind == LogOutput::Kind::file) {
            if (const auto append = read_bool(field)) { out.append = *append; }
        } else if (!is_form(key)) {
            field.warning("is ignored: it is neither a group nor a setting of a log", "");
        }
    });
}

}  // namespace

void read_filelog(const Scope& scope, std::vector<LogOutput>& into) {
    scope.each([&](const Field& field) {
        if (field.section() == nullptr) {
            return field.warning("is ignored: here stand only sections, one a file", "");
        }
        LogOutput out{.kind = LogOutput::Kind::file, .name = field.key()};
        read_output(Scope{scope, field}, out);
        // Before 5.7 the section's name was the path.
        if (out.name == "stderr" || out.name == "stdout") {
            out.kind = LogOutput::Kind::standard_error;
        } else if (!out.name.starts_with('/')) {
            return field.error(fmt::format("\"{}\" is no full path", printable(out.name, 80)),
                               "add path = /var/log/charon.log");
        }
        into.push_back(std::move(out));
    });
}

void read_syslog(const Scope& scope, std::vector<LogOutput>& into) {
    scope.each([&](const Field& field) {
        if (field.key() == "identifier") { return; }  // ours is our name
        if (field.section() == nullptr || (field.key() != "daemon" && field.key() != "auth")) {
            return field.warning("is ignored: the facilities are daemon and auth", "");
        }
        LogOutput out{.kind = LogOutput::Kind::system_log, .name = field.key()};
        read_output(Scope{scope, field}, out);
        into.push_back(std::move(out));
    });
}

void read_journal(const Scope& scope, std::vector<LogOutput>& into) {
    LogOutput out{.kind = LogOutput::Kind::journal, .name = "journal"};
    read_output(scope, out);
    into.push_back(std::move(out));
}

}  // namespace culvert::config
