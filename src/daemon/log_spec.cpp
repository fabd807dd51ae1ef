#include "daemon/log_spec.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace culvert::daemon {
namespace {

constexpr std::array<std::string_view, log_groups> group_names{"daemon", "config", "vici", "ike",
                                                               "plane"};
constexpr std::array<std::string_view, 5> severity_names{"error", "warn", "info", "debug", "trace"};

Error bad_log_item(std::string_view item) {
    return {.code = ErrorCode::config,
            .wanted =
                "--log with a level (error, warn, info, debug, trace), GROUP=LEVEL (groups: "
                "daemon, config, vici, ike, plane), format=text|json, file=PATH or syslog, "
                "joined by commas",
            .received = fmt::format("'{}'", printable(item)),
            .remedy = "write it like info,ike=debug,format=json,file=/var/log/culvertd.log"};
}

std::optional<Severity> severity_of(std::string_view text) {
    for (std::size_t i = 0; i < severity_names.size(); ++i) {
        if (severity_names[i] == text) { return static_cast<Severity>(i); }
    }
    return std::nullopt;
}

bool set_level(LogSpec& spec, std::string_view group, std::string_view level) {
    const auto severity = severity_of(level);
    for (std::size_t i = 0; i < group_names.size(); ++i) {
        if (group_names[i] == group && severity) {
            spec.levels[i] = *severity;
            return true;
        }
    }
    return false;
}

bool set_item(LogSpec& spec, std::string_view item) {
    if (item == "syslog") {
        spec.target = LogTarget::system_log;
        return true;
    }
    if (const auto level = severity_of(item)) {
        spec.levels.fill(*level);
        return true;
    }
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) { return false; }
    const std::string_view key = item.substr(0, equals);
    const std::string_view value = item.substr(equals + 1);
    if (key == "format") {
        if (value != "text" && value != "json") { return false; }
        spec.format = value == "json" ? LogFormat::json : LogFormat::text;
        return true;
    }
    if (key == "file") {
        if (value.empty()) { return false; }
        spec.target = value == "-" ? LogTarget::standard_error : LogTarget::file;
        spec.file = value == "-" ? "" : value;
        return true;
    }
    return set_level(spec, key, value);
}

}  // namespace

std::string_view name(LogGroup group) { return group_names[std::to_underlying(group)]; }
std::string_view name(Severity severity) { return severity_names[std::to_underlying(severity)]; }

Result<LogSpec> LogSpec::parse(std::string_view text) {
    LogSpec out;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
        if (!item.empty() && !set_item(out, item)) { return std::unexpected(bad_log_item(item)); }
    }
    return out;
}

}  // namespace culvert::daemon
